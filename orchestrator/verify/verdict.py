"""The verdict: a pure function of the facts."""

import re
from collections.abc import Iterator

from orchestrator.artifacts.values import Value
from orchestrator.artifacts.verdict import (
    CheckResult,
    CriterionResult,
    LintFact,
    Mutant,
    Seconds,
    TestFailure,
    Verdict,
    lives,
)
from orchestrator.settings import SandboxName
from orchestrator.verify.names import names_criterion
from orchestrator.verify.results import Suite

MOST_NAMED = 20
RAISED = re.compile(r"[\w.]+(Error|Exception|Exit|Failed|Interrupt)\b")


class Facts(Value):
    """Everything that was found about a Tree; `doubts` are reasons not to trust it."""

    suite: Suite
    checks: tuple[CheckResult, ...]
    strength: tuple[Mutant, ...]
    start: str
    """Why the product does not start, "" when it does."""
    criteria: tuple[str, ...]
    product: bool
    """Whether there is any Python file but tests."""
    meddling: tuple[str, ...]
    unbreakable: tuple[str, ...] = ()
    """Product files of which no mutant can be made."""
    lint: tuple[LintFact, ...]
    sandbox: SandboxName
    seconds: Seconds | None = None


def decide(facts: Facts) -> Verdict:
    """`pass` when there is no reason against it; `inconclusive` when the tests prove nothing."""
    criteria = tuple(_criterion(name, facts) for name in facts.criteria)
    doubts = tuple(_doubts(facts))
    reasons = doubts + tuple(_reasons(facts, criteria))
    return Verdict(
        outcome="inconclusive" if doubts else "fail" if reasons else "pass",
        reasons=reasons,
        tests=facts.suite.report,
        checks=facts.checks,
        criteria=criteria,
        strength=facts.strength,
        lint=facts.lint,
        sandbox=facts.sandbox,
        seconds=facts.seconds,
    )


def _doubts(facts: Facts) -> Iterator[str]:
    for one in facts.meddling:
        yield f"{one}: this can change results and is not allowed"
    if facts.suite.doubt:
        yield facts.suite.doubt
    for path in facts.unbreakable:
        yield f"{path} is nested too deeply to be broken on purpose: nothing says what tests it"
    broken = any(one.kind in ("body", "operator") for one in facts.strength)
    if facts.suite.green and facts.product and not broken:
        yield "nothing of the product could be broken on purpose, so its suite proves nothing"
    for mutant in facts.strength:
        if mutant.kind == "same" and mutant.killed:
            yield f"the suite tests the text of the product, or is flaky: red when {mutant.name}"


def _reasons(facts: Facts, criteria: tuple[CriterionResult, ...]) -> Iterator[str]:
    if not facts.product:
        yield "there is no product file: no Python file but tests"
    if facts.start:
        yield f"the product does not start: {_line(facts.start)}"
    failures = facts.suite.report.failures
    for failure in failures[:MOST_NAMED]:
        again = (
            " once, then passed: it is flaky" if failure.test in facts.suite.report.flaky else ""
        )
        yield f"{failure.test} failed{again}: {_reason(failure)}"
    if len(failures) > MOST_NAMED:
        yield f"and {len(failures) - MOST_NAMED} more tests failed"
    yield from dict.fromkeys(_failed(one) for one in facts.checks if one.outcome != "passed")
    for one in criteria:
        yield from _unproven(one)
    for mutant in lives(facts.strength):
        where = "though" if mutant.kind == "expected" else "on broken code:"
        yield f"the suite stays green {where} {mutant.name}"


def _failed(check: CheckResult) -> str:
    """Of a held check no more than its criterion and kind."""
    if check.visibility == "held":
        return f"criterion {check.criterion}: a held check failed ({check.outcome})"
    return f"criterion {check.criterion}: check {check.check} failed ({check.outcome})"


def _unproven(result: CriterionResult) -> Iterator[str]:
    if not result.contract_tests:
        yield f"criterion {result.criterion} has no passing contract test"
    if not result.shown:
        yield f"criterion {result.criterion} has no passing shown check"
    if not result.held:
        yield f"criterion {result.criterion} has no passing held check"


def _criterion(name: str, facts: Facts) -> CriterionResult:
    tests = [outcome for test, outcome in facts.suite.outcomes if names_criterion(test) == name]
    checks = [one for one in facts.checks if one.criterion == name]
    passed = [one.visibility for one in checks if one.outcome == "passed"]
    contract = tests.count("passed")
    shown, held = passed.count("shown"), passed.count("held")
    failing = {"failed", "error"}.intersection(tests) or len(passed) < len(checks)
    return CriterionResult(
        criterion=name,
        met=bool(contract and shown and held and not failing),
        contract_tests=contract,
        shown=shown,
        held=held,
    )


def _reason(failure: TestFailure) -> str:
    """The line that names the exception, else the first that pytest marks, else the first."""
    lines = failure.error.splitlines()
    marked = [line[1:].strip() for line in lines if line.startswith("E  ")]
    named = [line for line in marked if RAISED.match(line)]
    return _line((named + marked + lines[:1] + ["no trace"])[0])


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
