"""A folder on disk in which several files change together: all of them, or all are put back."""

import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType

from orchestrator.project.reading import OPEN, names

FOLDER = OPEN | os.O_DIRECTORY
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Disk:
    """For `with`: when the block ends with an exception, everything is as it was.

    `root` is an open folder. Paths are relative to it, and no part of one is followed as a link.
    `lost` then names what could not be put back.
    """

    def __init__(self, root: int) -> None:
        self._open = {"": os.dup(root)}
        self._undo: list[tuple[str, Callable[[], None]]] = []
        self._kept: list[Callable[[], None]] = []
        self.lost: list[str] = []

    def __enter__(self) -> "Disk":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error:
                self._put_back()
            else:
                self._settle()
        finally:
            for handle in self._open.values():
                os.close(handle)

    def stage(self, path: str, content: bytes) -> Callable[[], None]:
        """Writes `content` beside `path`, with the mode and owner of what is there; the result
        puts it in its place.
        """
        folder, name = self._at(path)
        beside = _fresh()
        handle = os.open(beside, NEW, 0o666, dir_fd=folder)
        self._later(path, partial(_gone, beside, folder))
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            _like(handle, name, folder)
            file.flush()
            os.fsync(handle)
        return partial(self._place, path, beside)

    def remove(self, path: str) -> None:
        """Takes the file away; it is kept aside until the block has ended."""
        folder, name = self._at(path)
        aside = _fresh()
        os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=folder)
        self._later(path, partial(os.rename, aside, name, src_dir_fd=folder, dst_dir_fd=folder))
        self._kept.append(partial(_gone, aside, folder))

    def prune(self, path: str) -> None:
        """When all is done, the folders of `path` that are then empty go, too."""
        parts = path.split("/")[:-1]
        for depth in range(len(parts), 0, -1):
            folder, name = self._at("/".join(parts[:depth]))
            self._kept.append(partial(_empty_gone, name, folder))

    def _place(self, path: str, beside: str) -> None:
        folder, name = self._at(path)
        if name in names(folder):
            self.remove(path)
        os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
        self._later(path, partial(_gone, name, folder))

    def _at(self, path: str) -> tuple[int, str]:
        """The open folder that `path` lies in, made if need be, and the last part of `path`."""
        parent, _, name = path.rpartition("/")
        if parent not in self._open:
            above, part = self._at(parent)
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=above)
                self._later(parent, partial(os.rmdir, part, dir_fd=above))
            self._open[parent] = os.open(part, FOLDER, dir_fd=above)
        return self._open[parent], name

    def _later(self, path: str, step: Callable[[], None]) -> None:
        self._undo.append((path, step))

    def _put_back(self) -> None:
        for path, step in reversed(self._undo):
            try:
                step()
            except OSError as error:
                self.lost.append(f"{path}: {error.strerror}")

    def _settle(self) -> None:
        """What is left over does no harm, so nothing here may fail."""
        for step in self._kept:
            with suppress(OSError):
                step()
        for handle in self._open.values():
            with suppress(OSError):
                os.fsync(handle)


def _fresh() -> str:
    return f".orchestrate-{secrets.token_hex(8)}"


def _like(handle: int, name: str, folder: int) -> None:
    """Rights alone: nobody's contents become a program that runs as its owner."""
    try:
        old = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    with suppress(PermissionError):
        os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, stat.S_IMODE(old.st_mode) & 0o777)


def _gone(name: str, folder: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _empty_gone(name: str, folder: int) -> None:
    with suppress(OSError):
        os.rmdir(name, dir_fd=folder)
