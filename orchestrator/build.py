"""The milestones of a run: a DAG built side by side, merged in plan order."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

from orchestrator import conflicts, memory, routing, scoring
from orchestrator.agents.state import State
from orchestrator.artifacts.outcome import Outcome
from orchestrator.artifacts.plan import Milestone, Plan, in_order
from orchestrator.artifacts.specification import Specification
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.verdict import Verdict
from orchestrator.errors import Changed, Stop
from orchestrator.events import MilestoneEnded
from orchestrator.halt import Halt
from orchestrator.mainline import Mainline
from orchestrator.milestone import Attempts, Parts
from orchestrator.render import visible


@dataclass(frozen=True)
class Landed:
    """Main after a milestone's turn in plan order: merged or not, `built` is what it holds."""

    outcome: Outcome
    specification: Specification | None
    main: str
    built: tuple[memory.Built, ...]


@dataclass(frozen=True)
class Union:
    """The tree that would land, what is wrong with it ("" when nothing is), and the verdict on it
    where it is another tree than the milestone's own.
    """

    tree: Tree
    found: str
    verdict: Verdict | None


class Build:
    """Builds every milestone of a plan. Time chooses nothing: merges are in plan order, bases fixed
    by it.
    """

    def __init__(self, parts: Parts, halt: Halt, *, idea: str, plan: Plan, root: str) -> None:
        self._parts = parts
        self._halt = halt
        self._idea = idea
        self._plan = plan
        self._first = Landed(_nothing(), None, root, ())
        self._order = in_order(plan)
        self._landings: dict[str, asyncio.Task[Landed]] = {}

    async def run(self) -> tuple[Landed, ...]:
        """What became of each milestone, in plan order.

        A Stop parks its own milestone and whoever waits for it. When it is one that others need not
        wait for (a host, a person) they go on until none can move; any other lets nothing new
        begin. Then the first cause is raised.
        """
        for one in self._order:
            task = asyncio.create_task(self._land(one), name=one.id)
            task.add_done_callback(self._parked)
            self._landings[one.id] = task
        ended = await asyncio.gather(*self._landings.values(), return_exceptions=True)
        if self._halt.cause is not None:
            raise self._halt.cause
        for one in ended:
            if isinstance(one, BaseException):
                raise one
        return tuple(one for one in ended if isinstance(one, Landed))

    def _parked(self, task: asyncio.Task[Landed]) -> None:
        cause = None if task.cancelled() else task.exception()
        if cause is not None and not (isinstance(cause, Stop) and cause.waits):
            self._halt.stop(cause)

    async def _land(self, one: Milestone) -> Landed:
        needed = [await self._landings[name] for name in one.dependencies]
        stuck = [each.outcome.milestone for each in needed if each.outcome.status != "complete"]
        if stuck:
            return self._ended(one, _blocked(one, stuck), await self._turn(one), None)
        base = self._base(one)
        tree = await self._parts.repo.read(base.main)
        state = State(
            idea=self._idea,
            plan=self._plan,
            milestone=one,
            built=base.built,
            budget=self._parts.settings.context_tokens,
            tree=tree,
            base=tree,
        )
        work = Attempts(self._parts, state, base.main)
        step = await work.build()
        return await self._integrate(one, work, step)

    async def _integrate(
        self, one: Milestone, work: Attempts, step: routing.Accept | routing.Abandon
    ) -> Landed:
        """Waits for its turn and merges; a conflict or a red merge goes back to Impl, a bounded
        number of times.
        """
        before = await self._turn(one)
        main = Mainline(self._parts.repo, self._parts.ledger, one.id)
        rounds = 0
        while isinstance(step, routing.Accept):
            before = replace(before, main=await main.look(before.main, work.commit))
            union = await self._merged(work, before)
            if not union.found:
                commit = await self._commit(one, work, union, before)
                if await main.land(before.main, commit):
                    return await self._accepted(one, work, replace(before, main=commit), union)
                continue
            main.hold()
            rounds += 1
            if rounds > self._parts.settings.max_conflicts:
                step = routing.Abandon(reason=f"not mergeable: {union.found.splitlines()[0]}")
            else:
                step = await work.rebuild(before.main, union.tree, before.built, union.found)
        outcome = _failed(one, work, step.reason)
        if outcome.commit:
            await self._parts.repo.settle(f"milestone/{one.id}", outcome.commit)
        return self._ended(one, outcome, before, work)

    def _base(self, one: Milestone) -> Landed:
        """Main after the last dependency in plan order; the root when there is none."""
        names = [each.id for each in self._order if each.id in one.dependencies]
        return self._landings[names[-1]].result() if names else self._first

    async def _turn(self, one: Milestone) -> Landed:
        """Main after everything earlier in plan order has ended."""
        place = self._order.index(one)
        return await self._landings[self._order[place - 1].id] if place else self._first

    async def _merged(self, work: Attempts, before: Landed) -> Union:
        repo = self._parts.repo
        main = conflicts.Side("main", before.main, await repo.read(before.main))
        own = conflicts.Side(work.state.milestone.id, work.commit, work.state.tree)
        merged = conflicts.without_tests(await repo.merge(main.commit, own.commit), main, own)
        if merged.conflicts:
            found = conflicts.told(merged, main, own)
            return Union(conflicts.shown(merged, main, own), found, None)
        if twins := conflicts.twins(merged.tree, main.tree):
            return Union(merged.tree, twins, None)
        if merged.tree == work.state.tree and before.built == work.state.built:
            return Union(merged.tree, "", None)
        verdict = await work.verified_on(merged.tree, before.built)
        if verdict.outcome == "pass":
            return Union(merged.tree, "", verdict)
        red = memory.failures(verdict, self._parts.settings.context_tokens // 2)
        found = f"Merged into main, the product is red: {verdict.reasons[0]}\n{red}"
        return Union(merged.tree, found, verdict)

    async def _commit(self, one: Milestone, work: Attempts, union: Union, before: Landed) -> str:
        score = scoring.show(work.made[-1].gate.score)
        title = " ".join(visible(one.title).split())
        return await self._parts.repo.commit(
            union.tree,
            parents=(before.main, work.commit),
            message=f"{one.id}: {title} ({score})",
            at=work.at,
        )

    async def _accepted(
        self, one: Milestone, work: Attempts, before: Landed, union: Union
    ) -> Landed:
        """`before` has main with the milestone in it already."""
        await self._parts.repo.retire(f"milestone/{one.id}")
        with suppress(Changed):  # a person's edits are in the way: at the end, then
            await self._parts.repo.checkout()
        outcome = Outcome(
            milestone=one.id,
            status="complete",
            attempts=tuple(work.made),
            best=len(work.made),
            commit=before.main,
            reason="",
            merged=union.verdict,
        )
        landed = self._ended(one, outcome, before, work)
        return replace(landed, built=(*before.built, _built(work)))

    def _ended(
        self, one: Milestone, outcome: Outcome, before: Landed, work: Attempts | None
    ) -> Landed:
        self._parts.sink(
            MilestoneEnded(
                milestone=one.id,
                title=one.title,
                status=outcome.status,
                score=outcome.attempts[outcome.best - 1].gate.score if outcome.best else 0,
                reason=outcome.reason,
            )
        )
        specification = work.state.specification if work else None
        return replace(before, outcome=outcome, specification=specification)


def _built(work: Attempts) -> memory.Built:
    specification, architecture = work.state.specification, work.state.architecture
    assert specification is not None
    assert architecture is not None
    return memory.Built(
        milestone=work.state.milestone, specification=specification, architecture=architecture
    )


def _nothing() -> Outcome:
    return Outcome(milestone="", status="blocked", attempts=(), best=0, commit="", reason="")


def _blocked(one: Milestone, stuck: list[str]) -> Outcome:
    return Outcome(
        milestone=one.id,
        status="blocked",
        attempts=(),
        best=0,
        commit="",
        reason=f"it needs {', '.join(stuck)}",
    )


def _failed(one: Milestone, work: Attempts, reason: str) -> Outcome:
    best = scoring.best(tuple(work.made))
    return Outcome(
        milestone=one.id,
        status="failed_after_retries",
        attempts=tuple(work.made),
        best=best.number,
        commit=best.commit,
        reason=reason,
    )
