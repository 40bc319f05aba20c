"""What became of an attempt, a milestone and the run."""

from orchestrator.artifacts.evaluation import Evaluation
from orchestrator.artifacts.values import Cause, Ending, Stage, Value
from orchestrator.artifacts.verdict import Verdict


class Gate(Value):
    """The arithmetic: `score` is the sum of percent times score, so 350 is 3.50."""

    score: int
    passed: bool
    reasons: tuple[str, ...]


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
