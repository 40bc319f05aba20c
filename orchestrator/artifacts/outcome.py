"""What became of an attempt, a milestone and the run."""

from typing import Literal

from orchestrator.artifacts.evaluation import Evaluation, Finding
from orchestrator.artifacts.values import Cause, Dimension, Ending, Stage, Value
from orchestrator.artifacts.verdict import Verdict


class Choice(Value):
    """Router's answer: who goes on, what they are told, and why."""

    next_agent: Stage
    message: str
    reason: str


class Gate(Value):
    """The arithmetic: `score` is the sum of percent times score, so 350 is 3.50."""

    score: int
    passed: bool
    reasons: tuple[str, ...]


class Slip(Value):
    """A score that fell although the code it cites is as it was."""

    dimension: Dimension
    was: int
    now: int


class Tracked(Value):
    """One problem, however often it was found: `seen` are the numbers of the attempts in whose
    evaluation it stands, ascending; `finding` is its newest wording. `recurring` is open and seen
    more than once.
    """

    id: str
    finding: Finding
    seen: tuple[int, ...]
    status: Literal["open", "recurring", "resolved"]

    @property
    def open(self) -> bool:
        return self.status != "resolved"


class Attempt(Value):
    """One pass through the stages from `entry`. `verdict` and `evaluation` are None where it did
    not get so far.
    """

    number: int
    cause: Cause
    entry: Stage
    repairs: int
    commit: str
    verdict: Verdict | None
    evaluation: Evaluation | None
    gate: Gate
    error: str
    """Why the attempt ended early, "" when it did not."""
    failed_stage: Stage | None = None
    """The stage whose agent gave no valid answer."""
    refined: tuple[str, ...] = ()
    """The corrections of the evaluation before, by the ids of their findings, that were applied
    without a call.
    """
    expected: int = 0
    """The score that these corrections were to bring, 0 when there were none."""
    slips: tuple[Slip, ...] = ()


class Outcome(Value):
    milestone: str
    status: Ending
    attempts: tuple[Attempt, ...]
    best: int
    """Number of the best attempt, 0 when there was none."""
    commit: str
    """The merge on main, or the best attempt's commit on its branch."""
    reason: str
    merged: Verdict | None = None
    """On the merged tree, where it is another than the attempt's."""
