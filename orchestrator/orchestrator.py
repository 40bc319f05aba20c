"""A run: idea -> plan -> milestones -> report. A function of its inputs and its ledger."""

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator import events, memory
from orchestrator import report as reports
from orchestrator.agents import planner, reporter
from orchestrator.agents.base import Asker, Reply
from orchestrator.artifacts.assessment import Assessment
from orchestrator.artifacts.plan import Plan, in_order
from orchestrator.artifacts.report import Facts, Report
from orchestrator.artifacts.tree import Tree
from orchestrator.build import Build, Built
from orchestrator.errors import GaveUp, NoAnswer
from orchestrator.events import Warned
from orchestrator.halt import Halt
from orchestrator.milestone import Parts
from orchestrator.people import PLAN, People
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


@dataclass(frozen=True)
class Planned:
    """A plan, and when it was answered or given (UTC, ISO 8601): the first commit's date."""

    plan: Plan
    at: str


async def plan(
    asker: Asker, inputs: Inputs, people: People, quoted: Callable[[Plan], None]
) -> Planned:
    """The given plan, or the Planner's; planned again as long as a person wants it otherwise.

    `quoted` says what a plan may come to. Raises GaveUp when the Planner never gave a
    valid one, AwaitingPerson when it must be approved.
    """
    made, number = await planned(asker, inputs), 1
    while True:
        if not people.begun():
            quoted(made.plan)
        words = await people.landing(PLAN, number, _question(made.plan))
        if not words:
            return made
        number += 1
        reply = await _asked(asker, inputs, made.plan, words, number)
        made = Planned(reply.value, reply.at)


async def planned(asker: Asker, inputs: Inputs) -> Planned:
    """The first plan, whatever a person says of it. Raises GaveUp."""
    if inputs.plan is not None:
        return Planned(inputs.plan, inputs.started)
    reply = await _asked(asker, inputs, None, (), 1)
    return Planned(reply.value, reply.at)


async def _asked(
    asker: Asker, inputs: Inputs, earlier: Plan | None, words: tuple[str, ...], attempt: int
) -> Reply[Plan]:
    try:
        return await planner.plan(asker, inputs.idea, earlier, words, attempt=attempt)
    except NoAnswer as error:
        raise GaveUp(
            f"no valid plan: {'; '.join(error.reasons)}",
            "put the idea in other words and start again",
        ) from error


def _question(plan: Plan) -> str:
    """The plan as a person reads it."""
    lines = [f"{plan.product_name}: {plan.summary}"]
    for one in in_order(plan):
        after = f", after {', '.join(one.dependencies)}" if one.dependencies else ""
        lines.append(f"  {one.id} ({one.release}{after}): {one.title}")
        lines += [f"    - {criterion.text}" for criterion in one.acceptance_criteria]
    return "\n".join(lines)


async def build(parts: Parts, halt: Halt, inputs: Inputs, made: Planned) -> Built:
    """Builds the plan in the product's repository, and what a person wanted anew after that."""
    order = in_order(made.plan)
    parts.sink(
        events.Planned(product=made.plan.product_name, milestones=tuple(one.id for one in order))
    )
    root = await parts.repo.create(SCAFFOLD, at=made.at)
    building = Build(parts, halt, idea=inputs.idea, plan=made.plan, root=root)
    built = await building.run(parts.people.wishes())
    await parts.repo.checkout()
    return built


async def conclude(parts: Parts, inputs: Inputs, *, made: Planned, built: Built) -> Report:
    """The report, with the Reporter's assessment of the facts when it gives a valid one."""
    facts = await _facts(parts, inputs, made.plan, built)
    assessment: Assessment | None = None
    try:
        told = _told(facts, parts.settings.context_tokens)
        number = len(parts.people.wishes()) + 1
        reply = await reporter.assess(parts.asker, inputs.idea, told, attempt=number)
        assessment = reply.value
    except NoAnswer as error:
        parts.sink(Warned(message=f"the report has no assessment: {error}"))
    answers = parts.ledger.answers()
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
        possibly_billed_twice=parts.ledger.unanswered(),
    )


def _told(facts: Facts, budget: int) -> str:
    """What the Reporter is told: in a large run not what each merge was verified against."""
    told = facts.model_dump_json(indent=1, exclude=UNTOLD)
    if memory.tokens(told) <= budget:
        return told
    less = {"commit": True, "criteria": True, "strength": True, "attempts": True}
    return facts.model_dump_json(indent=1, exclude={**UNTOLD, "milestones": {"__all__": less}})


async def _facts(parts: Parts, inputs: Inputs, made: Plan, built: Built) -> Facts:
    landed, last = built.landed, built.last
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
