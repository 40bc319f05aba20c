"""One REMOVE/ADD edit of a text, or why it does not fit."""

import difflib

from orchestrator.artifacts.evaluation import Edit
from orchestrator.artifacts.values import Value

_SHOWN_LINES = 12
_COMPARED_LINES = 5000
_COMPARED_WIDTH = 160


class Mismatch(Value):
    reason: str


def edited(text: str, edit: Edit) -> str | Mismatch:
    """`text` with `edit.remove`, found exactly once, replaced by `edit.add`.

    A `remove` that ends with a newline is whole lines, of which the first may lack its indentation;
    the text's last line counts as ended. In a text of CRLF lines the edit's lines are CRLF, too.
    """
    if not edit.remove:
        return Mismatch(reason="REMOVE is empty; quote the lines to replace, or give the file")
    remove, add = edit.remove, edit.add
    if "\r\n" in text and text.count("\n") == text.count("\r\n"):
        remove, add = (one.replace("\r\n", "\n").replace("\n", "\r\n") for one in (remove, add))
    if remove.endswith("\n") and not text.endswith("\n"):
        text += "\r\n" if remove.endswith("\r\n") else "\n"
    places = _places(text, remove)
    if len(places) != 1:
        return Mismatch(reason=_reason(text, remove, places))
    return text[: places[0]] + add + text[places[0] + len(remove) :]


def _places(text: str, wanted: str) -> list[int]:
    found: list[int] = []
    at = text.find(wanted)
    while at >= 0:
        found.append(at)
        at = text.find(wanted, at + 1)
    if not wanted.endswith("\n"):
        return found
    whole = [at for at in found if at == 0 or text[at - 1] == "\n"]
    if len(whole) == 1:
        return whole
    return [at for at in found if not text[text.rfind("\n", 0, at) + 1 : at].strip()]


def _reason(text: str, remove: str, places: list[int]) -> str:
    if not places:
        return f"REMOVE text was found 0 times; {_nearest(text.splitlines(), remove)}"
    lines = [text.count("\n", 0, at) + 1 for at in places[:_SHOWN_LINES]]
    more = ", ..." if len(places) > len(lines) else ""
    where = ", ".join(map(str, lines)) + more
    return (
        f"REMOVE text was found {len(places)} times (lines {where}); "
        "quote more lines around the one that is meant"
    )


def _nearest(lines: list[str], remove: str) -> str:
    """The part of the file that looks most like REMOVE, by its longest line."""
    wanted = remove.splitlines()
    longest = max(wanted, key=lambda line: len(line.strip()))
    numbers: dict[str, int] = {}
    for number, line in enumerate(lines):
        numbers.setdefault(line.strip()[:_COMPARED_WIDTH], number)
    close = difflib.get_close_matches(
        longest.strip()[:_COMPARED_WIDTH], list(numbers)[:_COMPARED_LINES], n=1, cutoff=0.5
    )
    if not close:
        return "no line of the file is like it"
    start = max(0, numbers[close[0]] - wanted.index(longest))
    end = min(len(lines), start + min(len(wanted), _SHOWN_LINES))
    shown = "\n".join(lines[start:end])
    return f"the nearest lines are {start + 1}-{end}:\n{shown}"
