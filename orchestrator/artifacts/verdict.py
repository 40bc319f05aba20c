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
    """A broken copy of the product; `killed` when the suite turned red on it."""

    name: Literal["every body raises", "every body returns None"]
    killed: bool


class LintFact(Value):
    path: str
    line: int
    code: str
    message: str


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
