"""The namespaces that bubblewrap makes: how a command is started in them, and ended with them."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from orchestrator.errors import Missing
from orchestrator.sandbox import Command, ExecResult, pidtree
from orchestrator.sandbox.mounts import NOBODY, Mounts
from orchestrator.sandbox.remedies import WEAKER, remedy
from orchestrator.sandbox.spawn import Launch, spawn
from orchestrator.sandbox.streams import readable

SEARCHED = "/usr/local/bin:/usr/bin:/bin"
READY = b"\x1b[sandbox ready]\n"
SAY_READY = "printf '\\033[sandbox ready]\\n' >&2\n"
"""What the shell inside writes to its standard error once everything is mounted, and how."""
SEPARATE = (
    *("--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY), "--unshare-pid"),
    *("--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--hostname", "sandbox", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
    "--disable-userns",
)
"""Everything but a network of its own."""
_MARKS = (b"\0--hostname\0sandbox\0", b"\0--info-fd\0")
_PATIENCE = 5.0
"""Seconds for bwrap to name its first process."""


def dropped() -> int | None:
    """The user to become. Root's rights are dropped: he would be the host's root in every
    namespace.
    """
    return NOBODY if os.geteuid() == 0 else None


def located(program: str) -> str:
    """The path of bubblewrap, by name or path. Raises Missing."""
    found = shutil.which(program, path=SEARCHED)
    if not found:
        raise Missing(
            "bubblewrap is not installed",
            f"apt-get install bubblewrap, or your system's package of that name; {WEAKER}",
        )
    return found


def reap() -> None:
    """Ends what was left by a process of ours that was killed while it started a sandbox.

    bwrap, which dies with it, lets the sandbox's first process go by a word that nobody gives then:
    it has run nothing, and would wait for ever. It is known by its parent, which is no bwrap.
    """
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            argv = (entry / "cmdline").read_bytes()
            if not all(mark in argv for mark in _MARKS):
                continue
            facts = dict(line.split(":", 1) for line in (entry / "status").read_text().splitlines())
            first = facts["NSpid"].split()[1:] == ["1"]
            if first and Path("/proc", facts["PPid"].strip(), "cmdline").read_bytes() != argv:
                os.kill(int(entry.name), signal.SIGKILL)


async def run(
    command: Command,
    fill: Callable[[Mounts], None],
    *,
    program: str,
    separate: tuple[str, ...],
    env: Mapping[str, str],
) -> ExecResult:
    """Starts bubblewrap at the path `program` with `separate` and what `fill` adds: the mounts, and
    a shell that says READY before it becomes the command. `env` is what bubblewrap itself gets.

    Raises Missing when it does not start.
    """
    mounts = Mounts()
    reading, writing = os.pipe()
    mounts.fds.append(writing)
    try:
        mounts.add(program, *separate, "--info-fd", str(writing))
        fill(mounts)
    except BaseException:
        for fd in (*mounts.fds, reading):
            os.close(fd)
        raise
    argv, fds = tuple(mounts.options), tuple(mounts.fds)
    launch = Launch(argv=argv, env=env, cwd=Path("/"), fds=fds, uid=dropped())
    grip = Namespace(reading)
    try:
        ended = await spawn(launch, command, grip=grip)
    finally:
        await grip.close()
    before, ready, after = ended.stderr.partition(READY)
    if not ready and not ended.killed_by:
        message = before.decode("utf-8", "replace").strip() or f"code {ended.returncode}"
        raise Missing(f"the sandbox does not start: {message}", remedy(message))
    return ended._replace(stderr=after).result()


class Namespace:
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
