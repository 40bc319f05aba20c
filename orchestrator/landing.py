"""What becomes of a milestone when its turn to land comes."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from orchestrator import memory, routing, scoring
from orchestrator.artifacts.outcome import Outcome
from orchestrator.artifacts.plan import Milestone
from orchestrator.artifacts.specification import Specification
from orchestrator.milestone import Attempts
from orchestrator.tracking import track

LESSONS = 5
"""So many of one milestone are told to later ones."""


# Asyncio may print the result of a task: that of a large run takes seconds.
@dataclass(frozen=True, repr=False)
class Landed:
    """Main after a milestone's turn in plan order: merged or not, `built` is what it holds."""

    outcome: Outcome
    specification: Specification | None
    main: str
    built: tuple[memory.Built, ...]


@dataclass(frozen=True, repr=False)
class Built:
    """`landed` is in plan order; `last` is main at the end."""

    landed: tuple[Landed, ...]
    last: Landed


Turn = asyncio.Future[Landed]
"""Done when everything earlier has landed; what it came to."""


def built(attempts: Attempts) -> memory.Built:
    specification, architecture = attempts.state.specification, attempts.state.architecture
    assert specification is not None
    assert architecture is not None
    return memory.Built(
        milestone=attempts.state.milestone,
        specification=specification,
        architecture=architecture,
        lessons=tuple(
            f"{one.finding.problem} Remedy: {one.finding.remedy}"
            for one in track(tuple(attempts.made))
            if len(one.seen) > 1
        )[:LESSONS],
    )


def nothing() -> Outcome:
    return Outcome(milestone="", status="blocked", attempts=(), best=0, commit="", reason="")


def blocked(one: Milestone, stuck: list[str]) -> Outcome:
    return Outcome(
        milestone=one.id,
        status="blocked",
        attempts=(),
        best=0,
        commit="",
        reason=f"it needs {', '.join(stuck)}",
    )


def failed(one: Milestone, attempts: Attempts, step: routing.Abandon) -> Outcome:
    """The best attempt is kept; of one that was cancelled within its first, what there is."""
    best = scoring.best(tuple(attempts.made)) if attempts.made else None
    return Outcome(
        milestone=one.id,
        status="cancelled" if step.cancelled else "failed_after_retries",
        attempts=tuple(attempts.made),
        best=best.number if best else 0,
        commit=best.commit if best else attempts.work.commit if attempts.work.at else "",
        reason=step.reason,
    )


def question(one: Milestone, attempts: Attempts, product: Path) -> str:
    """What a person is asked before a milestone lands."""
    last = attempts.made[-1]
    suite = last.verdict.tests if last.verdict else None
    ran = f", {suite.passed}/{suite.total} tests" if suite else ""
    return (
        f"{one.id} is ready to be merged: {one.title} "
        f"(score {scoring.show(last.gate.score)}{ran}). "
        f"To look at it: git -C {product} diff main...milestone/{one.id}"
    )


def done(landed: Landed) -> Turn:
    turn: Turn = asyncio.get_running_loop().create_future()
    turn.set_result(landed)
    return turn
