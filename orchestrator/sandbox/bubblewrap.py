"""The bubblewrap sandbox: own namespaces, no network, no host files, no rights."""

import asyncio
import math
import os
import platform
from pathlib import Path

from orchestrator.sandbox import Command, ExecResult, seccomp
from orchestrator.sandbox.interpreter import Installation, installation
from orchestrator.sandbox.mounts import PACKED, TOOLS, WORK, Mounts, install, mount
from orchestrator.sandbox.namespace import SAY_READY, SEARCHED, SEPARATE, dropped, located, run
from orchestrator.sandbox.surroundings import arguments, variables
from orchestrator.settings import SandboxName

_BARE_ENV = {"PATH": SEARCHED}
"""For bwrap itself: its first process stays inside and shows its environment to everybody."""
_UNPACK = (
    f'log=$(tar -xmf {PACKED} -C {WORK} 2>&1) || {{ printf "%s" "$log" >&2; exit 1; }}\n'
    f'{SAY_READY}exec "$@"'
)
_SEPARATE = (*SEPARATE, "--unshare-net")


class Bubblewrap:
    """Runs each command in new namespaces, as nobody, on a copy of its tree in memory.

    `cache` exists and other users may pass it; a Python installation that they cannot reach is
    copied there once. `program` is bubblewrap's name or path.
    """

    def __init__(self, cache: Path, *, program: str = "bwrap") -> None:
        self._cache = cache
        self._program = program

    @property
    def name(self) -> SandboxName:
        return "bubblewrap"

    async def exec(self, command: Command) -> ExecResult:
        """See Sandbox. Raises Missing when bubblewrap is not there or does not start."""
        program = located(self._program)
        python = await self._python(command.environment)

        def fill(mounts: Mounts) -> None:
            mount(mounts, command.tree, environment=command.environment, tools=command.tools)
            install(mounts, python)
            _enter(command, mounts)

        return await run(command, fill, program=program, separate=_SEPARATE, env=_BARE_ENV)

    async def _python(self, environment: Path | None) -> Installation:
        if not environment:
            return Installation()
        return await asyncio.to_thread(installation, environment, self._cache, uid=dropped())


def _enter(command: Command, mounts: Mounts) -> None:
    mounts.add("--remount-ro", "/", "--chdir", WORK, "--clearenv")
    for name, value in variables(command, "/tmp").items():
        mounts.add("--setenv", name, value)
    mounts.add("--seccomp", str(mounts.open(seccomp.program(platform.machine()))), "--")
    mounts.add(*_limits(command), "sh", "-c", _UNPACK, "sandbox")
    mounts.add(*arguments(command, TOOLS))


def _limits(command: Command) -> tuple[str, ...]:
    """Set inside, where the number of processes is counted per namespace."""
    processor = math.ceil(command.seconds * (os.cpu_count() or 1)) + 1
    return (
        "prlimit",
        f"--as={command.memory_mib << 20}",
        f"--fsize={256 << 20}",
        "--nofile=512",
        f"--nproc={command.processes}",
        "--core=0",
        f"--cpu={processor}",
        "--",
    )
