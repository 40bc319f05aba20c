"""A verdict on a person's project, as JSON and for the terminal."""

from collections.abc import Iterator

from orchestrator.artifacts.verdict import CheckResult, Mutant, Verdict
from orchestrator.live import plain
from orchestrator.project.verifying import Inspection

MOST_SHOWN = 10


def told(found: Inspection) -> dict[str, object]:
    """Of a held check no more than its criterion and the kind of its outcome."""
    verdict = found.verdict
    whole = verdict.model_dump(mode="json")
    return {
        "verdict": verdict.outcome,
        "tests": verdict.tests.model_dump(mode="json", exclude={"tests"}),
        "criteria": whole["criteria"],
        "strength": whole["strength"],
        "checks": [_check(one) for one in verdict.checks],
        "lint": whole["lint"],
        "sandbox": verdict.sandbox,
        "reasons": whole["reasons"],
        "left_out": [str(one) for one in found.left_out],
        "seconds": whole["seconds"],
    }


def _check(one: CheckResult) -> dict[str, object]:
    kept = {"criterion", "visibility", "outcome"} if one.visibility == "held" else None
    return one.model_dump(mode="json", include=kept)


def shown(found: Inspection) -> str:
    """Lines that drive no terminal, the verdict first."""
    verdict = found.verdict
    lines = [
        verdict.outcome.upper(),
        *(f"  {reason}" for reason in verdict.reasons),
        "",
        *_tests(verdict),
        *_criteria(verdict),
        *_strength(verdict),
        *_lint(verdict),
        f"sandbox   {verdict.sandbox}",
        *_some("left out", tuple(map(str, found.left_out))),
    ]
    return "\n".join(map(plain, lines))


def _tests(verdict: Verdict) -> Iterator[str]:
    tests = verdict.tests
    counted = {
        "failed": tests.failed,
        "errors": tests.errors,
        "skipped": tests.skipped,
        "flaky": len(tests.flaky),
    }
    others = "".join(f", {count} {name}" for name, count in counted.items() if count)
    coverage = "not measured" if tests.coverage < 0 else f"{tests.coverage} %"
    yield f"tests     {tests.passed} of {tests.total} passed{others}; coverage {coverage}"


def _criteria(verdict: Verdict) -> Iterator[str]:
    for one in verdict.criteria:
        yield (
            f"criterion {one.criterion} {'met' if one.met else 'NOT MET'}: passed "
            f"{one.contract_tests} contract tests, {one.shown} shown and {one.held} held checks"
        )


def _strength(verdict: Verdict) -> Iterator[str]:
    """How much a suite proves is what it does on broken code, and that has its price."""
    broken = [one for one in verdict.strength if one.kind != "same"]
    if not broken:
        return
    taken = f", {verdict.seconds.mutants:.0f} s" if verdict.seconds else ""
    late = sum(one.outcome == "timed out" for one in broken)
    slow = f", {late} by the time limit" if late else ""
    yield f"mutants   killed {sum(map(_killed, broken))} of {len(broken)}{slow}{taken}"
    yield from _some("survived", tuple(one.name for one in broken if not one.killed))


def _killed(mutant: Mutant) -> bool:
    return mutant.killed


def _lint(verdict: Verdict) -> Iterator[str]:
    blocking = [one for one in verdict.lint if one.blocks]
    facts = tuple(f"{one.path}:{one.line}: {one.code} {one.message}" for one in blocking)
    yield from _some("blocks", facts)
    yield f"lint      {len(verdict.lint) - len(blocking)} other facts"


def _some(mark: str, lines: tuple[str, ...]) -> Iterator[str]:
    for line in lines[:MOST_SHOWN]:
        yield f"{mark:<9} {line}"
    if len(lines) > MOST_SHOWN:
        yield f"{'':<9} and {len(lines) - MOST_SHOWN} more"
