"""What an attempt's failure tells the next one, as text. Pure."""

from orchestrator import memory
from orchestrator.artifacts.evaluation import Finding
from orchestrator.artifacts.outcome import Attempt


def of(attempt: Attempt, budget: int) -> str:
    """Why `attempt` was turned down, and everything known about how to mend it."""
    parts = [
        f"Attempt {attempt.number} was turned down:",
        *(f"- {reason}" for reason in attempt.gate.reasons),
    ]
    if attempt.verdict is not None and attempt.verdict.outcome != "pass":
        parts += ["", memory.failures(attempt.verdict, budget)]
    if attempt.evaluation is not None:
        parts += ["", attempt.evaluation.summary, "", *map(_told, attempt.evaluation.findings)]
    return "\n".join(parts)


def _told(finding: Finding) -> str:
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    lines = [
        f"* [{finding.dimension}, {finding.severity}] {place}: {finding.problem}",
        f"  Remedy: {finding.remedy}",
    ]
    for edit in finding.edits:
        lines += [f"  In {edit.path}", "  REMOVE", edit.remove, "  ADD", edit.add]
    return "\n".join(lines)
