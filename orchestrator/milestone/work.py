"""The stages of one milestone, on its state and its commit."""

from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from orchestrator import scoring
from orchestrator.agents import arch, eval, impl, spec, test
from orchestrator.agents.base import Reply
from orchestrator.agents.code import Change
from orchestrator.agents.state import State
from orchestrator.artifacts.evaluation import Evaluation
from orchestrator.artifacts.outcome import Gate
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import STAGES, Stage
from orchestrator.artifacts.verdict import Verdict
from orchestrator.errors import NoAnswer
from orchestrator.events import StageEnded, StageStarted
from orchestrator.milestone.parts import Parts

T = TypeVar("T")


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
        self.tested = False
        """Whether the milestone has tests."""
        self.revised = False
        """Whether its tests were revised, which happens once."""
        self.anew = 0
        """How often a person had it built on after it had ended."""
        self._parents = (commit,)

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

    async def _take(self, stage: Literal["impl", "test"], reply: Reply[Change]) -> None:
        """Commits a change on top of what stands; its date is the answer's."""
        commit = await self._parts.repo.commit(
            reply.value.tree,
            parents=self._parents,
            message=f"{stage}: {self.scope}, attempt {self.state.attempt}",
            at=reply.at,
        )
        self.move(reply.value.tree, commit)
        self.at = reply.at
        await self._parts.repo.branch(f"milestone/{self.scope}", commit)
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

    async def evaluate(self, verdict: Verdict) -> Evaluation:
        asker = self._parts.asker
        reply = await self._stage("eval", lambda: eval.evaluate(asker, self.state, verdict))
        gate = self.gate(verdict, reply.value, "")
        said = "pass" if gate.passed else gate.reasons[0]
        self._ended("eval", f"{scoring.show(gate.score)}: {said}", ok=gate.passed)
        return reply.value

    def gate(self, verdict: Verdict | None, evaluation: Evaluation | None, error: str) -> Gate:
        settings = self._parts.settings
        gate = scoring.judge(
            verdict, evaluation, threshold=settings.threshold, floor=settings.floor
        )
        return gate.model_copy(update={"reasons": (error, *gate.reasons)}) if error else gate

    async def _stage(self, stage: Stage, ask: Callable[[], Awaitable[Reply[T]]]) -> Reply[T]:
        """Raises NoAnswer, or Cancelled when a person ended the milestone."""
        self._hear(stage)
        async with self._parts.slots.held(self._rank):
            self._started(stage)
            try:
                return await ask()
            except NoAnswer as unanswered:
                self._ended(stage, told(unanswered), ok=False)
                raise

    def _hear(self, stage: Stage) -> None:
        """A person's words are taken before a request that nobody has answered yet."""
        people, attempt = self._parts.people, self.state.attempt
        following = self._parts.asker.following(self.scope, stage, attempt)
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
