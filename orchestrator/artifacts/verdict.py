"""What verification found: facts, as values."""

from typing import Literal

from orchestrator.artifacts.checks import Kind, Visibility
from orchestrator.artifacts.values import Value

TestOutcome = Literal["passed", "failed", "error", "skipped"]


class TestFailure(Value):
    __test__ = False
    test: str
    file: str
    error: str
    """The normalised trace: no temporary path, no address, no duration."""


class Tests(Value):
    """Counts, and `coverage` as a whole percentage of statements, -1 when nothing was measured."""

    __test__ = False
    total: int
    passed: int
    failed: int
    errors: int
    skipped: int
    coverage: int


class TestReport(Tests):
    """What pytest did."""

    tests: tuple[str, ...]
    """Node ids of the tests that passed, sorted."""
    failures: tuple[TestFailure, ...]
    flaky: tuple[str, ...] = ()
    """Of the failures, those that passed on a second try, sorted."""


class CheckResult(Value):
    check: str
    criterion: str
    visibility: Visibility
    outcome: Literal["passed"] | Kind
    detail: str
    """What was expected and what came, for a shown check; always empty for a held one."""


class CriterionResult(Value):
    """A criterion is met with a passing contract test and a passing check of each visibility, and
    none failing.
    """

    criterion: str
    met: bool
    contract_tests: int
    shown: int
    held: int
    """How many passed of each."""


class Mutant(Value):
    """A changed copy of the product, and what the suite did on it.

    `body` breaks every function at once, `operator` one place ("app/core.py:12: + becomes -"),
    `same` rewrites the text and keeps the meaning, `expected` leaves the product alone and changes
    values that tests expect. A suite must turn red on all but `same`, on which it must not. "timed
    out" counts as red: a mutant may never end.
    """

    kind: Literal["body", "operator", "same", "expected"]
    name: str
    outcome: Literal["red", "timed out", "green"]

    @property
    def killed(self) -> bool:
        return self.outcome != "green"


class LintFact(Value):
    """What a linter says of a line. `blocks` caps the security score unless Eval exempts it."""

    path: str
    line: int
    code: str
    message: str
    blocks: bool = False


class Seconds(Value):
    """How long the parts of a verification took: measured, so never part of a request."""

    suite: float
    mutants: float
    checks: float


class Verdict(Value):
    """`fail` and `inconclusive` never pass; `reasons` say why, one line each."""

    outcome: Literal["pass", "fail", "inconclusive"]
    reasons: tuple[str, ...]
    tests: TestReport
    checks: tuple[CheckResult, ...]
    criteria: tuple[CriterionResult, ...]
    strength: tuple[Mutant, ...]
    lint: tuple[LintFact, ...]
    sandbox: str
    """The backend that ran it: `bubblewrap` or `process`."""
    seconds: Seconds | None = None
    """None where nothing was run."""


FEWEST = 4
"""Single-operator mutants from which on their share says something, beside mutants of bodies."""


def lives(strength: tuple[Mutant, ...]) -> tuple[Mutant, ...]:
    """The mutants that say that a suite is too weak: a whole broken product or wrong expectations
    on which it stayed green, else those with one operator changed when more than half live.
    """
    whole = tuple(one for one in strength if one.kind in ("body", "expected") and not one.killed)
    single = [one for one in strength if one.kind == "operator"]
    alive = tuple(one for one in single if not one.killed)
    judged = len(single) >= FEWEST or not any(one.kind == "body" for one in strength)
    return whole or (alive if judged and 2 * len(alive) > len(single) else ())
