"""The sandbox's self-test: whether it really holds here, found out by trying, never by version."""

import json
import socket
from pathlib import Path

from orchestrator.artifacts.tree import Tree
from orchestrator.errors import Missing
from orchestrator.sandbox import Command, Sandbox
from orchestrator.sandbox.remedies import WEAKER
from orchestrator.scratch import temporary

_PROGRAM = Path(__file__).with_name("inside.py")


async def probe(sandbox: Sandbox, environment: Path) -> None:
    """Returns when `sandbox` works and keeps what its name promises. Once per process is enough.

    `process` promises nothing but to run. Raises Missing, with the remedy that fits, otherwise.
    """
    problems = await self_test(sandbox, environment)
    if problems and sandbox.name != "process":
        raise Missing(
            f"the {sandbox.name} sandbox does not hold: {'; '.join(problems)}",
            f"do not run generated code here: use another machine or container, {WEAKER}",
        )


async def self_test(sandbox: Sandbox, environment: Path) -> tuple[str, ...]:
    """What a command in `sandbox` can reach and must not, or must and cannot; one line each.

    `environment` is any Python environment. Raises Missing when nothing runs in it.
    """
    with (
        temporary() as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        canary = folder / "canary"
        canary.write_text("seen", "utf-8")
        for path, mode in ((folder, 0o755), (canary, 0o644)):
            path.chmod(mode)
        result = await sandbox.exec(
            Command(
                argv=("{env}/bin/python", "-I", "inside.py", str(canary), _port(server)),
                tree=Tree({"inside.py": _PROGRAM.read_bytes()}),
                environment=environment,
                tools=None,
                seconds=30,
                memory_mib=1024,
                processes=64,
                output_kib=64,
            )
        )
    if result.outcome != "exited" or result.returncode:
        raise Missing(
            f"no Python runs in the {sandbox.name} sandbox: {result.outcome}, "
            f"code {result.returncode}, {result.stderr.strip()[-400:]!r}",
            f"see whether {environment}/bin/python runs by hand; {WEAKER}",
        )
    return tuple(json.loads(result.stdout))


def _port(server: socket.socket) -> str:
    return str(server.getsockname()[1])
