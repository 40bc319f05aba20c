"""The command as a process that is killed, or whose disk fails, at a boundary that an aim names.

Python tells an audit hook of every file opened, renamed or removed, every folder made, process
started and address called, before it happens. A hook in the victim sees each boundary of the code
by what it does to the world, and nothing in the product knows of it.
"""

import ctypes
import errno
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from tests.command import FORK, main_of

PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x20000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
FSYNC = os.fsync
CACHE = Path("/var/cache/milestone-orchestrator")
ORPHANED_SECONDS = 20.0
"""What descends from a dead run may take so long to end: git finishes, a sandbox is told."""

Act = Literal["kill", "fill", "lock", "ENOSPC", "EROFS"]


@dataclass(frozen=True)
class Aim:
    """At the `nth` event in which `pattern` is found, before it happens; or, with `after`, at the
    first event that follows it.

    `kill` comes `late` milliseconds later, so that what was started is under way. The others are
    failures of the disk, which last until the process ends: `fill` takes all the room on the disk
    of `where`, `lock` makes the folder `where` read-only, in both for git as well; ENOSPC and EROFS
    are raised for this event and each one after it that changes what lies below `where`.
    """

    pattern: str
    nth: int = 1
    after: bool = False
    late: float = 0
    act: Act = "kill"
    where: str = ""


def _opened(path: object, _mode: object, flags: object) -> str:
    if not isinstance(path, str | bytes | os.PathLike):
        return ""
    changes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    return f"{'write' if changes else 'read'} {os.fsdecode(path)}"


def _started(program: object, argv: Any, _cwd: object, _env: object) -> str:
    words = argv if isinstance(argv, list | tuple) else [argv]
    said = " ".join(map(os.fsdecode, words))
    return f"start {program} {' '.join(said.split())}"


EVENTS: Mapping[str, Callable[..., str]] = {
    "open": _opened,
    "os.rename": lambda old, new, *_: f"rename {old} to {new}",
    "os.remove": lambda path, *_: f"remove {path}",
    "os.mkdir": lambda path, *_: f"mkdir {path}",
    "os.rmdir": lambda path, *_: f"rmdir {path}",
    "os.chmod": lambda path, *_: f"chmod {path}",
    "os.chown": lambda path, *_: f"chown {path}",
    "subprocess.Popen": _started,
    "socket.connect": lambda _socket, address: f"connect {address}",
}


class Hook:
    """Waits for the first of `aims` and tells which it was; `log` gets every event: where the
    boundaries lie is read from it.
    """

    def __init__(self, aims: tuple[Aim, ...], told: Connection, log: Path | None) -> None:
        self._aims = [re.compile(aim.pattern) for aim in aims]
        self._given = aims
        self._left = [aim.nth for aim in aims]
        self._told = told
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if log else -1
        self._busy = threading.local()
        self._next = -1
        self._struck: Aim | None = None

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        tell = EVENTS.get(event)
        if tell is None or getattr(self._busy, "now", False):
            return
        self._busy.now = True
        try:
            if said := tell(*args):
                self._see(said)
        finally:
            self._busy.now = False

    def _see(self, said: str) -> None:
        if self._log >= 0:
            os.write(self._log, f"{said}\n".encode("utf-8", "replace"))
        if self._struck is None and self._next >= 0:
            self._strike(self._next)
        elif self._struck is None:
            for index, pattern in enumerate(self._aims):
                if pattern.search(said):
                    self._left[index] -= 1
                    if self._left[index] == 0 and self._struck is None:
                        self._meet(index)
        if self._struck is not None and self._struck.act in ("ENOSPC", "EROFS"):
            _refuse(self._struck, said)

    def _meet(self, index: int) -> None:
        if self._given[index].after:
            self._next = index
        else:
            self._strike(index)

    def _strike(self, index: int) -> None:
        self._struck = aim = self._given[index]
        self._told.send(("struck", index))
        if aim.act == "fill":
            fill(Path(aim.where))
        elif aim.act == "lock":
            _locked(aim.where)
        elif aim.act == "kill" and aim.late:
            threading.Thread(target=_die, args=(aim.late / 1000,), daemon=True).start()
        elif aim.act == "kill":
            _die(0)

    def synced(self, descriptor: Any) -> None:
        """Python tells no hook of it."""
        if self._log >= 0:
            number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
            os.write(self._log, f"fsync {Path(f'/proc/self/fd/{number}').readlink()}\n".encode())
        FSYNC(descriptor)


def _die(seconds: float) -> None:
    if seconds:
        time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


def _refuse(aim: Aim, said: str) -> None:
    verb, _, rest = said.partition(" ")
    if aim.where in rest and verb not in ("read", "start", "connect"):
        frees = verb in ("remove", "rmdir") and aim.act == "ENOSPC"
        if not frees:
            number = getattr(errno, aim.act)
            raise OSError(number, os.strerror(number), rest.partition(" to ")[0])


def fill(folder: Path) -> None:
    """Takes all the room on the disk of `folder`, in a file there."""
    with suppress(OSError), (folder / "filler").open("ab", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def _locked(folder: str) -> None:
    """Nothing can be written below `folder` any more; what is open stays open."""
    libc = ctypes.CDLL(None, use_errno=True)
    path = os.fsencode(folder)
    for flags in (MS_BIND, MS_REMOUNT | MS_BIND | MS_RDONLY):
        if libc.mount(path, path, None, flags, None):
            raise RuntimeError(f"cannot bind {folder}: {os.strerror(ctypes.get_errno())}")


@dataclass(frozen=True)
class Order:
    """How the command is run. `cache` is instead of the machine's, None for that."""

    home: str
    words: tuple[str, ...]
    env: Mapping[str, str]
    out: str
    err: str
    aims: tuple[Aim, ...]
    log: Path | None
    cache: Path | None


def parent(told: Connection, order: Order) -> None:
    """Runs the victim as its child, inherits whoever outlives it, and says who did."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if os.geteuid() == 0:
        _apart(libc, order.cache)
    pid = os.fork()
    if pid == 0:
        told.send(("pid", os.getpid()))
        hook = Hook(order.aims, told, order.log)
        sys.addaudithook(hook)
        os.fsync = hook.synced
        main_of(order.home, [*order.words], dict(order.env), order.out, order.err)
    _, status = os.waitpid(pid, 0)
    told.send(("ended", os.waitstatus_to_exitcode(status)))
    told.send(("left", _orphans()))


def _apart(libc: ctypes.CDLL, cache: Path | None) -> None:
    """Mounts of its own, and perhaps a cache."""
    assert libc.unshare(CLONE_NEWNS) == 0
    assert libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0
    if cache:
        assert libc.mount(bytes(cache), bytes(CACHE), None, MS_BIND, None) == 0


def _orphans() -> list[str]:
    """What descends from the victim and did not end in time."""
    until = time.monotonic() + ORPHANED_SECONDS
    while time.monotonic() < until:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return []
        time.sleep(0.005)
    pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    told = [_told(pid) for pid in pids]
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)
    return told


def _told(pid: str) -> str:
    folder = Path("/proc", pid)
    with suppress(OSError):
        argv = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        return f"{(folder / 'comm').read_text().strip()} ({state}) {argv}"
    return pid


class Victim:
    """The command, forked with its imports done. `place` is a folder for what it says."""

    def __init__(
        self,
        home: Path,
        *words: str,
        env: Mapping[str, str],
        place: Path,
        aims: tuple[Aim, ...] = (),
        cache: Path | None = None,
        traced: bool = False,
    ) -> None:
        name = os.urandom(4).hex()
        self.log = place / f"{name}.log" if traced else None
        self._out, self._err = place / f"{name}.out", place / f"{name}.err"
        self._out.touch()
        self._err.touch()
        self._told, theirs = FORK.Pipe(duplex=False)
        self.struck: int | None = None
        """The place in `aims` of the one that came true."""
        order = Order(
            home=str(home),
            words=words,
            env=env,
            out=str(self._out),
            err=str(self._err),
            aims=aims,
            log=self.log,
            cache=cache,
        )
        self._process = FORK.Process(target=parent, args=(theirs, order))
        self._process.start()
        theirs.close()
        self.pid: int = self._heard("pid")

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """The exit code; -9 when it was killed."""
        return self._heard("ended")

    def left(self) -> list[str]:
        """The command lines of what outlived it by ORPHANED_SECONDS."""
        found = self._heard("left")
        self._process.join(60)
        self._told.close()
        return found

    @property
    def said(self) -> str:
        return self._err.read_text("utf-8", "replace")

    def _heard(self, kind: str) -> Any:
        while self._told.poll(180):
            said, what = self._told.recv()
            if said == kind:
                return what
            assert said == "struck"
            self.struck = what
        raise AssertionError(f"no word of {kind}: {self.said}")
