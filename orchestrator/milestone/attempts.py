"""A milestone's attempts: what is made, verified, mended, judged, and where it goes next."""

from dataclasses import dataclass

from orchestrator import findings, memory, routing, scoring
from orchestrator.agents.state import State
from orchestrator.artifacts.architecture import Architecture
from orchestrator.artifacts.evaluation import Evaluation
from orchestrator.artifacts.outcome import Attempt, Slip
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import STAGES, Cause, Stage
from orchestrator.artifacts.verdict import Verdict
from orchestrator.errors import NoAnswer
from orchestrator.events import Rerouted
from orchestrator.milestone import between
from orchestrator.milestone.between import UNREFINED
from orchestrator.milestone.parts import Parts
from orchestrator.milestone.work import Cancelled, Work, failed_stage, told
from orchestrator.tracking import slips

Ended = routing.Accept | routing.Abandon
CANCELLED = "a person cancelled it"


@dataclass(frozen=True)
class _Kept:
    """What an attempt came to, for a later one that starts from it."""

    tree: Tree
    architecture: Architecture | None


class Attempts:
    """Builds one milestone on a base."""

    def __init__(self, parts: Parts, state: State, commit: str, *, rank: int) -> None:
        self._parts = parts
        self.work = Work(parts, state, commit, rank=rank)
        self.made: list[Attempt] = []
        self._kept: list[_Kept] = []
        self._repairs = 0
        self._refinement = UNREFINED
        self._stopped: Stage | None = None
        """What would have come next when a person cancelled it."""

    @property
    def state(self) -> State:
        return self.work.state

    async def build(self) -> Ended:
        """Attempts until one is accepted or they are spent."""
        return await self._drive(routing.Retry(stage="spec", reason=""), "start")

    async def rebuild(
        self, commit: str, tree: Tree, built: tuple[memory.Built, ...], found: str
    ) -> Ended:
        """Goes on after a merge that failed: on the merged `tree`, with `commit` (main) as second
        parent.
        """
        self.work.move(tree, self.work.commit, commit)
        base = await self._parts.repo.read(commit)
        self.work.state = self.state.but(base=base, built=built)
        self._feed(found)
        step = routing.Retry(stage="impl", reason=found.splitlines()[0])
        self._rerouted(step)
        return await self._drive(step, "conflict")

    async def again(self, words: tuple[str, ...]) -> Ended:
        """Goes on at a person's wish, with fresh attempts: from the best one, or from where it
        stood when it was cancelled. `words` are what they want changed, from Spec on.
        """
        self.work.anew += 1
        if self.made and self.made[-1].gate.passed and not words:
            return routing.Accept()
        self.work.state = self.state.but(words=(*self.state.words, *words))
        stage = self._entry(words)
        if self._stopped is None:
            self._restore()
        self._stopped = None
        if words:
            self._feed("\n".join(("The person who ordered the product wants:", *words)))
        step = routing.Retry(stage=stage, reason="a person asked for it")
        self._rerouted(step)
        return await self._drive(step, "person")

    def _entry(self, words: tuple[str, ...]) -> Stage:
        """Spec for a person's words, else where it was stopped, else whoever is to blame."""
        if words:
            return "spec"
        if self._stopped is None:
            return routing.culprit(self._source())
        # A suite that is there needs no other: verification says what comes next.
        return "eval" if self._stopped == "test" and self.work.tested else self._stopped

    def _source(self) -> Attempt:
        """The best attempt; after one that passed and could not land, the last, which has main."""
        best = scoring.best(tuple(self.made))
        return self.made[-1] if best.gate.passed else best

    def _restore(self) -> None:
        """The code of the source with the tests of today: what is locked is never dropped."""
        source, now = self._source(), self.state.tree
        if source.number < len(self.made):
            kept = self._kept[source.number - 1]
            code = {path: kept.tree[path] for path in kept.tree if not memory.is_test(path)}
            locked = {path: now[path] for path in now if memory.is_test(path)}
            self.work.move(Tree(code | locked), source.commit)
            self.work.state = self.state.but(architecture=kept.architecture)
        if not source.gate.passed:
            tried = tuple(self.made[: source.number])
            self._feed(findings.of(tried, self.state.budget // 2))

    async def _drive(self, step: routing.Retry, cause: Cause) -> Ended:
        settings = self.work.settings
        while True:
            try:
                attempt = await self._attempt(step.stage, cause)
                self.made.append(attempt)
                self._kept.append(_Kept(self.state.tree, self.state.architecture))
                following = routing.route(
                    tuple(self.made),
                    max_retries=settings.max_retries,
                    every_stage=settings.every_stage,
                )
                if isinstance(following, routing.Accept) and settings.refactor:
                    await self._simplified()
                if not isinstance(following, routing.Retry):
                    return following
                step, cause = await self._following(following), "retry"
            except Cancelled as cancelled:
                self._stopped = cancelled.stage
                return routing.Abandon(reason=CANCELLED, cancelled=True)
            self._rerouted(step)

    async def _following(self, step: routing.Retry) -> routing.Retry:
        """The next attempt's first stage, by the rules or by Router, with the corrections applied
        that need nobody; what is left of the findings is fed.
        """
        made, settings = tuple(self.made), self.work.settings
        self.work.state = self.state.but(
            attempt=len(made) + 1,
            attempts=made if settings.history else (),
            rungs=routing.rungs(made),
        )
        step, message = await between.routed(self.work, made, step)
        if step.stage == "impl" and settings.refine:
            step, self._refinement = await between.corrected(self.work, made, step)
        applied = self._refinement.applied
        self._feed(findings.of(made, self.state.budget // 2, applied=applied), message)
        await self.work.condense()
        return step

    async def _simplified(self) -> None:
        if simpler := await between.simplified(self.work, tuple(self.made)):
            self.made.append(simpler)
            self._kept.append(_Kept(self.state.tree, self.state.architecture))

    def _rerouted(self, step: routing.Retry) -> None:
        self._parts.sink(
            Rerouted(
                milestone=self.work.scope,
                attempt=len(self.made) + 1,
                stage=step.stage,
                reason=step.reason,
            )
        )

    def _feed(self, found: str, message: str = "") -> None:
        """Feedback accumulates; the newest is what the next answers must address."""
        milestone, told = self.state.milestone, "\n\n".join(one for one in (found, message) if one)
        earlier = milestone.feedback if self.work.settings.history else ()
        fed = milestone.model_copy(update={"feedback": (*earlier, told)})
        self.work.state = self.state.but(milestone=fed, findings=(told,))

    async def _attempt(self, entry: Stage, cause: Cause) -> Attempt:
        made, settings = tuple(self.made), self.work.settings
        self.work.state = self.state.but(
            attempt=len(made) + 1,
            attempts=made if settings.history else (),
            verdict=None,
            rungs=routing.rungs(made),
        )
        self._repairs = 0
        refinement, self._refinement = self._refinement, UNREFINED
        evaluation: Evaluation | None = None
        error, failed, judged = "", None, self.state.judged
        try:
            await self._produce(entry)
            found = await self._verified()
            if found.outcome == "pass" and settings.critic:
                found = await self._reviewed(found)
            if found.outcome == "pass":
                evaluation = await self.work.evaluate(found, refinement.expected)
        except NoAnswer as unanswered:
            error, failed = told(unanswered), failed_stage(unanswered)
        verdict = self.state.verdict
        return Attempt(
            number=self.state.attempt,
            cause=cause,
            entry=entry,
            repairs=self._repairs,
            commit=self.work.commit,
            verdict=verdict,
            evaluation=evaluation,
            gate=self.work.gate(verdict, evaluation, error),
            error=error,
            failed_stage=failed,
            refined=refinement.applied,
            expected=refinement.expected,
            slips=self._slips(evaluation, judged),
        )

    def _slips(self, evaluation: Evaluation | None, judged: Tree | None) -> tuple[Slip, ...]:
        """Where the judge went back on the last evaluation, which was of `judged`."""
        before = [one.evaluation for one in self.made if one.evaluation]
        if evaluation is None or judged is None or not before:
            return ()
        return slips(before[-1], evaluation, judged, self.state.tree)

    async def _reviewed(self, verdict: Verdict) -> Verdict:
        """One review of what is green; what weighs in it goes to Impl once, before Eval."""
        review = await self.work.review(verdict)
        weighty = tuple(one for one in review.findings if one.severity != "low")
        if not weighty:
            return verdict
        kept = self.state.findings
        told = "\n".join(findings.told("", one) for one in weighty)
        self.work.state = self.state.but(
            findings=(*kept, f"A review before the evaluation:\n{told}")
        )
        await self.work.implement()
        self.work.state = self.state.but(findings=kept)
        return await self._verified()

    async def _produce(self, entry: Stage) -> None:
        """The artifacts from `entry` on. Criteria, checks and locked tests are never dropped."""
        first = STAGES.index(entry)
        if first <= STAGES.index("spec"):
            await self.work.specify()
        if first <= STAGES.index("arch"):
            await self.work.design()
        if first <= STAGES.index("impl"):
            await self.work.implement()
        if entry == "test" or not self.work.tested or self.work.settings.every_stage:
            await self.work.write_tests()

    async def _verified(self) -> Verdict:
        """Verifies, and mends what is red before anybody judges it."""
        verdict = await self.work.verify()
        while verdict.outcome != "pass" and self._repairs < self.work.settings.max_repairs:
            mend = routing.repair(verdict, revised=self.work.revised, repairs=self._repairs)
            self._repairs += 1
            self._rerouted(routing.Retry(stage=mend.stage, reason=mend.reason))
            await self._mend(mend, verdict)
            verdict = await self.work.verify()
        return verdict

    async def _mend(self, mend: routing.Repair, verdict: Verdict) -> None:
        kept = self.state.findings
        red = memory.failures(verdict, self.state.budget // 2)
        await self.work.traced(verdict, self._repairs)
        self.work.state = self.state.but(findings=(*kept, red))
        if mend.stage == "impl":
            await self.work.implement()
        elif mend.tests:
            await self.work.revise_tests(mend.tests)
        else:
            await self.work.write_tests()
        self.work.state = self.state.but(findings=kept)

    async def verified_on(self, tree: Tree, built: tuple[memory.Built, ...]) -> Verdict:
        """The verdict on `tree`, into which this milestone was merged beside `built`."""
        state = self.state.but(tree=tree, built=built)
        return await self.work.verified(state, "merged into main, ")
