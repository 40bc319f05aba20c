import asyncio
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.artifacts.tree import Tree
from orchestrator.sandbox import Command, ExecResult, Sandbox
from orchestrator.sandbox.bubblewrap import Bubblewrap
from orchestrator.sandbox.process import Process

Commanded = Callable[..., Command]
Run = Callable[..., ExecResult]


@pytest.fixture(scope="session")
def cache() -> Iterator[Path]:
    """A folder that every user may pass; pytest's own are root's alone."""
    with tempfile.TemporaryDirectory(prefix="orchestrate-test-") as folder:
        path = Path(folder).resolve()
        path.chmod(0o755)
        yield path


@pytest.fixture(scope="session")
def environment(cache: Path) -> Path:
    uv = Path(sys.executable).with_name("uv")
    path = cache / "environment"
    subprocess.run(
        [uv, "venv", "--quiet", "--no-config", "--offline", "--python", sys.executable, path],
        check=True,
    )
    return path


@pytest.fixture(scope="session")
def bubblewrap(cache: Path) -> Sandbox:
    return Bubblewrap(cache)


@pytest.fixture(params=["bubblewrap", "process"])
def sandbox(request: pytest.FixtureRequest, bubblewrap: Sandbox) -> Sandbox:
    return bubblewrap if request.param == "bubblewrap" else Process()


@pytest.fixture(scope="session")
def commanded(environment: Path) -> Commanded:
    """A command that runs `code` with the environment's Python."""

    def command(code: str, **changed: object) -> Command:
        values: dict[str, object] = {
            "argv": ("{env}/bin/python", "-c", code),
            "tree": Tree(),
            "environment": environment,
            "tools": None,
            "seconds": 60,
            "memory_mib": 512,
            "processes": 64,
            "output_kib": 64,
        }
        return Command.model_validate(values | changed)

    return command


@pytest.fixture(scope="session")
def run(commanded: Commanded) -> Run:
    def exec_(sandbox: Sandbox, code: str, **changed: object) -> ExecResult:
        return asyncio.run(sandbox.exec(commanded(code, **changed)))

    return exec_


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Our end and the command's end. At the end of every process that has it, ours says so."""
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    with ours, theirs:
        yield ours, theirs
