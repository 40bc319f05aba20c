"""The bubblewrap sandbox: own namespaces, no network, no host files, no rights."""

import asyncio
import json
import math
import os
import platform
import shutil
import signal
from contextlib import suppress
from pathlib import Path

from orchestrator.errors import Missing
from orchestrator.sandbox import Command, ExecResult, pidtree, seccomp
from orchestrator.sandbox.interpreter import Installation, installation
from orchestrator.sandbox.mounts import NOBODY, PACKED, TOOLS, WORK, Mounts, install, mount
from orchestrator.sandbox.remedies import WEAKER, remedy
from orchestrator.sandbox.spawn import Launch, spawn
from orchestrator.sandbox.streams import readable
from orchestrator.sandbox.surroundings import arguments, variables
from orchestrator.settings import SandboxName

_SEARCHED = "/usr/local/bin:/usr/bin:/bin"
_BARE_ENV = {"PATH": _SEARCHED}
"""For bwrap itself: its first process stays inside and shows its environment to everybody."""
_READY = b"\x1b[sandbox ready]\n"
_UNPACK = (
    f'log=$(tar -xmf {PACKED} -C {WORK} 2>&1) || {{ printf "%s" "$log" >&2; exit 1; }}\n'
    'printf "%s\\n" "$0" >&2\n'
    'exec "$@"'
)
_PATIENCE = 5.0
"""Seconds for bwrap to name its first process."""
_SEPARATE = (
    *("--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY), "--unshare-pid"),
    *("--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--unshare-net"),
    *("--hostname", "sandbox", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
    "--disable-userns",
)


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
        program = shutil.which(self._program, path=_SEARCHED)
        if not program:
            raise Missing(
                "bubblewrap is not installed",
                f"apt-get install bubblewrap, or your system's package of that name; {WEAKER}",
            )
        python = await self._python(command.environment)
        mounts = Mounts()
        reading, writing = os.pipe()
        mounts.fds.append(writing)
        try:
            mounts.add(program, *_SEPARATE, "--info-fd", str(writing))
            mount(mounts, command.tree, environment=command.environment, tools=command.tools)
            install(mounts, python)
            launch = _launch(command, mounts)
        except BaseException:
            for fd in (*mounts.fds, reading):
                os.close(fd)
            raise
        grip = _Namespace(reading)
        try:
            ended = await spawn(launch, command, grip=grip)
        finally:
            await grip.close()
        before, ready, after = ended.stderr.partition(_READY)
        if not ready and not ended.killed_by:
            message = before.decode("utf-8", "replace").strip() or f"code {ended.returncode}"
            raise Missing(f"the sandbox does not start: {message}", remedy(message))
        return ended._replace(stderr=after).result()

    async def _python(self, environment: Path | None) -> Installation:
        if not environment:
            return Installation()
        return await asyncio.to_thread(installation, environment, self._cache, uid=_uid())


def _uid() -> int | None:
    """Root's rights are dropped: he would be the host's root in every namespace."""
    return NOBODY if os.geteuid() == 0 else None


def _launch(command: Command, mounts: Mounts) -> Launch:
    mounts.add("--remount-ro", "/", "--chdir", WORK, "--clearenv")
    for name, value in variables(command, "/tmp").items():
        mounts.add("--setenv", name, value)
    mounts.add("--seccomp", str(mounts.open(seccomp.program(platform.machine()))), "--")
    mounts.add(*_limits(command), "sh", "-c", _UNPACK, _READY.decode().strip())
    mounts.add(*arguments(command, TOOLS))
    return Launch(
        argv=tuple(mounts.options),
        env=_BARE_ENV,
        cwd=Path("/"),
        fds=tuple(mounts.fds),
        uid=_uid(),
    )


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


class _Namespace:
    """The grip on a pid namespace: when its first process is gone, all of it is.

    `info` is the reading end of bwrap's --info-fd, which names that process.
    """

    def __init__(self, info: int) -> None:
        self._info = info
        self._first = asyncio.create_task(_first(info))

    def members(self, pid: int) -> frozenset[int]:
        return pidtree.descendants(pid)

    async def end(self, pid: int) -> None:
        # bwrap lets the first process go only after it has named it here: one that is not named has
        # run nothing, but to kill bwrap alone in between would leave it behind.
        await asyncio.wait([self._first], timeout=_PATIENCE)
        handle = self._first.result() if self._first.done() else None
        if handle is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        if handle is not None:
            await readable(handle)

    async def close(self) -> None:
        """Lets go of the descriptors; the namespace has ended, or never began."""
        self._first.cancel()
        await asyncio.wait([self._first])
        os.close(self._info)
        handle = None if self._first.cancelled() else self._first.result()
        if handle is not None:
            os.close(handle)


async def _first(info: int) -> int | None:
    """A pidfd of the first process, None when there was none or it is gone already."""
    told = b""
    while b"}" not in told:
        await readable(info)
        more = os.read(info, 4096)
        if not more:
            return None
        told += more
    try:
        return os.pidfd_open(int(json.loads(told)["child-pid"]))
    except ProcessLookupError:
        return None
