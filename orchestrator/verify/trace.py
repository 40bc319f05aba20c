"""Traces and outputs, made the same on every machine and at every time."""

import re
from collections.abc import Mapping
from typing import NamedTuple

MOST_LINES = 40
MOST_CHARS = 3000
MOST_REASONS = 25
LONGEST = 1500
NOISE = (
    (re.compile(r"\x1b\[[0-9;?]*[A-Za-z]"), ""),
    (re.compile(r"[\x00-\x08\x0b-\x1f\x7f]"), ""),
    (re.compile(r"\b0x[0-9a-fA-F]{6,}\b"), "0x..."),
    (re.compile(r"\b(127\.0\.0\.1|localhost|\[::1\]):\d{4,5}\b"), r"\1:<port>"),
    (
        re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b"),
        "<uuid>",
    ),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"), "<jwt>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d+([+-]\d\d:?\d\d|Z)?"), "<time>"),
    (re.compile(r"\b1[6-9]\d{8}\.\d+\b"), "<time>"),
    (re.compile(r"\b\d+\.\d+ ?(s|ms|secs?|seconds)\b"), "<duration>"),
    (re.compile(r"\bpid[ =:]+\d+", re.IGNORECASE), "pid <pid>"),
)
LOCATION = re.compile(r"(?P<path>[^\s:][^:]*):(?P<line>\d+): (in .+|\S+)$")
FOREIGN_FRAME = re.compile(r'  File "<(python|env|frozen)')
CARETS = re.compile(r"[\s^~]+$")


class Entry(NamedTuple):
    path: str
    lines: list[str]

    @property
    def ours(self) -> bool:
        return not self.path.startswith(("<", "/", ".."))


def clean(text: str, places: Mapping[str, str]) -> str:
    """`text` without temporary paths, addresses, ports, durations, control characters and the like.

    `places` are the sandbox's own absolute paths, by what they are: root, temp, prefix, base.
    """
    words = {"root": "", "temp": "<tmp>", "prefix": "<env>", "base": "<python>"}
    for name, path in sorted(places.items(), key=lambda item: -len(item[1])):
        if len(path) > 1:
            text = text.replace(path + "/", words[name] + "/" if words[name] else "")
            text = re.sub(re.escape(path) + r"(?![\w.-])", words[name] or ".", text)
    for pattern, word in NOISE:
        text = pattern.sub(word, text)
    return text


def tidy(text: str, places: Mapping[str, str]) -> str:
    """`text`, clean, without frames of other people's code; at most 1500 characters.

    Of a longer one the middle is gone.
    """
    kept: list[str] = []
    foreign = False
    for line in clean(text, places).splitlines():
        if not line.startswith("    "):
            foreign = FOREIGN_FRAME.match(line) is not None
        if not foreign and not (line.startswith("    ") and CARETS.fullmatch(line)):
            kept.append(line)
    short = "\n".join(kept)
    return short if len(short) <= LONGEST else f"{short[:500]}\n...\n{short[5 + 500 - LONGEST :]}"


def condense(text: str, places: Mapping[str, str]) -> str:
    """A pytest trace (`--tb=short`) as the project's own places and its reasons.

    At most 40 lines and 3000 characters.
    """
    entries = _entries(clean(text, places))
    kept = entries
    if sum(len(one.lines) for one in entries) > MOST_LINES:
        tests = [one for one in entries if one.path.startswith("tests/")][:1]
        product = [one for one in entries if one.ours and not one.path.startswith("tests/")][-1:]
        kept = [entries[0]._replace(lines=entries[0].lines[:5]), *tests, *product]
    lines = [line for one in kept if one.ours for line in one.lines if not _reason(line)]
    lines = lines[: MOST_LINES - MOST_REASONS]
    reasons = [line for one in entries for line in one.lines if _reason(line) and line != "E"]
    if len(reasons) > MOST_REASONS:
        reasons = [*reasons[: MOST_REASONS - 1], "E   ..."]
    return "\n".join(line[:400] for line in (*lines, *reasons))[:MOST_CHARS]


def _reason(line: str) -> bool:
    return line == "E" or line.startswith("E  ")


def _entries(text: str) -> list[Entry]:
    """The trace cut at its locations; what stands before the first one has no path."""
    entries = [Entry("", [])]
    for line in text.splitlines():
        found = LOCATION.match(line)
        if found and not line.startswith(" "):
            entries.append(Entry(found["path"], []))
        if line.strip() and not CARETS.fullmatch(line):
            entries[-1].lines.append(line.rstrip())
    return entries
