"""A verdict as agents see it: held checks as criterion and kind of outcome only."""

import re

from orchestrator.artifacts.verdict import CheckResult, Verdict
from orchestrator.memory.counting import tokens

TRACE_LINES = 40
PLACE = re.compile(r"\S+\.py:\d+: ")
"""Where pytest says that an exception was raised."""


def report(verdict: Verdict) -> str:
    """The verdict as Eval sees it: held checks as criterion and kind of outcome only, no output, no
    input.
    """
    suite = verdict.tests
    lines = [
        f"verdict: {verdict.outcome}",
        f"tests: {suite.total} in all, {suite.passed} passed, {suite.failed} failed, "
        f"{suite.errors} errors, {suite.skipped} skipped",
        f"coverage: {suite.coverage}% of statements"
        if suite.coverage >= 0
        else "coverage: not measured",
        *(f"reason: {reason}" for reason in verdict.reasons),
        *(f"passed: {name}" for name in suite.tests),
        *(f"check {one.check} (shown, {one.criterion}): {one.outcome}" for one in _shown(verdict)),
        *_held(verdict),
        *_strength(verdict),
    ]
    return "\n".join(lines)


def _shown(verdict: Verdict) -> list[CheckResult]:
    return [one for one in verdict.checks if one.visibility == "shown"]


def _held(verdict: Verdict) -> list[str]:
    outcomes = sorted(
        {(one.criterion, one.outcome) for one in verdict.checks if one.visibility == "held"}
    )
    return [f"held checks of {criterion}: {outcome}" for criterion, outcome in outcomes]


def _died(killed: bool) -> str:
    return "red, as it must be" if killed else "still green"


def _strength(verdict: Verdict) -> list[str]:
    """Timed out is not told from red: that depends on the machine."""
    bodies = [one for one in verdict.strength if one.kind in ("body", "expected")]
    single = [one for one in verdict.strength if one.kind == "operator"]
    lines = [f"suite where {one.name}: {_died(one.killed)}" for one in bodies]
    if single:
        dead = sum(one.killed for one in single)
        lines.append(f"suite on products with one operator changed: red on {dead} of {len(single)}")
    lines += [f"suite still green where {one.name}" for one in single if not one.killed]
    return lines


def failures(verdict: Verdict, budget: int) -> str:
    """What is red, with traces for tests and details for shown checks; for held ones criterion and
    kind.
    """
    parts = [f"test {one.test} failed:\n{trace(one.error)}" for one in verdict.tests.failures]
    parts += [
        f"shown check {one.check} ({one.criterion}): {one.outcome}\n{one.detail}"
        for one in _shown(verdict)
        if one.outcome != "passed"
    ]
    parts += [line for line in _held(verdict) if not line.endswith(": passed")]
    parts.append("in short:\n" + "\n".join(f"- {reason}" for reason in verdict.reasons))
    kept: list[str] = []
    used = 0
    for part in parts:
        used += tokens(part)
        if used <= budget:
            kept.append(part)
    if len(kept) < len(parts):
        kept.append(f"({len(parts) - len(kept)} more left out for want of room)")
    return "\n\n".join(kept)


def trace(error: str) -> str:
    """What matters of a failing test's trace: where pytest points, what it compared, where it was
    raised; the beginning and the end of what is still too long.
    """
    lines = error.splitlines()
    if len(lines) <= TRACE_LINES:
        return error
    kept = [line for line in lines if line.startswith(("E ", ">")) or PLACE.match(line)]
    kept = kept or lines
    if len(kept) > TRACE_LINES:
        half = TRACE_LINES // 2
        kept = [*kept[:half], f"[... {len(kept) - 2 * half} lines ...]", *kept[-half:]]
    return "\n".join([*kept, f"[shortened from {len(lines)} lines]"])


def lint(verdict: Verdict) -> str:
    return (
        "\n".join(
            f"{one.path}:{one.line}: {one.code}{' BLOCKS' * one.blocks} {one.message}"
            for one in verdict.lint
        )
        or "(none)"
    )
