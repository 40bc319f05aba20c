"""Files that are there whole or not at all, and stay after a power cut."""

import errno
import os
import stat
import tempfile
import threading
from pathlib import Path

_TEMPORARY = ".tmp-"
_RESERVE = ".reserve"
_RESERVE_BYTES = 4 * 1024 * 1024
_MAKING = threading.RLock()


def write(path: Path, content: bytes) -> None:
    """Writes a file of mode 0600, and its missing folders, durably. Raises OSError; then no file of
    that name is new, and no temporary one is left.
    """
    _make(path.parent)
    descriptor, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def named(folder: Path, beginning: str) -> list[Path]:
    """The files whose names begin so. Not `glob`, which takes ten times as long."""
    try:
        return [path for path in folder.iterdir() if path.name.startswith(beginning)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def peek(path: Path, most: int) -> bytes:
    """At most `most` bytes of a plain file, never through a link; nothing of any other. Raises
    OSError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.ENOENT):
            return b""
        raise
    try:
        plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return os.read(descriptor, most) if plain else b""
    finally:
        os.close(descriptor)


def _make(folder: Path) -> None:
    """A new folder is durable when the one that names it is synced, and nobody uses it before."""
    with _MAKING:
        if folder.is_dir():
            return
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reserve(folder: Path) -> None:
    """Keeps disk space for what must still be written when the disk is full. Raises OSError."""
    path = folder / _RESERVE
    if path.exists() and path.stat().st_size == _RESERVE_BYTES:
        return
    _make(folder)
    try:
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _RESERVE_BYTES)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def release(folder: Path) -> bool:
    """Gives the reserve back to the disk; False when there is none."""
    try:
        (folder / _RESERVE).unlink()
    except OSError:
        return False
    return True


def clean(folder: Path) -> None:
    """Removes the temporary files that killed writers left."""
    for path in folder.rglob(f"{_TEMPORARY}*"):
        path.unlink(missing_ok=True)
