"""Findings over a milestone's attempts: which is which, what is open, what the judge took back.
Pure.
"""

import re
from collections import Counter

from orchestrator.artifacts.evaluation import CITED, Evaluation, Finding
from orchestrator.artifacts.outcome import Attempt, Slip, Tracked
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import DIMENSIONS, Dimension

STUBBORN = 3
"""So many evaluations with the same finding change the strategy."""
AROUND = 1
"""Lines before and after a cited one that must be as they were for it to count as unchanged."""


def track(attempts: tuple[Attempt, ...]) -> tuple[Tracked, ...]:
    """Every finding of `attempts` under ids F1, F2, ... in the order of their first appearance.

    A finding is an earlier one when it names that one's id, or says the same of the same file; what
    the newest evaluation does not repeat is resolved.
    """
    found: dict[str, Tracked] = {}
    for number, here in named(attempts).items():
        for name, old in found.items():
            if name not in here:
                found[name] = old.model_copy(update={"status": "resolved"})
        for name, finding in here.items():
            seen = (*(found[name].seen if name in found else ()), number)
            status = "recurring" if len(seen) > 1 else "open"
            found[name] = Tracked(id=name, finding=finding, seen=seen, status=status)
    return tuple(found.values())


def named(attempts: tuple[Attempt, ...]) -> dict[int, dict[str, Finding]]:
    """For the number of each attempt that was evaluated its findings by id, in their order."""
    known: dict[str, Finding] = {}
    given: dict[int, dict[str, Finding]] = {}
    for attempt in attempts:
        if attempt.evaluation is None:
            continue
        here: dict[str, Finding] = {}
        for finding in attempt.evaluation.findings:
            here.setdefault(_identity(finding, known, len(known.keys() | here)), finding)
        given[attempt.number] = here
        known |= here
    return given


def _identity(finding: Finding, known: dict[str, Finding], taken: int) -> str:
    if finding.known in known:
        return finding.known
    same = [name for name, one in known.items() if _words(one) == _words(finding)]
    return same[0] if same else f"F{taken + 1}"


def _words(finding: Finding) -> tuple[str, str, str]:
    said = re.sub(r"[\W\d_]+", " ", finding.problem).casefold().strip()
    return (finding.dimension, finding.path, said)


def unaccounted(evaluation: Evaluation, tracked: tuple[Tracked, ...]) -> tuple[str, ...]:
    """What `evaluation` leaves unsaid or says wrongly of the findings before it; one line each."""
    known = Counter(one.known for one in evaluation.findings if one.known)
    ids = {one.id for one in tracked}
    named = [*known, *(one for one in evaluation.resolved if one not in known)]
    found = [f"{one!r} is no finding in history" for one in named if one not in ids]
    found += [f"{one}: two findings say that they are it" for one in known if known[one] > 1]
    found += [f"{one} is both repeated and resolved" for one in evaluation.resolved if one in known]
    words = {_words(one) for one in evaluation.findings}
    for one in tracked:
        said = one.id in known or one.id in evaluation.resolved or _words(one.finding) in words
        if one.open and not said:
            found.append(
                f"{one.id} of history is open: repeat it with `known`, or name it in `resolved`"
            )
    return tuple(found)


def stubborn(attempts: tuple[Attempt, ...]) -> tuple[Tracked, ...]:
    """The open findings that have been found so often that another try alike is no use."""
    return tuple(one for one in track(attempts) if one.open and len(one.seen) >= STUBBORN)


def slips(before: Evaluation, after: Evaluation, old: Tree, new: Tree) -> tuple[Slip, ...]:
    """The dimensions whose score fell from `before` (of `old`) to `after` (of `new`) although no
    line that the lower score cites has changed: the judge went back, not the code.
    """
    fell: list[Dimension] = [name for name in DIMENSIONS if after.score(name) < before.score(name)]
    return tuple(
        Slip(dimension=name, was=before.score(name), now=after.score(name))
        for name in fell
        if all(_same(old, new, path, line) for path, line in _cited(after, name))
    )


def _cited(evaluation: Evaluation, dimension: Dimension) -> list[tuple[str, int]]:
    """Where the score's evidence and the dimension's findings point."""
    scores = (one for one in evaluation.scores if one.dimension == dimension)
    matched = (CITED.match(said) for one in scores for said in one.evidence)
    places = [(one[1], int(one[2])) for one in matched if one]
    return places + [
        (one.path, one.line) for one in evaluation.findings if one.dimension == dimension
    ]


def _same(old: Tree, new: Tree, path: str, line: int) -> bool:
    """Whether the lines at `path:line` of `new` stand in `old` as well; the whole file where no
    single line is meant.
    """
    if path not in new or path not in old:
        return path not in new and path not in old
    if line < 1:
        return old[path] == new[path]
    lines = new.text(path).splitlines()
    around = "\n".join(lines[max(0, line - 1 - AROUND) : line + AROUND])
    return f"\n{around}\n" in "\n" + "\n".join(old.text(path).splitlines()) + "\n"
