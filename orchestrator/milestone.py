"""One milestone's attempts: stages, verification with repairs, evaluation, gate, routing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from orchestrator import findings, memory, routing, scoring
from orchestrator.agents import arch, eval, impl, spec, test
from orchestrator.agents.base import Asker, Reply
from orchestrator.agents.code import Change
from orchestrator.agents.state import State
from orchestrator.artifacts.evaluation import Evaluation
from orchestrator.artifacts.outcome import Attempt, Gate
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import STAGES, Stage
from orchestrator.artifacts.verdict import Verdict
from orchestrator.errors import NoAnswer
from orchestrator.events import Rerouted, Sink, StageEnded, StageStarted
from orchestrator.ledger import Ledger
from orchestrator.repo import Repo
from orchestrator.settings import Settings
from orchestrator.verification import Verification

T = TypeVar("T")
Cause = Literal["start", "retry", "conflict"]


@dataclass(frozen=True)
class Parts:
    """The live objects of a run."""

    asker: Asker
    verification: Verification
    repo: Repo
    ledger: Ledger
    sink: Sink
    settings: Settings
    slots: asyncio.Semaphore
    """One is held for a stage, never while waiting."""


class Attempts:
    """Builds one milestone on a base. The commit is the state: nothing is checked out while
    working.
    """

    def __init__(self, parts: Parts, state: State, commit: str) -> None:
        self._parts = parts
        self.state = state
        self.commit = commit
        self.at = ""
        """When the last answer that changed the code was given."""
        self.made: list[Attempt] = []
        self._parents = (commit,)
        self._tested = False
        self._revised = False
        self._repairs = 0

    async def build(self) -> routing.Accept | routing.Abandon:
        """Attempts until one is accepted or they are spent."""
        return await self._drive(routing.Retry(stage="spec", reason=""), "start")

    async def rebuild(
        self, commit: str, tree: Tree, built: tuple[memory.Built, ...], found: str
    ) -> routing.Accept | routing.Abandon:
        """Goes on after a merge that failed: on the merged `tree`, with `commit` (main) as second
        parent.
        """
        self._parents = (self.commit, commit)
        base = await self._parts.repo.read(commit)
        self.state = self.state.but(tree=tree, base=base, built=built)
        self._feed(found)
        self._parts.sink(
            Rerouted(
                milestone=self.state.milestone.id,
                attempt=len(self.made) + 1,
                stage="impl",
                reason=found.splitlines()[0],
            )
        )
        return await self._drive(routing.Retry(stage="impl", reason=found), "conflict")

    async def _drive(self, step: routing.Retry, cause: Cause) -> routing.Accept | routing.Abandon:
        while True:
            attempt = await self._attempt(step.stage, cause)
            self.made.append(attempt)
            following = routing.route(
                tuple(self.made), max_retries=self._parts.settings.max_retries
            )
            if not isinstance(following, routing.Retry):
                return following
            step, cause = following, "retry"
            self._feed(findings.of(attempt, self.state.budget // 2))
            self._parts.sink(
                Rerouted(
                    milestone=self.state.milestone.id,
                    attempt=attempt.number + 1,
                    stage=step.stage,
                    reason=step.reason,
                )
            )

    def _feed(self, found: str) -> None:
        """Feedback accumulates; the newest is what the next answers must address."""
        milestone = self.state.milestone
        fed = milestone.model_copy(update={"feedback": (*milestone.feedback, found)})
        self.state = self.state.but(milestone=fed, findings=(found,))

    async def _attempt(self, entry: Stage, cause: Cause) -> Attempt:
        number = len(self.made) + 1
        self.state = self.state.but(attempt=number, attempts=tuple(self.made), verdict=None)
        self._repairs = 0
        evaluation: Evaluation | None = None
        error, failed = "", None
        try:
            await self._produce(entry)
            found = await self._verified()
            if found.outcome == "pass":
                evaluation = await self._evaluated(found)
        except NoAnswer as unanswered:
            error, failed = _told(unanswered), _stage(unanswered.agent)
        verdict = self.state.verdict
        gate = self._gate(verdict, evaluation, error)
        return Attempt(
            number=number,
            cause=cause,
            entry=entry,
            repairs=self._repairs,
            commit=self.commit,
            verdict=verdict,
            evaluation=evaluation,
            gate=gate,
            error=error,
            failed_stage=failed,
        )

    def _gate(self, verdict: Verdict | None, evaluation: Evaluation | None, error: str) -> Gate:
        settings = self._parts.settings
        gate = scoring.judge(
            verdict, evaluation, threshold=settings.threshold, floor=settings.floor
        )
        return gate.model_copy(update={"reasons": (error, *gate.reasons)}) if error else gate

    async def _produce(self, entry: Stage) -> None:
        """The artifacts from `entry` on. Criteria, checks and locked tests are never dropped."""
        first = STAGES.index(entry)
        if first <= STAGES.index("spec"):
            await self._specify()
        if first <= STAGES.index("arch"):
            await self._design()
        if first <= STAGES.index("impl"):
            await self._implement()
        if entry == "test" or not self._tested:
            await self._write_tests()

    async def _specify(self) -> None:
        reply = await self._stage("spec", lambda: spec.specify(self._parts.asker, self.state))
        made, old = reply.value, self.state.specification
        self.state = self.state.but(specification=made)
        corrected = made.reported()[len(old.corrections) if old else 0 :]
        said = [f"{len(made.shown)} shown and {len(made.held)} held checks"]
        said += [f"{one.check}: {one.action}, {one.reason}" for one in corrected]
        self._ended("spec", " ".join("; ".join(said).split()))

    async def _design(self) -> None:
        reply = await self._stage("arch", lambda: arch.design(self._parts.asker, self.state))
        self.state = self.state.but(architecture=reply.value)
        launch = reply.value.launch
        self._ended("arch", f"{launch.kind} {launch.module}: {len(reply.value.folders)} folders")

    async def _implement(self) -> None:
        reply = await self._stage("impl", lambda: impl.implement(self._parts.asker, self.state))
        await self._take("impl", reply)

    async def _write_tests(self) -> None:
        reply = await self._stage("test", lambda: test.write(self._parts.asker, self.state))
        await self._take("test", reply)
        self._tested = True

    async def _revise_tests(self, tests: tuple[str, ...]) -> None:
        reply = await self._stage("test", lambda: test.revise(self._parts.asker, self.state, tests))
        await self._take("test", reply)
        self._revised = True

    async def _take(self, stage: Literal["impl", "test"], reply: Reply[Change]) -> None:
        """Commits a change on top of what stands; its date is the answer's."""
        milestone = self.state.milestone
        self.commit = await self._parts.repo.commit(
            reply.value.tree,
            parents=self._parents,
            message=f"{stage}: {milestone.id}, attempt {self.state.attempt}",
            at=reply.at,
        )
        self._parents, self.at = (self.commit,), reply.at
        self.state = self.state.but(tree=reply.value.tree)
        await self._parts.repo.branch(f"milestone/{milestone.id}", self.commit)
        paths, note = reply.value.changes.paths, " ".join(reply.value.changes.note.split())
        said = f"{len(paths)} files: {', '.join(paths[:4])}{' ...' * (len(paths) > 4)}"
        self._ended(stage, f"{said} ({note})" if stage == "test" and note else said)

    async def _verified(self) -> Verdict:
        """Verifies, and mends what is red before anybody judges it."""
        verdict = await self._verify()
        while verdict.outcome != "pass" and self._repairs < self._parts.settings.max_repairs:
            mend = routing.repair(verdict, revised=self._revised, repairs=self._repairs)
            self._repairs += 1
            self._parts.sink(
                Rerouted(
                    milestone=self.state.milestone.id,
                    attempt=self.state.attempt,
                    stage=mend.stage,
                    reason=mend.reason,
                )
            )
            await self._mend(mend, verdict)
            verdict = await self._verify()
        return verdict

    async def _mend(self, mend: routing.Repair, verdict: Verdict) -> None:
        kept = self.state.findings
        red = memory.failures(verdict, self.state.budget // 2)
        self.state = self.state.but(findings=(*kept, red))
        if mend.stage == "impl":
            await self._implement()
        elif mend.tests:
            await self._revise_tests(mend.tests)
        else:
            await self._write_tests()
        self.state = self.state.but(findings=kept)

    async def _verify(self) -> Verdict:
        verdict = await self._verdict(self.state, "")
        self.state = self.state.but(verdict=verdict)
        return verdict

    async def verified_on(self, tree: Tree, built: tuple[memory.Built, ...]) -> Verdict:
        """The verdict on `tree`, into which this milestone was merged beside `built`."""
        return await self._verdict(self.state.but(tree=tree, built=built), "merged into main, ")

    async def _verdict(self, state: State, where: str) -> Verdict:
        async with self._parts.slots:
            self._started("test")
            verdict = await self._parts.verification.verify(state.subject())
        suite = verdict.tests
        shown = f"{where}{suite.passed}/{suite.total} tests, coverage {suite.coverage}%"
        said = verdict.outcome if verdict.outcome == "pass" else verdict.reasons[0]
        self._ended("test", f"{shown}: {said}", ok=verdict.outcome == "pass")
        return verdict

    async def _evaluated(self, verdict: Verdict) -> Evaluation:
        asker = self._parts.asker
        reply = await self._stage("eval", lambda: eval.evaluate(asker, self.state, verdict))
        gate = self._gate(verdict, reply.value, "")
        said = "pass" if gate.passed else gate.reasons[0]
        self._ended("eval", f"{scoring.show(gate.score)}: {said}", ok=gate.passed)
        return reply.value

    async def _stage(self, stage: Stage, ask: Callable[[], Awaitable[Reply[T]]]) -> Reply[T]:
        async with self._parts.slots:
            self._started(stage)
            try:
                return await ask()
            except NoAnswer as unanswered:
                self._ended(stage, _told(unanswered), ok=False)
                raise

    def _started(self, stage: Stage) -> None:
        self._parts.sink(
            StageStarted(milestone=self.state.milestone.id, attempt=self.state.attempt, stage=stage)
        )

    def _ended(self, stage: Stage, result: str, *, ok: bool = True) -> None:
        self._parts.sink(
            StageEnded(
                milestone=self.state.milestone.id,
                attempt=self.state.attempt,
                stage=stage,
                result=result,
                ok=ok,
            )
        )


def _stage(agent: str) -> Stage | None:
    return next((stage for stage in STAGES if stage == agent), None)


def _told(unanswered: NoAnswer) -> str:
    """What everybody may hear: the errors of a specification can quote its held checks."""
    if unanswered.agent == "spec":
        return "spec: no answer was a valid specification"
    return str(unanswered)
