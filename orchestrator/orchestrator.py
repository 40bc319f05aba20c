"""A run: idea -> plan -> milestones -> report. A function of its inputs and its ledger."""

from dataclasses import dataclass

from orchestrator import report as reports
from orchestrator.agents import planner, reporter
from orchestrator.agents.base import Asker
from orchestrator.artifacts.assessment import Assessment
from orchestrator.artifacts.plan import Plan, in_order
from orchestrator.artifacts.report import Facts, Report
from orchestrator.artifacts.tree import Tree
from orchestrator.build import Build, Landed
from orchestrator.errors import GaveUp, NoAnswer
from orchestrator.events import Planned, Warned
from orchestrator.halt import Halt
from orchestrator.ledger import Ledger
from orchestrator.milestone import Parts
from orchestrator.scoring import show

SCAFFOLD = Tree(
    {
        ".gitignore": b"__pycache__/\n*.pyc\n.venv/\n.pytest_cache/\n.coverage\n",
        "pytest.ini": b"[pytest]\npythonpath = .\ntestpaths = tests\n"
        b"addopts = --import-mode=importlib\n",
    }
)
"""The first commit: how the product's own tests are run, which no agent may change."""


UNTOLD = {"idea": True, "milestones": {"__all__": {"commit": True}}}
"""What the Reporter is not told of the facts: the idea stands elsewhere, a commit holds a clock."""


@dataclass(frozen=True)
class Inputs:
    """What a run is a function of, with its ledger. `plan` is None when the Planner makes it."""

    run: str
    version: str
    idea: str
    plan: Plan | None
    started: str


async def plan(asker: Asker, inputs: Inputs) -> Plan:
    """The given plan, or the Planner's. Raises GaveUp when it never gave a valid one."""
    if inputs.plan is not None:
        return inputs.plan
    try:
        return (await planner.plan(asker, inputs.idea)).value
    except NoAnswer as error:
        raise GaveUp(
            f"no valid plan: {'; '.join(error.reasons)}",
            "put the idea in other words and start again",
        ) from error


async def build(parts: Parts, halt: Halt, inputs: Inputs, made: Plan) -> tuple[Landed, ...]:
    """Builds `made` in the product's repository; what became of each milestone, in plan order."""
    order = in_order(made)
    parts.sink(Planned(product=made.product_name, milestones=tuple(one.id for one in order)))
    root = await parts.repo.create(SCAFFOLD, at=inputs.started)
    landed = await Build(parts, halt, idea=inputs.idea, plan=made, root=root).run()
    await parts.repo.checkout()
    return landed


async def conclude(
    parts: Parts, ledger: Ledger, inputs: Inputs, *, made: Plan, landed: tuple[Landed, ...]
) -> Report:
    """The report, with the Reporter's assessment of the facts when it gives a valid one."""
    facts = await _facts(parts, inputs, made, landed)
    assessment: Assessment | None = None
    try:
        told = facts.model_dump_json(indent=1, exclude=UNTOLD)
        assessment = (await reporter.assess(parts.asker, inputs.idea, told)).value
    except NoAnswer as error:
        parts.sink(Warned(message=f"the report has no assessment: {error}"))
    answers = ledger.answers()
    costs = reports.costs(answers)
    return Report(
        facts=facts,
        assessment=assessment,
        run=inputs.run,
        version=inputs.version,
        product_folder=str(parts.repo.path),
        answered_by=tuple(sorted({one.answer.by for one in answers})),
        costs=costs,
        total_price=reports.total_price(costs),
        total_duration_ms=sum(one.duration_ms for one in costs),
        finished=reports.finished(),
        possibly_billed_twice=ledger.unanswered(),
    )


async def _facts(parts: Parts, inputs: Inputs, made: Plan, landed: tuple[Landed, ...]) -> Facts:
    last = landed[-1]
    tree = await parts.repo.read(last.main)
    return Facts(
        product=made.product_name,
        idea=inputs.idea,
        passed=all(one.outcome.status == "complete" for one in landed),
        threshold=show(parts.settings.threshold),
        sandbox=parts.settings.sandbox,
        launch=last.built[-1].architecture.launch if last.built else None,
        files=tuple(tree),
        milestones=tuple(
            reports.milestone(made.milestone(one.outcome.milestone), one.outcome, one.specification)
            for one in landed
        ),
    )
