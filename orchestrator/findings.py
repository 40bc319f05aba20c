"""What an attempt's failure tells the next one, as text. Pure."""

from collections.abc import Collection

from orchestrator import memory
from orchestrator.artifacts.evaluation import Finding
from orchestrator.artifacts.outcome import Attempt
from orchestrator.tracking import named


def of(
    attempts: tuple[Attempt, ...], budget: int, *, applied: Collection[str] = frozenset()
) -> str:
    """Why the last of `attempts` was turned down, and everything known about how to mend it.
    `applied` are the ids of findings whose corrections are in the code already.
    """
    last = attempts[-1]
    parts = [
        f"Attempt {last.number} was turned down:",
        *(f"- {reason}" for reason in last.gate.reasons),
    ]
    if last.verdict is not None and last.verdict.outcome != "pass":
        parts += ["", memory.failures(last.verdict, budget)]
    if last.evaluation is not None:
        mine = named(attempts).get(last.number, {})
        left = [told(name, one) for name, one in mine.items() if name not in applied]
        parts += ["", last.evaluation.summary, "", *left]
    if applied:
        parts.append(f"Applied already, as it was given: {', '.join(applied)}")
    return "\n".join(parts)


def told(name: str, finding: Finding) -> str:
    """One finding with its remedy and its corrections; `name` is its id, "" for none."""
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    title = f"{name} [{finding.dimension}, {finding.severity}]".strip()
    lines = [
        f"* {title} {place}: {finding.problem}",
        f"  Remedy: {finding.remedy}",
    ]
    for edit in finding.edits:
        lines += [f"  In {edit.path}", "  REMOVE", edit.remove, "  ADD", edit.add]
    return "\n".join(lines)
