"""One process advances a run: a lock on the run's folder that its child processes inherit."""

import fcntl
import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator.errors import Busy, Missing

_NAME = "lock"
_POLL_SECONDS = 0.05
_RECORD = "hhqqi"
"""C's struct flock: type, whence, start, length, pid."""


class RunLock:
    """Held from `with` to its end, and for as long as a child that was given `fileno()` lives.

    `wait` is in seconds: children of a killed process need a moment to finish. Entering raises
    Busy, naming the holder, or Missing when the folder cannot be written.
    """

    def __init__(self, folder: Path, *, wait: float = 5.0) -> None:
        self._path = folder / _NAME
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
            _sign(descriptor)
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
        pid = _written(descriptor)
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

    Raises Missing when the lock cannot be read.
    """
    path = folder / _NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise Missing(f"cannot read {path}: {error.strerror}", "mend its permissions") from error
    try:
        pid = _written(descriptor) if _held(descriptor) else ""
        return int(pid) if pid.isdecimal() else 0
    finally:
        os.close(descriptor)


def _sign(descriptor: int) -> None:
    """A second lock of another kind, which can be asked for without being taken. It lives and is
    inherited as the first one is. Where there is no such kind, the first has to do.
    """
    with suppress(OSError):
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _record(fcntl.F_WRLCK))


def _held(descriptor: int) -> bool:
    try:
        found = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _record(fcntl.F_WRLCK))
    except OSError:
        return _taken(descriptor)
    return struct.unpack(_RECORD, found)[0] != fcntl.F_UNLCK


def _taken(descriptor: int) -> bool:
    """The same where there is only the first kind: by holding it with others for a moment, which is
    shorter than the patience of who wants it alone.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _record(kind: int) -> bytes:
    """All of a file, as `kind`."""
    return struct.pack(_RECORD, kind, os.SEEK_SET, 0, 0, 0)


def _written(descriptor: int) -> str:
    """The pid that the last holder wrote."""
    return os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
