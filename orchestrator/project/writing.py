"""The difference between two Trees, put into a folder on disk: all of it or nothing."""

import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from orchestrator.artifacts.tree import Tree
from orchestrator.changes.paths import fold
from orchestrator.errors import Missing, Misuse
from orchestrator.project.disk import FOLDER, Disk
from orchestrator.project.reading import names, opened


class Change(NamedTuple):
    """`content` is None for a file that goes; `new` is whether there was none when we read."""

    path: str
    content: bytes | None
    new: bool


def differences(before: Tree, after: Tree) -> tuple[Change, ...]:
    """What makes `after` of `before`: first what goes, then what comes, each sorted by path."""
    gone = [Change(path, None, new=False) for path in before if path not in after]
    return (
        *gone,
        *(
            Change(path, content, new=path not in before)
            for path, content in after.items()
            if before.get(path) != content
        ),
    )


def write(folder: Path, changes: tuple[Change, ...]) -> tuple[str, ...]:
    """Makes `changes` in `folder`, or says of every path why it cannot be made, and makes none.

    Nothing is reached through a link. Contents come by renaming, so a file of several names keeps
    what it has under the others.

    Raises Misuse when `folder` is none or belongs to git, Missing when the disk refuses midway;
    then everything is put back.
    """
    if any(fold(part) == ".git" for part in (*folder.absolute().parts, *folder.resolve().parts)):
        raise Misuse(f"{folder} belongs to git", "name the folder of the project itself")
    with opened(folder) as root:
        gone = frozenset(one.path for one in changes if one.content is None)
        found = [(one.path, obstacle(root, one, gone)) for one in changes]
        problems = tuple(f"{path!r}: {why}" for path, why in sorted(found) if why)
        if not problems:
            _make(root, changes, folder)
    return problems


def _make(root: int, changes: tuple[Change, ...], folder: Path) -> None:
    disk = Disk(root)
    try:
        with disk:
            places = [
                disk.stage(one.path, one.content) for one in changes if one.content is not None
            ]
            for one in changes:
                if one.content is None:
                    disk.remove(one.path)
                    disk.prune(one.path)
            for place in places:
                place()
    except OSError as error:
        left = f"could not be put back: {'; '.join(disk.lost)}" if disk.lost else "nothing changed"
        raise Missing(
            f"cannot write in {folder}: {error.strerror} ({left})", "free space, mend permissions"
        ) from error


def obstacle(root: int, change: Change, gone: frozenset[str]) -> str:
    """Why `change` cannot be made in the open folder `root`, "" when it can; what is `gone` from it
    by then is in nobody's way. Its path is well-formed.
    """
    *folders, name = change.path.split("/")
    with ExitStack() as stack:
        inner, place = root, ""
        for part in folders:
            if part not in (there := names(inner)):
                return _collision(place, part, there, gone)
            if why := _no_folder(inner, part):
                return f"{place + part!r} is {why}, not a folder"
            try:
                inner = os.open(part, FOLDER, dir_fd=inner)
            except OSError as error:
                return f"{place + part!r}: {error.strerror}"
            stack.callback(os.close, inner)
            place += f"{part}/"
        if name in (there := names(inner)):
            return _taken(inner, name, change)
        return _collision(place, name, there, gone) if change.new else "is there no more"


def _no_folder(folder: int, name: str) -> str:
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_ISDIR(mode):
        return ""
    return "a link" if stat.S_ISLNK(mode) else "a file"


def _taken(folder: int, name: str, change: Change) -> str:
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        return "is a link"
    if stat.S_ISDIR(mode):
        return "there is a folder of this name"
    if not stat.S_ISREG(mode):
        return "is no regular file"
    return "is there, but could not be read" if change.new else ""


def _collision(place: str, name: str, there: list[str], gone: frozenset[str]) -> str:
    """Why `name` cannot be new beside the names that are `there`; those in `gone` make room."""
    stay = (one for one in sorted(there) if place + one not in gone)
    other = next((one for one in stay if fold(one) == fold(name)), "")
    if not other:
        return ""
    return f"{place + name!r} and {place + other!r} are one name on some file systems"
