"""Folders for what is not finished: gone at the end, or after a kill when the next one is made."""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.errors import Missing

_TEMPORARY = "orchestrate.scratch-"
_REFUSED = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT)
)


@contextmanager
def scratch(parent: Path, prefix: str) -> Generator[Path]:
    """A new folder of mode 0700 in `parent`, where nobody else uses `prefix`. Raises OSError."""
    sweep(parent, prefix)
    folder, held = _made(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


@contextmanager
def temporary() -> Generator[Path]:
    """One for temporary files, with its links resolved. What the disk refuses there, also to the
    caller, is raised as Missing.
    """
    try:
        with scratch(Path(tempfile.gettempdir()), _TEMPORARY) as folder:
            yield folder.resolve()
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        raise Missing(
            f"cannot write temporary files: {error.strerror} {error.filename or ''}".strip(),
            "free space there, or set TMPDIR to another folder; then try again",
        ) from error


def sweep(parent: Path, prefix: str) -> None:
    """Removes such folders of ours that nobody holds any more: their makers were killed."""
    for path in parent.glob(f"{prefix}*"):
        with suppress(OSError):
            held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if os.fstat(held).st_uid == os.geteuid():
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(held)


def publish(new: Path, goal: Path) -> None:
    """Renames the folder `new`, on the same disk, to `goal`, all of it or nothing, also for a power
    cut. Raises OSError, as when `goal` is a folder that holds something.
    """
    for path in (*new.rglob("*"), new):
        if not path.is_symlink():
            sync(path)
    new.rename(goal)
    sync(goal.parent)


def sync(path: Path) -> None:
    """Returns when the file, or what the folder lists, survives a power cut. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _made(parent: Path, prefix: str) -> tuple[Path, int]:
    """A new folder and the descriptor that holds it; somebody may sweep it before it is held."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        with suppress(FileNotFoundError):
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(held, fcntl.LOCK_EX)
            if folder.exists():
                return folder, held
            os.close(held)
