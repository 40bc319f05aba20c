"""Changes: a code agent's answer, read as a ChangeSet and applied to a Tree, all or nothing."""

from collections import Counter
from collections.abc import Callable

from orchestrator.artifacts.changeset import ChangeSet
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.changes.edits import Mismatch, edited
from orchestrator.changes.paths import collisions, malformed, repositories
from orchestrator.changes.text import Parsed, parse

__all__ = [
    "MAX_BYTES",
    "MAX_EDITS",
    "MAX_FILES",
    "MAX_FILE_BYTES",
    "Parsed",
    "Refused",
    "apply",
    "parse",
]

MAX_FILES = 200
MAX_EDITS = 1000
MAX_FILE_BYTES = 1024 * 1024
MAX_BYTES = 4 * 1024 * 1024


class Refused(Value):
    """Nothing was applied: an entry for each thing that is wrong, in the order of the paths."""

    problems: tuple[str, ...]


def apply(changes: ChangeSet, tree: Tree, *, may: Callable[[str], str]) -> Tree | Refused:
    """`tree` with every change made, or every reason why none is.

    `may(path)` returns "" or why this agent must not touch the path; it is asked for well-formed
    paths only. Edits of one path apply in their order.
    """
    bundle = _Bundle(changes, tree)
    for path in changes.paths:
        if reason := malformed(path) or may(path):
            bundle.refuse(path, reason)
    bundle.count()
    bundle.delete()
    bundle.write()
    bundle.edit()
    after = tree.having(bundle.written, frozenset(bundle.deleted))
    for path, reason in (*collisions(tree, after), *repositories(tree, after)):
        bundle.refuse(path, reason)
    problems = bundle.problems()
    return Refused(problems=problems) if problems else after


class _Bundle:
    """What a ChangeSet writes and deletes so far, and what is wrong with it."""

    def __init__(self, changes: ChangeSet, tree: Tree) -> None:
        self._changes = changes
        self._tree = tree
        self._reasons: dict[str, list[str]] = {}
        self.written: dict[str, bytes] = {}
        self.deleted: set[str] = set()

    def refuse(self, path: str, reason: str) -> None:
        self._reasons.setdefault(path, []).append(reason)

    def count(self) -> None:
        """Several edits of one path are one change: they apply in order."""
        named = [one.path for one in self._changes.files] + list(self._changes.deletes)
        for path, times in Counter([*named, *{one.path for one in self._changes.edits}]).items():
            if times > 1:
                self.refuse(path, f"is in {times} blocks; name it once")

    def delete(self) -> None:
        for path in self._changes.deletes:
            if self._exists(path):
                self.deleted.add(path)

    def write(self) -> None:
        for file in self._changes.files:
            if file.path not in self._reasons:
                self._store(file.path, file.content)

    def edit(self) -> None:
        texts: dict[str, str] = {}
        for edit in self._changes.edits[:MAX_EDITS]:  # to seek the nearest lines takes its time
            text = texts[edit.path] if edit.path in texts else self._text(edit.path)
            if text is None:
                continue
            result = edited(text, edit)
            if isinstance(result, Mismatch):
                self.refuse(edit.path, result.reason)
            else:
                texts[edit.path] = result
        for path, text in texts.items():
            if path not in self._reasons:
                self._store(path, text)

    def _text(self, path: str) -> str | None:
        if path in self._reasons and path not in self._tree:
            return None
        if not self._exists(path):
            return None
        try:
            return self._tree[path].decode("utf-8")
        except UnicodeDecodeError:
            self.refuse(path, "is not UTF-8 text and cannot be edited; give the whole file")
            return None

    def _exists(self, path: str) -> bool:
        if path not in self._tree and path not in self._reasons:
            self.refuse(path, "there is no such file" + self._folder(path))
        return path in self._tree

    def _folder(self, path: str) -> str:
        inside = any(one.startswith(path + "/") for one in self._tree)
        return " (it is a folder; name each file)" if inside else ""

    def _store(self, path: str, text: str) -> None:
        try:
            content = text.encode("utf-8")
        except UnicodeEncodeError as error:
            self.refuse(path, f"character {error.start} is a lone surrogate, not text")
            return
        if len(content) > MAX_FILE_BYTES:
            self.refuse(path, f"{len(content)} bytes; a file may have {MAX_FILE_BYTES}")
        self.written[path] = content

    def problems(self) -> tuple[str, ...]:
        found = [
            f"{path!r}: {reason}"
            for path in sorted(self._reasons)
            for reason in self._reasons[path]
        ]
        if (count := len(self._changes.paths)) > MAX_FILES:
            found.append(f"{count} files are changed at once; at most {MAX_FILES} may be")
        if (count := len(self._changes.edits)) > MAX_EDITS:
            found.append(f"{count} edits are made at once; at most {MAX_EDITS} may be")
        if (size := sum(map(len, self.written.values()))) > MAX_BYTES:
            found.append(f"{size} bytes are written at once; at most {MAX_BYTES} may be")
        return tuple(found)
