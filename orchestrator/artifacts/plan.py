"""The plan: milestones as a directed acyclic graph."""

import re
from collections import Counter
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from orchestrator.artifacts.values import Release, Value

MILESTONE_ID = re.compile(r"milestone-[1-9][0-9]*(-[a-z0-9]+)+")
CRITERION_ID = re.compile(r"M[1-9][0-9]*-C[1-9][0-9]*")


class Criterion(Value):
    """One acceptance criterion. `id` is `M<milestone>-C<number>`, unique over the whole plan."""

    id: str
    text: str


class Milestone(Value):
    id: str
    title: str
    release: Release
    description: str
    acceptance_criteria: tuple[Criterion, ...]
    dependencies: tuple[str, ...]
    feedback: tuple[str, ...] = ()
    """What earlier attempts were told, oldest first. It only ever grows."""


class Plan(Value):
    product_name: str
    summary: str
    milestones: tuple[Milestone, ...]

    @property
    def slug(self) -> str:
        """The product's folder name: lower case, digits and hyphens."""
        return slugify(self.product_name) or "product"

    @cached_property
    def told(self) -> tuple[tuple[str, ...], ...]:
        """Each milestone as a reader is told of it: title, description, criteria; one line each."""
        return tuple(_told(one) for one in self.milestones)

    @property
    def head(self) -> str:
        return f"{self.product_name}: {self.summary}"

    @cached_property
    def text(self) -> str:
        """The whole of it."""
        return "\n".join((self.head, *(line for told in self.told for line in ("", *told))))

    def milestone(self, name: str) -> Milestone:
        return next(one for one in self.milestones if one.id == name)


def _told(one: Milestone) -> tuple[str, ...]:
    after = f", after {', '.join(one.dependencies)}" if one.dependencies else ""
    return (
        f"{one.id} ({one.release}{after}): {one.title}",
        one.description,
        *(f"- {criterion.id}: {criterion.text}" for criterion in one.acceptance_criteria),
    )


def slugify(text: str, limit: int = 40) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:limit].strip("-")


def problems(plan: Plan) -> tuple[str, ...]:
    """Every reason why `plan` cannot be run, exact enough to be mended by its reader; empty when it
    can.
    """
    if not plan.milestones:
        return ("the plan has no milestones",)
    found = [*_naming(plan), *_criteria(plan), *_dependencies(plan)]
    return tuple(found)


def _naming(plan: Plan) -> list[str]:
    found = [] if plan.product_name.strip() else ["product_name is empty"]
    for name, count in Counter(one.id for one in plan.milestones).items():
        if count > 1:
            found.append(f"milestone id {name!r} is used {count} times")
        if not MILESTONE_ID.fullmatch(name):
            found.append(f"milestone id {name!r} is not of the form 'milestone-1-mvp'")
    return found


def _criteria(plan: Plan) -> list[str]:
    found = [
        f"milestone {one.id!r} has no acceptance criteria"
        for one in plan.milestones
        if not one.acceptance_criteria
    ]
    every = [criterion for one in plan.milestones for criterion in one.acceptance_criteria]
    for name, count in Counter(criterion.id for criterion in every).items():
        if count > 1:
            found.append(f"criterion id {name!r} is used {count} times")
        if not CRITERION_ID.fullmatch(name):
            found.append(f"criterion id {name!r} is not of the form 'M1-C1'")
    found += [f"criterion {one.id!r} has no text" for one in every if not one.text.strip()]
    return found


def _dependencies(plan: Plan) -> list[str]:
    known = {one.id for one in plan.milestones}
    found = [
        f"milestone {one.id!r} depends on {name!r}, which is not in the plan"
        for one in plan.milestones
        for name in one.dependencies
        if name not in known
    ]
    try:
        TopologicalSorter({one.id: one.dependencies for one in plan.milestones}).prepare()
    except CycleError as error:
        found.append(f"the dependencies form a cycle: {' -> '.join(error.args[1])}")
    return found


def in_order(plan: Plan) -> tuple[Milestone, ...]:
    """Plan order: every milestone after its dependencies, otherwise as listed. `plan` has no
    problems.
    """
    left, done, order = list(plan.milestones), set[str](), list[Milestone]()
    while left:
        ready = next(one for one in left if done.issuperset(one.dependencies))
        left.remove(ready)
        done.add(ready.id)
        order.append(ready)
    return tuple(order)
