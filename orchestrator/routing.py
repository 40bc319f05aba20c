"""Where a milestone goes next: history -> Accept, Retry or Abandon. Pure."""

from typing import Literal

from orchestrator.artifacts.outcome import Attempt
from orchestrator.artifacts.values import STAGES, Stage, Value
from orchestrator.artifacts.verdict import Verdict, lives
from orchestrator.tracking import stubborn
from orchestrator.verify.names import names_criterion


class Accept(Value):
    pass


class Retry(Value):
    stage: Stage
    reason: str


class Abandon(Value):
    reason: str
    cancelled: bool = False


class Repair(Value):
    """Who mends a red verdict within the attempt, and which failing tests are its to mend."""

    stage: Literal["impl", "test"]
    tests: tuple[str, ...]
    reason: str


def route(
    attempts: tuple[Attempt, ...], *, max_retries: int, every_stage: bool = False
) -> Accept | Retry | Abandon:
    """The next step after the last of `attempts`; attempts caused by a conflict are not counted as
    tries, and a person's word gives fresh ones. With `every_stage` a retry begins with Spec.
    """
    last = attempts[-1]
    if last.gate.passed:
        return Accept()
    spent = _tries(attempts)
    if spent >= max_retries:
        return Abandon(reason=f"{spent} attempts spent; the last: {last.gate.reasons[0]}")
    if every_stage:
        return Retry(stage="spec", reason=last.gate.reasons[0])
    stage = culprit(last)
    sooner = _before(stage, last)
    if sooner != stage and (often := _in_vain(stage, attempts)):
        return Retry(stage=sooner, reason=f"{often}, so {sooner} first")
    return Retry(stage=stage, reason=last.gate.reasons[0])


def remaining(attempts: tuple[Attempt, ...], *, max_retries: int) -> int:
    return max(0, max_retries - _tries(attempts))


def _tries(attempts: tuple[Attempt, ...]) -> int:
    asked = [place for place, one in enumerate(attempts) if one.cause == "person"]
    since = attempts[asked[-1] if asked else 0 :]
    return sum(1 for one in since if one.cause not in ("conflict", "refactor"))


def _in_vain(stage: Stage, attempts: tuple[Attempt, ...]) -> str:
    """Why another try of `stage` is no use, "" when it may be some. An attempt that only applied
    corrections did not try it.
    """
    if tough := stubborn(attempts):
        return f"{', '.join(one.id for one in tough)} found {len(tough[0].seen)} times"
    earlier = [one for one in attempts[:-1] if not one.gate.passed]
    only_applied = attempts[-1].refined and attempts[-1].entry == "eval"
    if earlier and not only_applied and culprit(earlier[-1]) == stage:
        return f"{stage} failed twice"
    return ""


def sensible(stage: Stage, last: Attempt) -> bool:
    """Whether a retry after `last` may begin with `stage`: Eval has something to judge only when
    verification is green, and nothing new where it has judged.
    """
    return stage != "eval" or culprit(last) == "eval"


def rungs(attempts: tuple[Attempt, ...]) -> int:
    """How far up the ladder of models the builders of the next attempt are: one for each that
    failed with their work, one more when a finding will not go away.
    """
    failed = [one for one in attempts if not one.gate.passed and one.cause != "conflict"]
    worked = [one for one in failed if not (one.refined and one.entry == "eval")]
    return len(worked) + bool(stubborn(attempts))


def culprit(attempt: Attempt) -> Stage:
    """The stage to blame for a failed attempt: what failed to answer, Impl when red, else what Eval
    says. Eval itself when it gave no valid judgement: what it was to judge is green.
    """
    if attempt.verdict is None:
        return attempt.failed_stage or attempt.entry
    if attempt.verdict.outcome != "pass":
        return "test" if weak(attempt.verdict) else "impl"
    if attempt.evaluation is None:
        return "eval"
    return "impl" if attempt.evaluation.culprit == "eval" else attempt.evaluation.culprit


def _before(stage: Stage, last: Attempt) -> Stage:
    """One stage earlier; straight to Spec when only its own checks are red, since only Spec may
    correct them. Nothing earlier can mend Eval's silence.
    """
    if stage == "eval":
        return stage
    if last.verdict is not None and only_checks(last.verdict):
        return "spec"
    return STAGES[max(0, STAGES.index(stage) - 1)]


def repair(verdict: Verdict, *, revised: bool, repairs: int) -> Repair:
    """Who mends `verdict`, which is not a pass.

    A test is Test's to revise, once per milestone, when everything else says that the product is
    right: its criterion's checks are green (at once), or it names no criterion, all checks are
    green and Impl has tried. A suite that is too weak or that cannot be trusted is Test's too.
    Everything else goes to Impl.
    """
    if weak(verdict):
        return Repair(stage="test", tests=(), reason="the suite is too weak")
    if not revised:
        wrong = _doubtful(verdict, after_impl=repairs > 0)
        if wrong:
            return Repair(stage="test", tests=wrong, reason="red tests whose checks are green")
    return Repair(stage="impl", tests=(), reason=verdict.reasons[0])


def weak(verdict: Verdict) -> bool:
    """Whether all tests are green and something is still missing that only more or other tests can
    give.
    """
    if verdict.tests.failures or any(one.outcome != "passed" for one in verdict.checks):
        return False
    alike = any(one.kind == "same" and one.killed for one in verdict.strength)
    unnamed = any(one.contract_tests == 0 for one in verdict.criteria)
    ran = verdict.outcome == "inconclusive" or verdict.tests.total > 0
    return bool(lives(verdict.strength)) or alike or (unnamed and ran)


def only_checks(verdict: Verdict) -> bool:
    """Whether the suite is green and checks alone are red."""
    red = any(one.outcome != "passed" for one in verdict.checks)
    return red and not verdict.tests.failures and verdict.tests.passed > 0


def _doubtful(verdict: Verdict, *, after_impl: bool) -> tuple[str, ...]:
    red = {one.criterion for one in verdict.checks if one.outcome != "passed"}
    seen = {one.criterion for one in verdict.checks}
    wrong: list[str] = []
    for failure in verdict.tests.failures:
        named = names_criterion(failure.test)
        green = named in seen and named not in red
        if green or (not named and after_impl and not red):
            wrong.append(failure.test)
    return tuple(wrong)
