"""The milestones of a run: a DAG built side by side, merged in plan order."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

from orchestrator import conflicts, landing, memory, routing, scoring
from orchestrator.agents.state import State
from orchestrator.artifacts.outcome import Outcome
from orchestrator.artifacts.plan import Milestone, Plan, in_order
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.verdict import Verdict
from orchestrator.errors import AwaitingVerdict, Changed, Stop
from orchestrator.events import MilestoneEnded
from orchestrator.halt import Halt
from orchestrator.landing import Built, Landed, Turn
from orchestrator.mainline import Mainline
from orchestrator.milestone import CANCELLED, Attempts, Ended, Parts
from orchestrator.people import Anew
from orchestrator.render import visible


@dataclass(frozen=True)
class Union:
    """The tree that would land, what is wrong with it ("" when nothing is), and the verdict on it
    where it is another tree than the milestone's own.
    """

    tree: Tree
    found: str
    verdict: Verdict | None


class Build:
    """Builds every milestone of a plan, and those anew that a person asks for after that. Time
    chooses nothing: merges are in plan order, bases fixed by it.
    """

    def __init__(self, parts: Parts, halt: Halt, *, idea: str, plan: Plan, root: str) -> None:
        self._parts = parts
        self._halt = halt
        self._idea = idea
        self._plan = plan
        self._order = in_order(plan)
        self._ranks = {one.id: place for place, one in enumerate(self._order)}
        self._first = Landed(landing.nothing(), None, root, ())
        self._turns: list[str] = []
        """Whose turn it is to land, one after the other; who is built anew comes last again."""
        self._landings: dict[str, asyncio.Task[Landed]] = {}
        self._attempts: dict[str, Attempts] = {}
        self._mainlines: dict[str, Mainline] = {}

    async def run(self, anew: tuple[Anew, ...] = ()) -> Built:
        """What became of each milestone.

        A Stop parks its own milestone and whoever waits for it. When it is one that others need not
        wait for (a host, a person) they go on until none can move; any other lets nothing new
        begin. Then the first cause is raised.
        """
        await self._round(self._order, self._first, None)
        for one in anew:
            if self._landings[one.milestone].result().outcome.status == "complete":
                continue
            last = self._landings[self._turns[-1]].result()
            await self._round(self._freed(one.milestone), last, one)
        landed = {name: task.result() for name, task in self._landings.items()}
        return Built(
            landed=tuple(landed[one.id] for one in self._order),
            last=landed[self._turns[-1]],
        )

    async def _round(
        self, milestones: tuple[Milestone, ...], before: Landed, anew: Anew | None
    ) -> None:
        """Lets `milestones`, in plan order, land on `before`; `anew` is the first of them."""
        turn: Turn = landing.done(before)
        tasks: list[asyncio.Task[Landed]] = []
        for one in milestones:
            self._turns = [*(name for name in self._turns if name != one.id), one.id]
            words = anew.words if anew and anew.milestone == one.id else None
            task = asyncio.create_task(self._land(one, turn, words), name=one.id)
            task.add_done_callback(self._parked)
            self._landings[one.id] = turn = task
            tasks.append(task)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        if self._halt.cause is not None:
            raise self._halt.cause
        causes = [one for one in ended if isinstance(one, BaseException)]
        if causes:
            # What others are to do is told before what goes on by itself.
            raise min(causes, key=lambda one: isinstance(one, AwaitingVerdict))

    def _freed(self, name: str) -> tuple[Milestone, ...]:
        """The milestone to build anew, and those after it that are blocked and need it."""
        freed = {name}
        for one in self._order:
            blocked = self._landings[one.id].result().outcome.status == "blocked"
            if blocked and freed.intersection(one.dependencies):
                freed.add(one.id)
        return tuple(one for one in self._order if one.id in freed)

    def _parked(self, task: asyncio.Task[Landed]) -> None:
        cause = None if task.cancelled() else task.exception()
        if cause is not None and not (isinstance(cause, Stop) and cause.waits):
            self._halt.stop(cause)

    async def _land(self, one: Milestone, turn: Turn, words: tuple[str, ...] | None) -> Landed:
        """`words` are a person's, of a milestone that is built anew; None the first time."""
        if words is not None and one.id in self._attempts:
            step = await self._attempts[one.id].again(words)
            return await self._integrate(one, step, turn)
        needed = [await self._landings[name] for name in one.dependencies]
        stuck = [each.outcome.milestone for each in needed if each.outcome.status != "complete"]
        if stuck:
            return self._ended(one, landing.blocked(one, stuck), await turn)
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
            words=words or (),
            whole_files=self._parts.settings.whole_files,
        )
        attempts = self._attempts[one.id] = Attempts(
            self._parts, state, base.main, rank=self._ranks[one.id]
        )
        return await self._integrate(one, await attempts.build(), turn)

    async def _integrate(self, one: Milestone, step: Ended, turn: Turn) -> Landed:
        """Waits for its turn and merges; a conflict or a red merge goes back to Impl, a bounded
        number of times.
        """
        attempts = self._attempts[one.id]
        step = await self._heard(one, step)
        before = await turn
        main = self._mainlines.setdefault(
            one.id, Mainline(self._parts.repo, self._parts.ledger, one.id)
        )
        rounds = 0
        while isinstance(step, routing.Accept):
            before = replace(before, main=await main.look(before.main, attempts.work.commit))
            union = await self._merged(attempts, before)
            if not union.found:
                commit = await self._commit(one, attempts, union, before)
                if await main.land(before.main, commit):
                    return await self._accepted(one, attempts, replace(before, main=commit), union)
                continue
            main.hold()
            rounds += 1
            if rounds > self._parts.settings.max_conflicts:
                step = routing.Abandon(reason=f"not mergeable: {union.found.splitlines()[0]}")
            else:
                step = await attempts.rebuild(before.main, union.tree, before.built, union.found)
                step = await self._heard(one, step)
        outcome = landing.failed(one, attempts, step)
        if outcome.commit:
            await self._parts.repo.settle(f"milestone/{one.id}", outcome.commit)
        return self._ended(one, outcome, before)

    async def _heard(self, one: Milestone, step: Ended) -> Ended:
        """What is accepted lands when no person wants it otherwise."""
        people, attempts = self._parts.people, self._attempts[one.id]
        while isinstance(step, routing.Accept):
            number = len(attempts.made)
            fresh = not people.landed(one.id, number)
            if people.ends(one.id, f"landing-{number}", fresh=fresh):
                return routing.Abandon(reason=CANCELLED, cancelled=True)
            question = landing.question(one, attempts, self._parts.repo.path)
            words = await people.landing(one.id, number, question)
            if not words:
                return step
            step = await attempts.again(words)
        return step

    def _base(self, one: Milestone) -> Landed:
        """Main after the last dependency to land; the root when there is none."""
        names = [name for name in self._turns if name in one.dependencies]
        return self._landings[names[-1]].result() if names else self._first

    async def _merged(self, attempts: Attempts, before: Landed) -> Union:
        repo, work = self._parts.repo, attempts.work
        main = conflicts.Side("main", before.main, await repo.read(before.main))
        own = conflicts.Side(work.scope, work.commit, work.state.tree)
        merged = conflicts.without_tests(await repo.merge(main.commit, own.commit), main, own)
        if merged.conflicts:
            found = conflicts.told(merged, main, own)
            return Union(conflicts.shown(merged, main, own), found, None)
        if twins := conflicts.twins(merged.tree, main.tree):
            return Union(merged.tree, twins, None)
        if merged.tree == work.state.tree and before.built == work.state.built:
            return Union(merged.tree, "", None)
        verdict = await attempts.verified_on(merged.tree, before.built)
        if verdict.outcome == "pass":
            return Union(merged.tree, "", verdict)
        red = memory.failures(verdict, self._parts.settings.context_tokens // 2)
        found = f"Merged into main, the product is red: {verdict.reasons[0]}\n{red}"
        return Union(merged.tree, found, verdict)

    async def _commit(
        self, one: Milestone, attempts: Attempts, union: Union, before: Landed
    ) -> str:
        score = scoring.show(attempts.made[-1].gate.score)
        title = " ".join(visible(one.title).split())
        return await self._parts.repo.commit(
            union.tree,
            parents=(before.main, attempts.work.commit),
            message=f"{one.id}: {title} ({score})",
            at=attempts.work.at,
        )

    async def _accepted(
        self, one: Milestone, attempts: Attempts, before: Landed, union: Union
    ) -> Landed:
        """`before` has main with the milestone in it already."""
        await self._parts.repo.retire(f"milestone/{one.id}")
        with suppress(Changed):  # a person's edits are in the way: at the end, then
            await self._parts.repo.checkout()
        outcome = Outcome(
            milestone=one.id,
            status="complete",
            attempts=tuple(attempts.made),
            best=len(attempts.made),
            commit=before.main,
            reason="",
            merged=union.verdict,
        )
        landed = self._ended(one, outcome, before)
        return replace(landed, built=(*before.built, landing.built(attempts)))

    def _ended(self, one: Milestone, outcome: Outcome, before: Landed) -> Landed:
        self._parts.sink(
            MilestoneEnded(
                milestone=one.id,
                title=one.title,
                status=outcome.status,
                score=outcome.attempts[outcome.best - 1].gate.score if outcome.best else 0,
                reason=outcome.reason,
            )
        )
        self._parts.people.late(one.id)
        attempts = self._attempts.get(one.id)
        specification = attempts.state.specification if attempts else None
        return replace(before, outcome=outcome, specification=specification)
