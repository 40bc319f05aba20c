"""What an evaluator's scores say of the evaluator: clean projects against planted defects. Pure."""

from collections.abc import Iterable, Iterator
from typing import Literal

from orchestrator.artifacts.values import DIMENSIONS, Dimension, Value

Half = Literal["tune", "report"]
HALVES: tuple[Half, ...] = ("tune", "report")
Severity = Literal["blatant", "clear", "subtle"]


class Label(Value):
    """What is known of a planted defect; `dimension` is the one whose score must fall."""

    id: str
    project: str
    dimension: Dimension
    severity: Severity
    half: Half


class Scored(Value):
    """One evaluation: of a project with the defect of that id, "" for the clean one. `repeat`
    counts from 1. `scores` are those that count at the gate; None where no answer was valid.
    """

    project: str
    defect: str
    repeat: int
    scores: dict[Dimension, int] | None
    passed: bool


class Row(Value):
    """One dimension's defects, or "all". A pair is one evaluation of the clean project with one of
    the defective: in order when the clean one scores strictly higher on the defect's dimension. A
    pair without both scores is not. Means and spreads are in points; None where there is nothing.
    """

    dimension: str
    defects: int
    pairs: int
    in_order: int
    false_passes: int
    """Pairs out of order whose defective project passes the gate."""
    evaluations: int
    """Of defective projects; `passed` of them pass the gate."""
    passed: int
    clean: float | None
    """The mean score of the clean projects on this dimension: 4 or 5 by the set's own claim."""
    defective: float | None
    """The mean score of the defective ones on the defect's dimension."""
    spread: float | None
    """Highest less lowest score: of the same project over its repeats, on average; with one repeat
    over the clean projects.
    """

    @property
    def accuracy(self) -> float | None:
        return self.in_order / self.pairs if self.pairs else None


class Missed(Value):
    """A defect with a pair out of order."""

    label: Label
    pairs: int
    in_order: int
    clean: float | None
    defective: float | None
    evaluations: int
    passed: int


class Table(Value):
    """One half of the set. `rows` has each dimension that has a defect, then all of them."""

    half: Half
    repeats: int
    rows: tuple[Row, ...]
    missed: tuple[Missed, ...]
    clean_evaluations: int
    clean_passed: int
    unanswered: tuple[str, ...]
    """`<project>` or `<project>/<defect>` of each evaluation without a valid answer."""


def tables(labels: Iterable[Label], scored: Iterable[Scored]) -> tuple[Table, ...]:
    """One for each half that has a defect among `labels`, in the order of HALVES. Evaluations of
    other defects are left out.
    """
    every, found = tuple(labels), tuple(scored)
    return tuple(
        _table(half, own, found)
        for half in HALVES
        if (own := tuple(one for one in every if one.half == half))
    )


def _table(half: Half, labels: tuple[Label, ...], scored: tuple[Scored, ...]) -> Table:
    wanted = {(one.project, one.id) for one in labels} | {(one.project, "") for one in labels}
    own = tuple(one for one in scored if (one.project, one.defect) in wanted)
    clean = [one for one in own if not one.defect]
    compared = tuple(_compared(one, own) for one in labels)
    rows = tuple(
        _row(name, tuple(one for one in compared if one.label.dimension == name), own)
        for name in DIMENSIONS
        if any(one.dimension == name for one in labels)
    )
    return Table(
        half=half,
        repeats=max((one.repeat for one in own), default=0),
        rows=(*rows, _all(rows, compared)),
        missed=tuple(one for one in _ordered(compared) if one.in_order < one.pairs),
        clean_evaluations=len(clean),
        clean_passed=sum(one.passed for one in clean),
        unanswered=tuple(
            f"{one.project}/{one.defect}".rstrip("/") for one in own if one.scores is None
        ),
    )


def _ordered(compared: tuple[Missed, ...]) -> list[Missed]:
    return sorted(
        compared,
        key=lambda one: (DIMENSIONS.index(one.label.dimension), one.label.project, one.label.id),
    )


def _compared(label: Label, scored: tuple[Scored, ...]) -> Missed:
    """A defect's pairs, missed or not."""
    clean, defective = _of(scored, label.project, ""), _of(scored, label.project, label.id)
    name = label.dimension
    pairs = [(before, after) for before in clean for after in defective]
    return Missed(
        label=label,
        pairs=len(pairs),
        in_order=sum(_falls(before, after, name) for before, after in pairs),
        clean=_mean(_points(clean, name)),
        defective=_mean(_points(defective, name)),
        evaluations=len(defective),
        passed=sum(one.passed for one in defective),
    )


def _row(name: Dimension, compared: tuple[Missed, ...], scored: tuple[Scored, ...]) -> Row:
    clean = [one for one in scored if not one.defect]
    labels = [one.label for one in compared]
    defective = [
        score for one in labels for score in _points(_of(scored, one.project, one.id), name)
    ]
    return Row(
        dimension=name,
        defects=len(labels),
        pairs=sum(one.pairs for one in compared),
        in_order=sum(one.in_order for one in compared),
        false_passes=sum(_false(one, scored) for one in labels),
        evaluations=sum(one.evaluations for one in compared),
        passed=sum(one.passed for one in compared),
        clean=_mean(_points(clean, name)),
        defective=_mean(defective),
        spread=_spread(name, scored),
    )


def _all(rows: tuple[Row, ...], compared: tuple[Missed, ...]) -> Row:
    """The sums, and means of the dimensions' means."""
    return Row(
        dimension="all",
        defects=len(compared),
        pairs=sum(one.pairs for one in rows),
        in_order=sum(one.in_order for one in rows),
        false_passes=sum(one.false_passes for one in rows),
        evaluations=sum(one.evaluations for one in rows),
        passed=sum(one.passed for one in rows),
        clean=_mean(one.clean for one in rows),
        defective=_mean(one.defective for one in rows),
        spread=_mean(one.spread for one in rows),
    )


def _false(label: Label, scored: tuple[Scored, ...]) -> int:
    return sum(
        after.passed and not _falls(before, after, label.dimension)
        for before in _of(scored, label.project, "")
        for after in _of(scored, label.project, label.id)
    )


def _falls(before: Scored, after: Scored, name: Dimension) -> bool:
    if before.scores is None or after.scores is None:
        return False
    return before.scores[name] > after.scores[name]


def _of(scored: tuple[Scored, ...], project: str, defect: str) -> list[Scored]:
    return [one for one in scored if (one.project, one.defect) == (project, defect)]


def _points(scored: Iterable[Scored], name: Dimension) -> list[int]:
    return [one.scores[name] for one in scored if one.scores is not None]


def _spread(name: Dimension, scored: tuple[Scored, ...]) -> float | None:
    if all(one.repeat == 1 for one in scored):
        points = _points((one for one in scored if not one.defect), name)
        return float(max(points) - min(points)) if points else None
    return _mean(_ranges(name, scored))


def _ranges(name: Dimension, scored: tuple[Scored, ...]) -> Iterator[int]:
    for project, defect in dict.fromkeys((one.project, one.defect) for one in scored):
        if points := _points(_of(scored, project, defect), name):
            yield max(points) - min(points)


def _mean(points: Iterable[float | None]) -> float | None:
    found = [one for one in points if one is not None]
    return round(sum(found) / len(found), 2) if found else None
