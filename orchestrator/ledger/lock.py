"""One process advances a run: a lock on the run's folder that its child processes inherit."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator.errors import Busy, Missing

_POLL_SECONDS = 0.05


class RunLock:
    """Held from `with` to its end, and for as long as a child that was given `fileno()` lives.

    `wait` is in seconds: children of a killed process need a moment to finish. Entering raises
    Busy, naming the holder, or Missing when the folder cannot be written.
    """

    def __init__(self, folder: Path, *, wait: float = 5.0) -> None:
        self._path = folder / "lock"
        self._wait = wait
        self._descriptor = -1

    def fileno(self) -> int:
        """The descriptor for `pass_fds`; -1 while the lock is not held."""
        return self._descriptor

    def __enter__(self) -> Self:
        descriptor = self._open()
        try:
            self._take(descriptor)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(descriptor)
            raise Missing(
                f"cannot write {self._path}: {error.strerror}", "free space or mend the folder"
            ) from error
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes only: an unlock would take the lock from children that inherited it."""
        os.close(self._descriptor)
        self._descriptor = -1

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Missing(
                f"cannot open {self._path}: {error.strerror}",
                "check the run's folder and its permissions",
            ) from error

    def _take(self, descriptor: int) -> None:
        until = time.monotonic() + self._wait
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise self._busy(descriptor) from None
            time.sleep(_POLL_SECONDS)

    def _busy(self, descriptor: int) -> Busy:
        pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        run = self._path.parent
        if pid.isdigit() and not _alive(int(pid)):
            return Busy(
                f"process {pid} no longer runs, but one that it started still holds {run}",
                "wait for it, or end it",
            )
        return Busy(f"process {pid or 'unknown'} advances {run}", "wait for it, or end it")


def holder(folder: Path) -> int:
    """The pid of the process that advances the run in `folder`, 0 when none does. Takes no lock,
    so it never stands in anybody's way.
    """
    path = folder / "lock"
    try:
        text = path.read_text("ascii", "replace").strip()
    except OSError:
        return 0
    pid = int(text) if text.isdigit() else 0
    return pid if pid and _alive(pid) and _has_open(pid, path.resolve()) else 0


def _has_open(pid: int, path: Path) -> bool:
    """Whether that process has `path` open; another one may have got the pid of one that ended.
    True where it cannot be seen.
    """
    folder = Path(f"/proc/{pid}/fd")
    try:
        return any(_leads_to(one) == str(path) for one in folder.iterdir())
    except OSError:
        return True


def _leads_to(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
