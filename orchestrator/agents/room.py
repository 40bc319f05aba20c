"""What is put into a request, and what gives way where there is no room. Pure."""

from orchestrator.artifacts.values import Value
from orchestrator.memory import BYTES_PER_TOKEN, tokens

Blocks = tuple[tuple["Material", ...], ...]
YIELDING = (
    *("history", "feedback", "plan", "project", "lint", "tests", "test_report", "signatures"),
    *("previous_answer", "previous_plan", "code", "facts", "findings", "errors", "review"),
    *("architecture", "specification", "idea", "milestone"),
)
"""In this order materials are cut; what is not named here is cut first."""
NOTED = 20
"""Tokens that say that something was cut."""


class Material(Value):
    """A named block of untrusted data for an agent; an empty one is left out of the request."""

    name: str
    content: str


def clip(text: str, limit: int = 60_000) -> str:
    """`text`, or its beginning and end with the middle named as left out; of `limit` characters,
    and the note.
    """
    if len(text) <= limit:
        return text
    half = limit // 2
    tail = text[len(text) - half :]
    return f"{text[:half]}\n[... {len(text) - limit} characters left out ...]\n{tail}"


def fit(blocks: Blocks, budget: int) -> Blocks:
    """`blocks` with at most `budget` tokens in all: the first in YIELDING is cut as far as needed,
    then the next. What was cut says so where there is room for that.
    """
    every = [one for block in blocks for one in block]
    contents = [one.content for one in every]
    order = sorted(range(len(every)), key=lambda place: _rank(every[place].name))
    over = sum(map(tokens, contents)) - budget
    for least in (NOTED, 0):
        for place in order:
            before = tokens(contents[place])
            if over > 0 and before > least:
                contents[place] = _cut(every[place].content, max(least, before - over))
                over -= before - tokens(contents[place])
    left = iter(contents)
    return tuple(
        tuple(one.model_copy(update={"content": next(left)}) for one in block) for block in blocks
    )


def _rank(name: str) -> int:
    return YIELDING.index(name) if name in YIELDING else -1


def _cut(text: str, budget: int) -> str:
    """The beginning and the end of `text` in at most `budget` tokens."""
    note = f"\n[... cut: {len(text)} characters do not fit ...]\n"
    room = budget * BYTES_PER_TOKEN - len(note)
    if room <= 0:
        return note.strip() if tokens(note.strip()) <= budget else ""
    raw, half = text.encode("utf-8", "replace"), room // 2
    head, tail = raw[:half], raw[len(raw) - half :]
    return head.decode("utf-8", "ignore") + note + tail.decode("utf-8", "ignore")
