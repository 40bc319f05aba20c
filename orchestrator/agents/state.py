"""A milestone as its agents find it."""

from functools import lru_cache

from pydantic import ConfigDict

from orchestrator import memory
from orchestrator.agents.base import Brief
from orchestrator.agents.room import Material
from orchestrator.artifacts.architecture import Architecture
from orchestrator.artifacts.checks import Check
from orchestrator.artifacts.outcome import Attempt
from orchestrator.artifacts.plan import Milestone, Plan
from orchestrator.artifacts.specification import Specification
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.artifacts.verdict import Verdict
from orchestrator.verify import Subject


class State(Value):
    """Everything a request of this milestone may be built from: no sibling, no clock."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    idea: str
    plan: Plan
    milestone: Milestone
    built: tuple[memory.Built, ...]
    budget: int
    """Tokens for the code and memory in one request."""
    tree: Tree
    base: Tree
    """Main, as the milestone builds on it: the tests in it are the merged milestones'."""
    attempt: int = 1
    findings: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    specification: Specification | None = None
    architecture: Architecture | None = None
    verdict: Verdict | None = None
    judged: Tree | None = None
    """What the last evaluation was of."""
    rungs: int = 0
    """How far up the ladder of models its builders are."""
    whole_files: bool = False
    """Whether Impl must do without edits where it corrects."""
    short: str = ""
    """A summary of the oldest `shortened` entries of the feedback."""
    shortened: int = 0
    words: tuple[str, ...] = ()
    """What the person who ordered the product said while it was built, oldest first."""

    def but(self, **changes: object) -> "State":
        """A copy with `changes`, which are checked by the caller's types only."""
        return self.model_copy(update=changes)

    def brief(self, *tail: Material, task: str, held: bool = False) -> Brief:
        """What every agent of the milestone gets, then `tail`. Only Spec may ask for `held`."""
        told = memory.feedback(
            self._earlier(), self.budget // 4, short=self.short, shortened=self.shortened
        )
        return Brief(
            scope=self.milestone.id,
            attempt=self.attempt,
            project=(
                Material(name="idea", content=self.idea),
                Material(
                    name="plan", content=plan_text(self.plan, self.milestone, self.budget // 4)
                ),
                Material(name="project", content=memory.project(self.built, self.budget // 4)),
            ),
            milestone=(
                Material(name="milestone", content=milestone_text(self.milestone)),
                Material(name="specification", content=self._specification(held)),
                Material(
                    name="architecture",
                    content=self.architecture.model_dump_json(indent=1)
                    if self.architecture
                    else "",
                ),
            ),
            tail=(
                *tail,
                Material(name="feedback", content=told),
                Material(name="findings", content="\n\n".join(self.findings)),
            ),
            task=f"{task}{spoken(self.words)}",
            rungs=self.rungs,
        )

    def subject(self) -> Subject:
        """What must hold here: the milestone's own contract and every merged one's, each less what
        later ones supersede.
        """
        assert self.specification is not None
        assert self.architecture is not None
        contracts = [(one.milestone, one.specification) for one in self.built]
        superseded = set[str]()
        criteria, checks = list[str](), list[Check]()
        for milestone, contract in reversed([*contracts, (self.milestone, self.specification)]):
            own = [one.id for one in milestone.acceptance_criteria if one.id not in superseded]
            criteria[:0] = own
            checks[:0] = [one for one in contract.checks if one.criterion in own]
            superseded |= {one.test for one in contract.supersedes}
        return Subject(
            tree=self.tree,
            criteria=tuple(criteria),
            checks=tuple(checks),
            launch=self.architecture.launch,
            lock="",
        )

    def _earlier(self) -> tuple[str, ...]:
        """The feedback that is not among today's findings."""
        return tuple(one for one in self.milestone.feedback if one not in self.findings)

    def _specification(self, held: bool) -> str:
        if self.specification is None:
            return ""
        seen = self.specification if held else self.specification.public()
        return seen.model_dump_json(indent=1)


def spoken(words: tuple[str, ...]) -> str:
    """A person's words as closing lines: unlike material, they are to be followed."""
    if not words:
        return ""
    said = "\n".join(f"- {' '.join(one.split())}" for one in words)
    return (
        "\n\nThe person who ordered the product has said this since, the newest last. Follow it, "
        f"as far as it is yours to do:\n{said}"
    )


def plan_text(plan: Plan, own: Milestone, budget: int) -> str:
    """The whole plan where it fits in `budget` tokens; else the titles that fit in half of it, and
    `own` with what it needs.
    """
    if memory.tokens(plan.text) <= budget:
        return plan.text
    near = (own.id, *own.dependencies)
    told = [
        line
        for one, lines in zip(plan.milestones, plan.told, strict=True)
        if one.id in near
        for line in ("", *lines)
    ]
    titles = _titles(tuple(lines[0] for lines in plan.told), budget // 2)
    return "\n".join((plan.head, *titles, *told))


@lru_cache(maxsize=8)
def _titles(titles: tuple[str, ...], budget: int) -> tuple[str, ...]:
    used, kept = 0, list[str]()
    for title in titles:
        used += memory.tokens(title)
        if used > budget:
            return (*kept, f"({len(titles) - len(kept)} more left out for want of room)")
        kept.append(title)
    return tuple(kept)


def milestone_text(milestone: Milestone) -> str:
    lines = [f"{milestone.id} ({milestone.release}): {milestone.title}", milestone.description, ""]
    lines += [f"{one.id}: {one.text}" for one in milestone.acceptance_criteria]
    return "\n".join(lines)
