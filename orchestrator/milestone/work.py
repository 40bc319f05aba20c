"""The stages of one milestone, on its state and its commit."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Literal, TypeVar, cast

from orchestrator import memory, scoring
from orchestrator.agents import (
    arch,
    critic,
    eval,
    impl,
    refactor,
    router,
    spec,
    summariser,
    test,
)
from orchestrator.agents.base import Reply
from orchestrator.agents.code import Change
from orchestrator.agents.state import State
from orchestrator.artifacts.evaluation import Evaluation, Finding, Review
from orchestrator.artifacts.outcome import Choice, Gate
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import STAGES, AgentName, Stage
from orchestrator.artifacts.verdict import Verdict
from orchestrator.errors import NoAnswer
from orchestrator.events import StageEnded, StageStarted
from orchestrator.ledger import disk
from orchestrator.ledger.aside import aside
from orchestrator.milestone.parts import Parts
from orchestrator.milestone.refining import Refined, refined
from orchestrator.settings import Settings

T = TypeVar("T")


TRIALS = 4
"""So many corrections are tried one by one where all together are not green."""
STAGE_OF: dict[AgentName, Stage] = {
    "critic": "eval",
    "refactor": "impl",
    "router": "eval",
    "summariser": "eval",
}
"""As which stage an agent is shown that has none of its own."""


class Cancelled(Exception):
    """A person ended the milestone before its `stage`."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(f"cancelled before {stage}")
        self.stage: Stage = stage


class Work:
    """The commit is the state: nothing is checked out while working. Each stage asks one agent and
    keeps what it gave; before it, a person is heard. `rank` is the milestone's place in the plan.
    """

    def __init__(self, parts: Parts, state: State, commit: str, *, rank: int) -> None:
        self._parts = parts
        self._rank = rank
        self.state = state
        self.commit = commit
        self.at = ""
        """When the last answer that changed the code was given."""
        self._judged = ""
        """When the last evaluation was given."""
        self.tested = False
        """Whether the milestone has tests."""
        self.revised = False
        """Whether its tests were revised, which happens once."""
        self.anew = 0
        """How often a person had it built on after it had ended."""
        self._parents = (commit,)

    @property
    def settings(self) -> Settings:
        return self._parts.settings

    @property
    def scope(self) -> str:
        return self.state.milestone.id

    def move(self, tree: Tree, commit: str, *others: str) -> None:
        """What comes next is built on `tree`, with `commit` and `others` as parents."""
        self.commit, self._parents = commit, (commit, *others)
        self.state = self.state.but(tree=tree)

    async def specify(self) -> None:
        reply = await self._stage("spec", lambda: spec.specify(self._parts.asker, self.state))
        made, old = reply.value, self.state.specification
        self.state = self.state.but(specification=made)
        corrected = made.reported()[len(old.corrections) if old else 0 :]
        said = [f"{len(made.shown)} shown and {len(made.held)} held checks"]
        said += [f"{one.check}: {one.action}, {one.reason}" for one in corrected]
        self._ended("spec", " ".join("; ".join(said).split()))

    async def design(self) -> None:
        reply = await self._stage("arch", lambda: arch.design(self._parts.asker, self.state))
        self.state = self.state.but(architecture=reply.value)
        launch = reply.value.launch
        self._ended("arch", f"{launch.kind} {launch.module}: {len(reply.value.folders)} folders")

    async def implement(self) -> None:
        reply = await self._stage("impl", lambda: impl.implement(self._parts.asker, self.state))
        await self._take("impl", reply)

    async def write_tests(self) -> None:
        reply = await self._stage("test", lambda: test.write(self._parts.asker, self.state))
        await self._take("test", reply)
        self.tested = True

    async def revise_tests(self, tests: tuple[str, ...]) -> None:
        reply = await self._stage("test", lambda: test.revise(self._parts.asker, self.state, tests))
        await self._take("test", reply)
        self.revised = True

    async def review(self, verdict: Verdict) -> Review:
        asker = self._parts.asker
        reply = await self._stage("critic", lambda: critic.review(asker, self.state, verdict))
        self._ended("eval", f"review: {len(reply.value.findings)} findings")
        return reply.value

    async def simplify(self) -> Reply[Change]:
        return await self._stage(
            "refactor", lambda: refactor.simplify(self._parts.asker, self.state)
        )

    async def choose(self, remaining: int) -> Choice:
        """Raises NoAnswer: then the rules choose."""
        asker = self._parts.asker
        choose = partial(router.choose, asker, self.state, remaining=remaining)
        return (await self._stage("router", choose)).value

    async def condense(self) -> None:
        """Sums up what no longer fits of the feedback; nothing where the answer is no use."""
        fed, budget = self.state.milestone.feedback, self.state.budget // 4
        summed = budget // 4
        gone = memory.overflow(fed, budget - summed)
        if gone <= self.state.shortened or not self._parts.settings.summarise:
            return
        ask = partial(summariser.summarise, self._parts.asker, self.state, fed[:gone], summed)
        with suppress(NoAnswer):
            reply = await self._stage("summariser", ask)
            self.state = self.state.but(short=reply.value, shortened=gone)

    async def refine(self, findings: Mapping[str, Finding]) -> tuple[str, ...]:
        """The ids of those of `findings` whose corrections are in the code now: all that fit, or
        where verification is not green with them, those of the first few with which it is.
        """
        whole = refined(self.state.tree, findings)
        kept = whole if whole.applied and await self._green(whole.tree) else None
        if kept is None and len(whole.applied) > 1:
            kept = await self._one_by_one({name: findings[name] for name in whole.applied[:TRIALS]})
        if kept is None or not kept.applied:
            return ()
        await self.keep("refine", kept.tree, self._judged)
        said = ", ".join(kept.applied)
        self._ended("impl", f"corrections of the evaluation applied as they stand: {said}")
        return kept.applied

    async def _one_by_one(self, findings: Mapping[str, Finding]) -> Refined:
        kept = Refined(self.state.tree, ())
        for name, one in findings.items():
            more = refined(kept.tree, {name: one})
            if more.applied and await self._green(more.tree):
                kept = Refined(more.tree, (*kept.applied, name))
        return kept

    async def _green(self, tree: Tree) -> bool:
        verdict = await self.verified(self.state.but(tree=tree), "with corrections, ")
        return verdict.outcome == "pass"

    async def keep(self, stage: str, tree: Tree, at: str) -> None:
        """Commits `tree` on top of what stands, with the date of the answer that it comes from."""
        commit = await self._parts.repo.commit(
            tree,
            parents=self._parents,
            message=f"{stage}: {self.scope}, attempt {self.state.attempt}",
            at=at,
        )
        self.move(tree, commit)
        self.at = at
        await self._parts.repo.branch(f"milestone/{self.scope}", commit)

    async def _take(self, stage: Literal["impl", "test"], reply: Reply[Change]) -> None:
        await self.keep(stage, reply.value.tree, reply.at)
        paths, note = reply.value.changes.paths, " ".join(reply.value.changes.note.split())
        said = f"{len(paths)} files: {', '.join(paths[:4])}{' ...' * (len(paths) > 4)}"
        self._ended(stage, f"{said} ({note})" if stage == "test" and note else said)

    async def verify(self) -> Verdict:
        verdict = await self.verified(self.state, "")
        self.state = self.state.but(verdict=verdict)
        return verdict

    async def verified(self, state: State, where: str) -> Verdict:
        """The verdict on `state`, which may be another tree than this milestone's own: `where`
        names it.
        """
        await self._parts.verification.consult(state.tree)
        async with self._parts.slots.held(self._rank):
            self._started("test")
            verdict = await self._parts.verification.verify(
                state.subject(), self.scope, rank=self._rank
            )
        suite = verdict.tests
        shown = f"{where}{suite.passed}/{suite.total} tests, coverage {suite.coverage}%"
        said = verdict.outcome if verdict.outcome == "pass" else verdict.reasons[0]
        self._ended("test", f"{shown}: {said}", ok=verdict.outcome == "pass")
        return verdict

    async def traced(self, verdict: Verdict, repair: int) -> None:
        """Writes in full what agents are shown in short."""
        if all(memory.trace(one.error) == one.error for one in verdict.tests.failures):
            return
        name = f"{self.scope}-{self.state.attempt}-{repair}.txt"
        text = "\n\n".join(f"{one.test}\n{one.error}" for one in verdict.tests.failures)
        await aside(disk.write, self._parts.traces / name, text.encode("utf-8", "replace"))

    async def evaluate(self, verdict: Verdict, expected: int = 0) -> Evaluation:
        """`expected` is the score that corrections were to bring, 0 without any."""
        asker = self._parts.asker
        reply = await self._stage("eval", lambda: eval.evaluate(asker, self.state, verdict))
        gate = self.gate(verdict, reply.value, "")
        said = "pass" if gate.passed else gate.reasons[0]
        hoped = f" (expected {scoring.show(expected)})" if expected else ""
        self._ended("eval", f"{scoring.show(gate.score)}{hoped}: {said}", ok=gate.passed)
        self._judged = reply.at
        self.state = self.state.but(judged=self.state.tree)
        return reply.value

    def gate(self, verdict: Verdict | None, evaluation: Evaluation | None, error: str) -> Gate:
        settings = self._parts.settings
        gate = scoring.judge(
            verdict, evaluation, threshold=settings.threshold, floor=settings.floor
        )
        return gate.model_copy(update={"reasons": (error, *gate.reasons)}) if error else gate

    async def _stage(self, agent: AgentName, ask: Callable[[], Awaitable[Reply[T]]]) -> Reply[T]:
        """Raises NoAnswer, or Cancelled when a person ended the milestone."""
        stage = STAGE_OF.get(agent) or cast(Stage, agent)
        self._hear(agent, stage)
        async with self._parts.slots.held(self._rank):
            self._started(stage)
            try:
                return await ask()
            except NoAnswer as unanswered:
                self._ended(stage, told(unanswered), ok=False)
                raise

    def _hear(self, agent: AgentName, stage: Stage) -> None:
        """A person's words are taken before a request that nobody has answered yet."""
        people, attempt = self._parts.people, self.state.attempt
        following = self._parts.asker.following(self.scope, agent, attempt)
        fresh = not self._parts.ledger.begun(following)
        boundary = following.removeprefix(f"{self.scope}/").replace("/", "-")
        boundary += f"-anew-{self.anew}" * bool(self.anew)
        if people.ends(self.scope, boundary, fresh=fresh):
            raise Cancelled(stage)
        if words := people.steered(self.scope, boundary, fresh=fresh):
            self.state = self.state.but(words=(*self.state.words, *words))

    def _started(self, stage: Stage) -> None:
        self._parts.sink(
            StageStarted(milestone=self.scope, attempt=self.state.attempt, stage=stage)
        )

    def _ended(self, stage: Stage, result: str, *, ok: bool = True) -> None:
        self._parts.sink(
            StageEnded(
                milestone=self.scope,
                attempt=self.state.attempt,
                stage=stage,
                result=result,
                ok=ok,
            )
        )


def failed_stage(unanswered: NoAnswer) -> Stage | None:
    return next((stage for stage in STAGES if stage == unanswered.agent), None)


def told(unanswered: NoAnswer) -> str:
    """What everybody may hear: the errors of a specification can quote its held checks."""
    if unanswered.agent == "spec":
        return "spec: no answer was a valid specification"
    return str(unanswered)
