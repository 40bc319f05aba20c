"""The final report: facts from artifacts, prose from the Reporter, costs from the ledger."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from orchestrator import scoring
from orchestrator.artifacts.outcome import Attempt, Outcome
from orchestrator.artifacts.plan import Milestone
from orchestrator.artifacts.report import (
    AgentCost,
    AttemptReport,
    DimensionScore,
    MilestoneReport,
    Report,
)
from orchestrator.artifacts.specification import Specification
from orchestrator.artifacts.values import AGENTS, DIMENSIONS
from orchestrator.artifacts.verdict import Tests, Verdict
from orchestrator.budget import spend
from orchestrator.errors import Missing
from orchestrator.ledger import Recorded, disk
from orchestrator.render import Renderer, visible
from orchestrator.tracking import track


def milestone(
    planned: Milestone, outcome: Outcome, specification: Specification | None
) -> MilestoneReport:
    """What became of one milestone. `specification` is None when it never had one."""
    best = outcome.attempts[outcome.best - 1] if outcome.best else None
    verdict = outcome.merged or (best.verdict if best else None)
    return MilestoneReport(
        id=planned.id,
        title=planned.title,
        release=planned.release,
        status=outcome.status,
        reason=outcome.reason,
        commit=outcome.commit,
        score=_score(best) if best else "",
        attempts=tuple(_attempt(one) for one in outcome.attempts),
        tests=_tests(verdict) if verdict else None,
        criteria=verdict.criteria if verdict else (),
        strength=verdict.strength if verdict else (),
        blocking=tuple(one for one in verdict.lint if one.blocks) if verdict else (),
        exemptions=best.evaluation.exemptions if best and best.evaluation else (),
        findings=best.evaluation.findings if best and best.evaluation else (),
        tracked=track(outcome.attempts) if len(outcome.attempts) > 1 else (),
        corrections=specification.reported() if specification else (),
        supersedes=specification.supersedes if specification else (),
    )


def _attempt(attempt: Attempt) -> AttemptReport:
    evaluation = attempt.evaluation
    return AttemptReport(
        number=attempt.number,
        cause=attempt.cause,
        entry=attempt.entry,
        repairs=attempt.repairs,
        passed=attempt.gate.passed,
        score=_score(attempt),
        dimensions=tuple(
            DimensionScore(dimension=name, score=evaluation.score(name))
            for name in (DIMENSIONS if evaluation else ())
            if evaluation
        ),
        verdict=attempt.verdict.outcome if attempt.verdict else "none",
        reasons=attempt.gate.reasons,
        tests=_tests(attempt.verdict) if attempt.verdict else None,
        refined=attempt.refined,
        expected=scoring.show(attempt.expected) if attempt.refined else "",
        slips=attempt.slips,
    )


def _score(attempt: Attempt) -> str:
    return scoring.show(attempt.gate.score) if attempt.evaluation else ""


def _tests(verdict: Verdict) -> Tests:
    return Tests.model_validate(verdict.tests.model_dump(include=set(Tests.model_fields)))


def costs(answers: Iterable[Recorded]) -> tuple[AgentCost, ...]:
    """Calls, tokens, price and time per agent, in the order of a milestone's work."""
    every = tuple(answers)
    rows: list[AgentCost] = []
    for name in AGENTS:
        spent = spend(one.answer for one in every if one.id.split("/")[1] == name)
        if spent.calls:
            rows.append(AgentCost(agent=name, **spent.model_dump()))
    return tuple(rows)


def finished() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def write(report: Report, folder: Path, renderer: Renderer) -> Path:
    """Writes report.html, report.json and, as the sign that all are there, report.md into `folder`;
    returns the Markdown's path. Raises Missing.
    """
    markdown = renderer.render("report.md.j2", report=report)
    page = visible(renderer.render("report.html.j2", report=report))
    try:
        disk.clean(folder)
        disk.write(folder / "report.html", page.encode())
        disk.write(folder / "report.json", f"{report.model_dump_json(indent=2)}\n".encode())
        disk.write(folder / "report.md", markdown.encode())
    except OSError as error:
        raise Missing(
            f"cannot write the report into {folder}: {error.strerror}",
            "free space or mend the permissions, then `orchestrate resume`",
        ) from error
    return folder / "report.md"


def total_price(rows: tuple[AgentCost, ...]) -> str:
    """The sum as decimal text, "" when any part of it is unknown."""
    if any(not one.price for one in rows):
        return ""
    return str(sum((Decimal(one.price) for one in rows), Decimal(0)))
