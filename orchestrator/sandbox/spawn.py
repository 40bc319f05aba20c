"""A spawned command: its streams capped, its memory watched, its end certain."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from orchestrator.artifacts.values import Value
from orchestrator.errors import Missing
from orchestrator.sandbox import Command, ExecResult, pidtree
from orchestrator.sandbox.streams import Fed, Kept, readable

KilledBy = Literal["", "time", "memory", "output", "signal"]

_POLL = 0.1
_SPACE = "see whether memory, processes and open files are free, and util-linux is installed"
_PATIENCE = 1.0
"""Seconds for the last output, once every process that we can find is dead."""

_FATAL = frozenset(
    128 + number
    for number in (
        *(signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE),
        *(signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGSYS),
        *(signal.SIGXCPU, signal.SIGXFSZ),
    )
)
"""Codes that a shell gives to a death that no program means as its own exit code."""


class Launch(Value):
    """What really is executed. `fds` are ours: given to the child, then closed here.

    `uid` is the real user and group to become, None to stay.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    fds: tuple[int, ...] = ()
    uid: int | None = None

    @property
    def command(self) -> tuple[str, ...]:
        """By setpriv where rights are dropped: Popen's `user` copies all our memory's tables."""
        if self.uid is None:
            return self.argv
        drop = (f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", "--")
        return ("setpriv", *drop, *self.argv)


class Grip(Protocol):
    """How a backend holds what it started; `pid` is the launched process, not yet reaped."""

    def members(self, pid: int) -> Iterable[int]:
        """The command's processes, for the memory limit."""
        ...

    async def end(self, pid: int) -> None:
        """Kills every process of the command and returns when they are gone."""
        ...


class Ended(NamedTuple):
    """The streams are the first bytes of each; `returncode` is as a shell gives it."""

    returncode: int
    stdout: bytes
    stderr: bytes
    truncated: bool
    killed_by: KilledBy
    seconds: float

    def result(self) -> ExecResult:
        killed_by = self.killed_by or ("signal" if self.returncode in _FATAL else "")
        outcomes: Mapping[KilledBy, Literal["exited", "timed out", "too much output", "killed"]]
        outcomes = {"": "exited", "time": "timed out", "output": "too much output"}
        return ExecResult(
            outcome=outcomes.get(killed_by, "killed"),
            returncode=self.returncode,
            stdout=self.stdout.decode("utf-8", "replace"),
            stderr=self.stderr.decode("utf-8", "replace"),
            truncated=self.truncated,
            killed_by=killed_by,
            seconds=self.seconds,
        )


async def spawn(launch: Launch, command: Command, *, grip: Grip) -> Ended:
    """Runs `launch` to its end or to a limit of `command`. A cancelled call kills, then waits.

    Raises Missing when it cannot be started.
    """
    started = time.monotonic()
    flooded = asyncio.Event()
    child, streams = _start(launch, command, flooded)
    try:
        killed_by = await _first_limit(child, command, grip=grip, flooded=flooded)
    finally:
        await _in_any_case(_finish(child, grip, streams))
    code = child.returncode or 0
    return Ended(
        returncode=128 - code if code < 0 else code,
        stdout=bytes(streams.stdout.content),
        stderr=bytes(streams.stderr.content),
        truncated=streams.stdout.truncated or streams.stderr.truncated,
        killed_by="output" if flooded.is_set() else killed_by,
        seconds=time.monotonic() - started,
    )


class _Streams(NamedTuple):
    stdin: Fed
    stdout: Kept
    stderr: Kept


def _start(
    launch: Launch, command: Command, flooded: asyncio.Event
) -> tuple[subprocess.Popen[bytes], _Streams]:
    pipes = [os.pipe() for _ in range(3)]
    (stdin, feeding), (reading_out, stdout), (reading_err, stderr) = pipes
    for fd in (stdin, stdout, stderr) if launch.uid is not None else ():
        os.fchmod(fd, 0o666)  # /dev/stdin and its kin are opened anew, by another user
    try:
        child = subprocess.Popen(
            launch.command,
            env=launch.env,
            cwd=launch.cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=(*launch.fds, *command.pass_fds),
            start_new_session=True,
        )
    except OSError as error:
        for fd in (feeding, reading_out, reading_err):
            os.close(fd)
        raise Missing(f"cannot start {launch.command[0]}: {error}", _SPACE) from error
    finally:
        for fd in (stdin, stdout, stderr, *launch.fds):
            os.close(fd)
    limit = command.output_kib * 1024
    kept = [Kept(fd, limit, flooded=flooded) for fd in (reading_out, reading_err)]
    return child, _Streams(Fed(feeding, command.stdin), *kept)


async def _first_limit(
    child: subprocess.Popen[bytes], command: Command, *, grip: Grip, flooded: asyncio.Event
) -> KilledBy:
    """What ended the command's time: "" when it exited by itself."""
    causes: dict[asyncio.Task[object], KilledBy] = {
        asyncio.create_task(_exited(child)): "",
        asyncio.create_task(flooded.wait()): "output",
        asyncio.create_task(_overweight(child.pid, command, grip)): "memory",
    }
    try:
        done, _ = await asyncio.wait(
            causes, timeout=command.seconds, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        for task in causes:
            task.cancel()
        await asyncio.wait(causes)
    for task in done:
        task.result()
    first: list[KilledBy] = [cause for task, cause in causes.items() if task in done]
    return first[0] if first else "time"


async def _exited(child: subprocess.Popen[bytes]) -> None:
    """Returns when `child` has ended. Where there are pidfds it is not reaped, so that its number
    still means it."""
    if not hasattr(os, "pidfd_open"):
        while child.poll() is None:
            await asyncio.sleep(_POLL / 5)
        return
    handle = os.pidfd_open(child.pid)
    try:
        await readable(handle)
    finally:
        os.close(handle)


async def _overweight(pid: int, command: Command, grip: Grip) -> None:
    """Returns when the command's processes hold half as much again as they may."""
    limit = command.memory_mib * 1024 * 3 // 2
    while True:
        members = grip.members(pid)
        if pidtree.resident_kib(members) > limit and pidtree.proportional_kib(members) > limit:
            return
        await asyncio.sleep(_POLL)


async def _finish(child: subprocess.Popen[bytes], grip: Grip, streams: _Streams) -> None:
    try:
        await grip.end(child.pid)
        await _exited(child)
        child.wait()
        last = asyncio.gather(streams.stdout.closed.wait(), streams.stderr.closed.wait())
        with suppress(TimeoutError):
            await asyncio.wait_for(last, _PATIENCE)
    finally:
        for stream in streams:
            stream.close()


async def _in_any_case(work: Awaitable[None]) -> None:
    """Awaits `work` to its end however often the caller is cancelled, then lets that cancel."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled:
        raise cancelled
