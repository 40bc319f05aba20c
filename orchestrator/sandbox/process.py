"""The process sandbox, which is none: clean variables, limits and a sweep, but nothing is hidden.

For recordings that one trusts, or chosen by name. Generated code runs with the caller's rights.
"""

import asyncio
import math
import os
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

from orchestrator.artifacts.tree import Tree
from orchestrator.errors import Missing
from orchestrator.sandbox import Command, ExecResult, pidtree
from orchestrator.sandbox.mounts import confined
from orchestrator.sandbox.spawn import Launch, spawn
from orchestrator.sandbox.surroundings import arguments, variables
from orchestrator.scratch import temporary
from orchestrator.settings import SandboxName

_LIMIT = (
    "ulimit -c 0; ulimit -n 512; ulimit -f 524288; ulimit -t {seconds}; "
    'ulimit -v {kib} 2>/dev/null; exec "$@"'
)
_SWEEPS = 50


class Process:
    """Runs each command in a folder of its own with the caller's rights.

    No limit on the number of processes, no network of its own; a daemon that leaves its session and
    changes its HOME survives.
    """

    @property
    def name(self) -> SandboxName:
        return "process"

    async def exec(self, command: Command) -> ExecResult:
        """See Sandbox. Raises Missing when the working copy cannot be written."""
        with (
            temporary() as place,
            tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True) as own,
        ):
            work, home = Path(own, "work"), Path(own, "home")
            try:
                home.mkdir()
                _write(command.tree, work)
            except OSError as error:
                raise Missing(
                    f"cannot write the working copy: {error}", "free space in /tmp"
                ) from (error)
            seconds = math.ceil(command.seconds * (os.cpu_count() or 1)) + 1
            limit = _LIMIT.format(seconds=seconds, kib=command.memory_mib * 1024)
            launch = Launch(
                argv=("/bin/sh", "-c", limit, "sh", *arguments(command, str(command.tools))),
                env=variables(command, str(home)),
                cwd=work,
            )
            return (await spawn(launch, command, grip=Session(f"HOME={home}"))).result()


def _write(tree: Tree, folder: Path) -> None:
    folder.mkdir()
    for path, content in tree.items():
        target = folder / confined(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


class Session:
    """The grip on a session: who is in it, or still carries `variable`, as in "HOME=/tmp/x"."""

    def __init__(self, variable: str) -> None:
        self._mark = f"\0{variable}\0".encode()

    def members(self, pid: int) -> frozenset[int]:
        return pidtree.descendants(pid) | pidtree.matching(
            lambda session, environment: session == pid or self._mark in b"\0" + environment
        )

    async def end(self, pid: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        killed: dict[int, str] = {}
        for _ in range(_SWEEPS):
            left = self.members(pid) - {pid}
            # One that is about to die shows no environment any more, and holds its files still.
            if not left and not any(pidtree.alive(*one) for one in killed.items()):
                return
            killed |= {member: pidtree.born(member) for member in left}
            for member in left:
                with suppress(ProcessLookupError):
                    os.kill(member, signal.SIGKILL)
            await asyncio.sleep(0.01)
