"""The text form of a ChangeSet: marked blocks with prose between them."""

import re
from typing import Literal, NamedTuple

from orchestrator.artifacts.changeset import ChangeSet, NewFile
from orchestrator.artifacts.evaluation import Edit
from orchestrator.artifacts.values import Value

_MARKER = re.compile(r"=== ([A-Z]+)(?: (.*\S))? ===[ \t]*")
_FENCE = re.compile(r"(`{3,}|~{3,})[^`]*")
_OPENERS = ("FILE", "EDIT", "DELETE")
_REMOVE, _ADD = "--- REMOVE ---", "--- ADD ---"
_NO_BLOCK = "the answer has no block; write files between '=== FILE path ===' and '=== END ==='"


class Parsed(Value):
    """What an answer says. `problems` are told to the agent. Not `complete`: the last block was cut
    off and is not in `changes`.
    """

    changes: ChangeSet
    problems: tuple[str, ...]
    complete: bool


class _Marker(NamedTuple):
    verb: Literal["FILE", "EDIT", "DELETE", "END"]
    path: str


class _Reader:
    """Takes an answer line by line."""

    def __init__(self) -> None:
        self.files: list[NewFile] = []
        self.edits: list[Edit] = []
        self.deletes: list[str] = []
        self.prose: list[str] = []
        self.problems: list[str] = []
        self.block: _Marker | None = None
        self._lines: list[str] = []
        self._deleted = False
        """Whether a DELETE stands just above: some models close it, too."""

    def take(self, line: str) -> None:
        marker = _marker(line)
        if marker is None or (marker.verb == "END" and not self._closes(marker.path)):
            self._content(line)
        elif marker.verb == "END":
            self._end()
        else:
            if self.block:
                self.problems.append(f"{_title(self.block)} has no '=== END ===' before {line!r}")
            self._begin(marker)

    def _closes(self, path: str) -> bool:
        return not path or self.block is None or path == self.block.path

    def _content(self, line: str) -> None:
        if self.block:
            self._lines.append(line)
            return
        if (match := _MARKER.fullmatch(line)) and (match[2] or match[1] in _OPENERS):
            self.problems.append(f"{line.strip()!r} is not a marker of a block")
        elif not _FENCE.fullmatch(line):
            self.prose.append(line)
        self._deleted = self._deleted and not line.strip()

    def _begin(self, marker: _Marker) -> None:
        self._lines = []
        self._deleted = marker.verb == "DELETE"
        self.block = None if self._deleted else marker
        if self._deleted:
            self.deletes.append(marker.path)

    def _end(self) -> None:
        block, self.block = self.block, None
        if block is None:
            if not self._deleted:
                self.problems.append("'=== END ===' stands outside of every block")
        elif block.verb == "FILE":
            text = "\n".join(_unfenced(self._lines, block.path)).rstrip("\n")
            content = f"{text}\n" if text else ""
            self.files.append(NewFile(path=block.path, content=content))
        else:
            self._edit(block)
        self._deleted = False

    def _edit(self, block: _Marker) -> None:
        """A fence before the first pair can only be around them all."""
        before, *pairs = _split(_unwrapped(self._lines), _REMOVE)
        if any(line.strip() for line in before) or not pairs:
            self.problems.append(f"{_title(block)} does not start with {_REMOVE!r}")
        for number, pair in enumerate(pairs, 1):
            parts = _split(pair, _ADD)
            if len(parts) != 2:
                self.problems.append(f"{_title(block)}: pair {number} needs one {_ADD!r}")
                continue
            remove, add = ("".join(f"{x}\n" for x in _unquoted(one, block.path)) for one in parts)
            self.edits.append(Edit(path=block.path, remove=remove, add=add))


def parse(answer: str) -> Parsed:
    """The ChangeSet that `answer` gives, in the text form of the prompts.

    Tolerates a byte order mark, CRLF, and a fence around the answer or around a block's content.
    """
    text = answer.removeprefix("\ufeff").replace("\r\n", "\n")
    reader = _Reader()
    for line in text.split("\n"):
        reader.take(line)
    changes = ChangeSet(
        files=tuple(reader.files),
        edits=tuple(reader.edits),
        deletes=tuple(reader.deletes),
        note="\n".join(reader.prose).strip(),
    )
    found = reader.problems
    if changes.empty and not found and not reader.block:
        found.append(_NO_BLOCK)
    return Parsed(changes=changes, problems=tuple(found), complete=reader.block is None)


def _marker(line: str) -> _Marker | None:
    match = _MARKER.fullmatch(line)
    if not match:
        return None
    verb, path = match[1], (match[2] or "").strip().strip("`")
    if verb == "END" or (verb in ("FILE", "EDIT", "DELETE") and path):
        return _Marker(verb, path)
    return None


def _title(block: _Marker) -> str:
    return f"{block.verb} {block.path}"


def _split(lines: list[str], marker: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.rstrip() == marker:
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def _unquoted(lines: list[str], path: str) -> list[str]:
    """A part of an edit; in Markdown a fence is the text itself."""
    return lines if _markdown(path) else _unwrapped(lines)


def _unfenced(lines: list[str], path: str) -> list[str]:
    """A whole file's lines; a Markdown file may start and end with fences of its own."""
    inner = _unwrapped(lines)
    return lines if _markdown(path) and not _balanced(inner) else inner


def _unwrapped(lines: list[str]) -> list[str]:
    """`lines` without the fence around them, if the first and the last are one."""
    filled = [number for number, line in enumerate(lines) if line.strip()]
    if len(filled) < 2:
        return lines
    opening = _FENCE.fullmatch(lines[filled[0]])
    wraps = opening and lines[filled[-1]].rstrip() == opening[1]
    return lines[filled[0] + 1 : filled[-1]] if wraps else lines


def _balanced(lines: list[str]) -> bool:
    """Whether every fence that opens in here closes in here: then the outer two are a pair."""
    depth = 0
    for line in lines:
        if _FENCE.fullmatch(line):
            depth += 1 if line.rstrip().strip("`~") else -1
        if depth < 0:
            return False
    return depth == 0


def _markdown(path: str) -> bool:
    return path.casefold().endswith((".md", ".markdown"))
