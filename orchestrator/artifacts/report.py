"""The final report. Every number comes from artifacts; what time, price, interruption or re-asking
decide is `measured`.
"""

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.artifacts.architecture import Launch
from orchestrator.artifacts.assessment import Assessment
from orchestrator.artifacts.evaluation import Exemption, Finding
from orchestrator.artifacts.exchange import Spend
from orchestrator.artifacts.outcome import Slip, Tracked
from orchestrator.artifacts.specification import Correction, Supersession
from orchestrator.artifacts.values import (
    AgentName,
    Cause,
    Dimension,
    Ending,
    Release,
    Stage,
    Value,
)
from orchestrator.artifacts.verdict import CriterionResult, LintFact, Mutant, Tests

MEASURED = Field(json_schema_extra={"measured": True})
"""Marks a field that two runs over the same answers need not share."""


class DimensionScore(Value):
    dimension: Dimension
    score: int


class AttemptReport(Value):
    """`score` is the weighted score as people read it, "" when the attempt was not evaluated."""

    number: int
    cause: Cause
    entry: Stage
    repairs: int
    passed: bool
    score: str
    dimensions: tuple[DimensionScore, ...]
    verdict: Literal["pass", "fail", "inconclusive", "none"]
    reasons: tuple[str, ...]
    tests: Tests | None
    refined: tuple[str, ...] = ()
    """The findings whose corrections were applied without a call, by id."""
    expected: str = ""
    """The weighted score that these were to bring."""
    slips: tuple[Slip, ...] = ()


class MilestoneReport(Value):
    id: str
    title: str
    release: Release
    status: Ending
    reason: str
    commit: str
    """The merge on main, or the best attempt on branch `milestone/<id>`."""
    score: str
    """The best attempt's."""
    attempts: tuple[AttemptReport, ...]
    tests: Tests | None
    """Of the merged product, or of the best attempt where nothing was merged."""
    criteria: tuple[CriterionResult, ...]
    """Every criterion in force on that tree, those of earlier milestones included."""
    strength: tuple[Mutant, ...]
    blocking: tuple[LintFact, ...] = ()
    """Lint facts that cap the security score, exempted or not."""
    exemptions: tuple[Exemption, ...] = ()
    """Which of them Eval let pass, and why."""
    findings: tuple[Finding, ...]
    """Still open after the best attempt."""
    tracked: tuple[Tracked, ...] = ()
    """Every finding of all attempts, where there was more than one."""
    corrections: tuple[Correction, ...]
    supersedes: tuple[Supersession, ...]


class Facts(Value):
    """What the run came to, without prose and without anything measured: the same for the same
    answers.
    """

    product: str
    idea: str
    passed: bool
    threshold: str
    sandbox: str
    launch: Launch | None
    files: tuple[str, ...]
    milestones: tuple[MilestoneReport, ...]


class AgentCost(Spend):
    """What one agent's calls came to."""

    agent: AgentName


class Report(Value):
    facts: Facts
    assessment: Assessment | None
    """None when the Reporter gave no valid answer."""
    run: Annotated[str, MEASURED]
    version: Annotated[str, MEASURED]
    product_folder: Annotated[str, MEASURED]
    answered_by: Annotated[tuple[str, ...], MEASURED]
    costs: Annotated[tuple[AgentCost, ...], MEASURED]
    total_price: Annotated[str, MEASURED]
    total_duration_ms: Annotated[int, MEASURED]
    finished: Annotated[str, MEASURED]
    possibly_billed_twice: Annotated[int, MEASURED]

    @property
    def passed(self) -> bool:
        return self.facts.passed


def lasting(report: Report) -> dict[str, object]:
    """The report without its `measured` fields: what two runs over the same answers must share."""
    marked = {
        name
        for name, field in Report.model_fields.items()
        if field.json_schema_extra == {"measured": True}
    }
    return report.model_dump(mode="json", exclude=marked)
