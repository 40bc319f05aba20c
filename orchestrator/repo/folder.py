"""The product's folder as a person sees it: main, checked out, with their own edits in it."""

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Set
from enum import Enum
from pathlib import Path

from orchestrator.artifacts.tree import Tree
from orchestrator.errors import Changed
from orchestrator.repo.remains import OWN
from orchestrator.scratch import sync


class Foreign(Enum):
    """What no commit of ours put there: a link, or a folder with files of its own."""

    FOREIGN = "foreign"


Found = bytes | Foreign | None
"""A file's content; None where there is no file."""


def snapshot(root: Path, ours: frozenset[str]) -> dict[str, Found]:
    """What the folder holds under each path of ours."""
    return {path: _found(root, path, ours) for path in sorted(ours)}


def _found(root: Path, path: str, ours: Set[str]) -> Found:
    *folders, _ = path.split("/")
    for depth in range(1, len(folders) + 1):
        name = "/".join(folders[:depth])
        kind = _kind(root / name)
        if kind == stat.S_IFDIR:
            continue
        return None if kind == 0 or (kind == stat.S_IFREG and name in ours) else Foreign.FOREIGN
    kind = _kind(root / path)
    if kind == stat.S_IFREG:
        return (root / path).read_bytes()
    if kind == stat.S_IFDIR and all(one in ours for one in _below(root, path)):
        return None
    return Foreign.FOREIGN if kind else None


def _kind(path: Path) -> int:
    """The file type's bits; 0 where nothing is."""
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _below(root: Path, folder: str) -> Iterator[str]:
    for path in (root / folder).rglob("*"):
        if path.is_symlink() or not path.is_dir():
            yield path.relative_to(root).as_posix()


def update(
    root: Path,
    seen: Mapping[str, Found],
    target: Tree,
    *,
    executable: frozenset[str],
    anew: frozenset[str],
) -> None:
    """Makes the folder hold `target`, file by file, each whole or not at all, at the end for good;
    those in `anew` also when their content is right. `seen` is the snapshot that was found to
    hold nothing of a person's.

    Raises Changed when a file was touched since.
    """
    touched: set[Path] = set()
    for path in (*sorted(seen.keys() - target.keys()), *target):
        found = _found(root, path, seen.keys())
        if found != seen[path]:
            raise Changed(f"{root / path} changed just now", "then: orchestrate resume")
        if path not in target and found is not None:
            (root / path).unlink()
            _prune(root, (root / path).parent)
        elif path in target and (found != target[path] or path in anew):
            _put(root, path, target[path], mode=0o755 if path in executable else 0o644)
        else:
            continue
        touched.update((root / path).relative_to(root).parents)
    for one in touched:
        if (root / one).is_dir():
            sync(root / one)


def _put(root: Path, path: str, content: bytes, *, mode: int) -> None:
    goal = root / path
    if goal.is_dir():
        _prune(root, goal)
    goal.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix="tmp-", dir=root / ".git" / OWN)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(goal)


def _prune(root: Path, folder: Path) -> None:
    """Removes folders that hold nothing, upwards."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
