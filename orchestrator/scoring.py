"""The gate: breakdown and facts -> score and pass. Pure, in integers."""

from collections.abc import Iterable, Mapping

from orchestrator.artifacts.evaluation import Evaluation, Finding
from orchestrator.artifacts.outcome import Attempt, Gate
from orchestrator.artifacts.values import DIMENSIONS, Dimension
from orchestrator.artifacts.verdict import LintFact, Verdict

WEIGHTS: dict[Dimension, int] = {
    "correctness": 30,
    "code_quality": 20,
    "security": 20,
    "maintainability": 15,
    "scalability": 15,
}
"""Percent, summing to 100."""


CAPPED = 1
"""The security score while a lint fact blocks."""


def weigh(scores: Mapping[Dimension, int]) -> int:
    """The weighted sum in hundredths: 100 (all ones) to 500 (all fives)."""
    return sum(WEIGHTS[name] * scores[name] for name in DIMENSIONS)


def blocking(verdict: Verdict | None, evaluation: Evaluation) -> tuple[LintFact, ...]:
    """The lint facts that block and that `evaluation` does not exempt with a reason."""
    exempt = {(one.code, one.path, one.line) for one in evaluation.exemptions}
    facts = verdict.lint if verdict else ()
    return tuple(
        one for one in facts if one.blocks and (one.code, one.path, one.line) not in exempt
    )


def expected(evaluation: Evaluation, mended: Iterable[Finding]) -> dict[Dimension, int]:
    """The scores if the findings of `mended` gain what `evaluation` says, 5 at the most."""
    scores: dict[Dimension, int] = {name: evaluation.score(name) for name in DIMENSIONS}
    for one in mended:
        scores[one.dimension] = min(5, scores[one.dimension] + max(0, one.gain))
    return scores


def enough(scores: Mapping[Dimension, int], *, threshold: int, floor: int) -> bool:
    return weigh(scores) >= threshold and min(scores.values()) >= floor


def counted(verdict: Verdict | None, evaluation: Evaluation) -> dict[Dimension, int]:
    """The scores as they count: security is capped while a lint fact blocks."""
    scores: dict[Dimension, int] = {name: evaluation.score(name) for name in DIMENSIONS}
    if blocking(verdict, evaluation):
        scores["security"] = min(CAPPED, scores["security"])
    return scores


def show(score: int) -> str:
    """Hundredths as people read them: 350 -> "3.50"."""
    return f"{score // 100}.{score % 100:02d}"


def judge(
    verdict: Verdict | None, evaluation: Evaluation | None, *, threshold: int, floor: int
) -> Gate:
    """Facts first: without a passing verdict nothing passes, whatever the evaluation says.

    `threshold` is in hundredths, `floor` the least score of any dimension. A missing verdict or
    evaluation (the attempt did not get so far) cannot pass.
    """
    reasons: list[str] = []
    if verdict is None:
        reasons.append("nothing was verified")
    elif verdict.outcome != "pass":
        reasons += verdict.reasons or (f"verification: {verdict.outcome}",)
    score = 0
    if evaluation is None:
        reasons.append("not evaluated")
    else:
        scores = counted(verdict, evaluation)
        score = weigh(scores)
        reasons += [
            f"{one.path}:{one.line}: {one.code} {one.message}: security counts as {CAPPED} with it"
            for one in blocking(verdict, evaluation)
        ]
        reasons += _judged(evaluation, scores, threshold=threshold, floor=floor)
    return Gate(score=score, passed=not reasons, reasons=tuple(reasons))


def _judged(
    evaluation: Evaluation, scores: Mapping[Dimension, int], *, threshold: int, floor: int
) -> list[str]:
    reasons = [
        f"{name} scores {scores[name]}, below the floor of {floor}"
        for name in DIMENSIONS
        if scores[name] < floor
    ]
    if (score := weigh(scores)) < threshold:
        reasons.append(f"weighted score {show(score)} is below {show(threshold)}")
    reasons += [
        f"criterion {one.criterion} judged not met: {one.evidence}"
        for one in evaluation.criteria
        if not one.met
    ]
    return reasons


def best(attempts: tuple[Attempt, ...]) -> Attempt:
    """The attempt to keep: passed, then verified, then the higher score, then more tests, then the
    later.
    """

    def worth(one: Attempt) -> tuple[bool, bool, int, int, int]:
        verified = one.verdict is not None and one.verdict.outcome == "pass"
        passed = one.verdict.tests.passed if one.verdict else 0
        return (one.gate.passed, verified, one.gate.score, passed, one.number)

    return max(attempts, key=worth)
