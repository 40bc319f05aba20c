"""A folder as a Tree: regular files only, no link followed, nothing waited for."""

import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ConfigDict

from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.changes.paths import malformed
from orchestrator.errors import Misuse

MOST_FILES = 5_000
MOST_ENTRIES = 20_000
"""Folders, and what is left out, included."""
MOST_FILE_BYTES = 16 * 1024 * 1024
MOST_BYTES = 64 * 1024 * 1024
OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
NOT_OURS = {
    ".git": "belongs to git",
    ".hg": "belongs to Mercurial",
    ".svn": "belongs to Subversion",
    ".github": "belongs to a service, not to the program",
    ".venv": "an environment",
    "venv": "an environment",
    "node_modules": "packages",
    "__pycache__": "a cache",
    ".pytest_cache": "a cache",
    ".mypy_cache": "a cache",
    ".ruff_cache": "a cache",
    ".tox": "a cache",
    ".orchestrate": "belongs to this tool",
}
KINDS = (
    (stat.S_ISLNK, "a link, not followed"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


class LeftOut(Value):
    """What a Tree does not have of its folder: `path` may be a folder with all that is in it."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


class Reading(Value):
    """What a folder holds. `refused` has a line for each name that no project may have."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    tree: Tree
    left_out: tuple[LeftOut, ...]
    refused: tuple[str, ...]


def read(folder: Path) -> Reading:
    """Raises Misuse when `folder` is none, cannot be read, or holds more than a project may."""
    walk = _Walk(folder)
    with opened(folder) as root:
        walk.take(root, "")
    return Reading(
        tree=Tree(walk.files), left_out=tuple(walk.left_out), refused=tuple(walk.refused)
    )


@contextmanager
def opened(folder: Path) -> Generator[int]:
    """A descriptor of `folder`, which may itself be reached by a link. Raises Misuse."""
    try:
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Misuse(f"cannot read the folder {folder}: {why}", "name a project's folder") from (
            error
        )
    try:
        yield root
    finally:
        os.close(root)


def not_ours(name: str) -> str:
    """Why what is called `name` is no part of a project, "" when it may be."""
    if name in NOT_OURS:
        return NOT_OURS[name]
    if name.endswith(".pyc"):
        return "compiled"
    if name.startswith(".git") and name == name.casefold() and malformed(name):
        return "belongs to git"  # other spellings are not git's own, and are refused as such
    return ""


def names(folder: int) -> list[str]:
    """What lies in the open `folder`."""
    with os.scandir(folder) as entries:
        return [one.name for one in entries]


class _Walk:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries = 0
        self._bytes = 0
        self.files: dict[str, bytes] = {}
        self.left_out: list[LeftOut] = []
        self.refused: list[str] = []

    def take(self, folder: int, path: str) -> None:
        """Everything below the open `folder`, whose name is `path`. It goes no deeper than a
        well-formed path is long.
        """
        for name in sorted(self._names(folder)):
            place = f"{path}/{name}" if path else name
            if why := not_ours(name):
                self._leave(place, why)
            elif why := malformed(place):
                self.refused.append(f"{place!r}: {why}")
            else:
                try:
                    self._one(folder, name, place)
                except OSError as error:
                    self._leave(place, error.strerror or "cannot be read")

    def _names(self, folder: int) -> Iterator[str]:
        with os.scandir(folder) as entries:
            for entry in entries:
                self._entries += 1
                if self._entries > MOST_ENTRIES:
                    raise self._too_much(f"more than {MOST_ENTRIES} files and folders")
                yield entry.name

    def _one(self, folder: int, name: str, place: str) -> None:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if why := next((why for is_kind, why in KINDS if is_kind(mode)), ""):
            self._leave(place, why)
        elif stat.S_ISDIR(mode):
            inner = os.open(name, OPEN | os.O_DIRECTORY, dir_fd=folder)
            try:
                if name == "env" and "pyvenv.cfg" in names(inner):
                    self._leave(place, "an environment")
                else:
                    self.take(inner, place)
            finally:
                os.close(inner)
        else:
            self._content(os.open(name, OPEN | os.O_NONBLOCK, dir_fd=folder), place)

    def _content(self, handle: int, place: str) -> None:
        """It may have become something else since it was looked at, and then must not block."""
        with open(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                self._leave(place, "not a regular file")
                return
            content = file.read(MOST_FILE_BYTES + 1)
        if len(content) > MOST_FILE_BYTES:
            raise self._too_much(f"{place!r}, of more than {MOST_FILE_BYTES >> 20} MiB")
        self.files[place] = content
        self._bytes += len(content)
        if len(self.files) > MOST_FILES:
            raise self._too_much(f"more than {MOST_FILES} files")
        if self._bytes > MOST_BYTES:
            raise self._too_much(f"more than {MOST_BYTES >> 20} MiB")

    def _leave(self, place: str, why: str) -> None:
        path = place if place.isprintable() else ascii(place)
        self.left_out.append(LeftOut(path=path, why=why))

    def _too_much(self, what: str) -> Misuse:
        return Misuse(
            f"{self._folder} holds {what}",
            "name the folder of the program alone, or move data and build results out of it",
        )
