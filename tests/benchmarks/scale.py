"""Many milestones at once: wall time against what the plan itself needs."""

import asyncio
import hashlib
import os
import resource
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator import machine, run, settings
from orchestrator.agents.base import Asker
from orchestrator.artifacts.plan import Plan, in_order
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.verdict import Verdict
from orchestrator.budget import Budget
from orchestrator.build import Build
from orchestrator.events import Event
from orchestrator.halt import Halt
from orchestrator.journal import Journal
from orchestrator.ledger import FileLedger
from orchestrator.milestone import Parts
from orchestrator.models.prices import dearest
from orchestrator.models.recorded import Recorded, Terms
from orchestrator.people import People
from orchestrator.render import Renderer
from orchestrator.repo import Merged
from orchestrator.settings import Limits, Settings
from orchestrator.slots import Slots
from tests.benchmarks.crowd import Crowd, plan
from tests.world import IDEA, found

STAGES = 5
WORKING = 6
"""Waits of a milestone on git and sandbox: reading the base, two commits with their branches, the
verification.
"""
LANDING = 4
"""And when its turn comes: merge, verification, commit, main moved."""
DAG = {
    **{1: (), 2: (), 3: (1,), 4: (1,), 5: (2,), 6: (3,), 7: (4, 5)},
    **{8: (2,), 9: (6,), 10: (7,), 11: (8,), 12: (9, 10)},
}


@dataclass
class Clock:
    """A Sink that notes when each thing happened; `kind, milestone, seconds since the first`."""

    began: float = field(default_factory=time.monotonic)
    seen: list[tuple[str, str, str, float]] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        scope = getattr(event, "milestone", "")
        stage = getattr(event, "stage", "")
        self.seen.append((event.kind, scope, stage, time.monotonic() - self.began))

    def of(self, kind: str, scope: str) -> list[float]:
        return [at for one, name, _, at in self.seen if (one, name) == (kind, scope)]

    def verifications(self, scope: str) -> list[float]:
        """Seconds of each: its own first, then that on the merged tree, where there was one."""
        spans, began = list[float](), 0.0
        stages = [one for one in self.seen if one[1] == scope and one[2] == "test"]
        for place, (kind, _, _, at) in enumerate(stages):
            if kind == "stage_started":
                began = at
            elif kind == "stage_ended" and stages[place - 1][0] == "stage_started":
                spans.append(at - began)
        return spans


@dataclass(frozen=True)
class Path_:
    """Seconds on the longest chain, with and without waiting for one's turn to land."""

    in_turn: float
    alone: float
    merging: float


def critical(made: Plan, clock: Clock, latency: float) -> Path_:
    """From nominal model time and measured verification and merging."""
    landed, alone = dict[str, float](), dict[str, float]()
    before = last_end = merging = 0.0
    for one in in_order(made):
        own = clock.verifications(one.id)
        ended = clock.of("milestone_ended", one.id)[0]
        begun_landing = max(clock.of("stage_ended", one.id)[STAGES], last_end)
        merge = ended - begun_landing
        needed = max((landed[name] for name in one.dependencies), default=0.0)
        work = STAGES * latency + own[1]
        landed[one.id] = before = max(needed + work, before) + merge
        free = max((alone[name] for name in one.dependencies), default=0.0)
        alone[one.id] = free + work + merge
        last_end, merging = ended, merging + merge
    return Path_(max(landed.values()), max(alone.values()), merging)


def real(after: dict[int, tuple[int, ...]], latency: float, parallel: int) -> str:
    """A run with real git, sandbox, ledger; what it took."""
    made = Plan.model_validate_json(plan(after))
    chosen = Settings(parallel=parallel, limits=Limits(mutants=0), model_calls=1000)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        begun = asyncio.run(run.begin(Path(folder), IDEA, chosen, env=os.environ))
        asyncio.run(machine.probed(chosen, os.environ))
        used, clock.began = _cpu(), time.monotonic()
        outside = run.Outside(env=os.environ, model=Crowd(after, latency), sinks=(clock,))
        report = asyncio.run(run.advance(begun, outside))
        wall, cpu = time.monotonic() - clock.began, _cpu() - used
        assert report.passed, [one.reason for one in report.facts.milestones]
    ended = max(at for kind, _, _, at in clock.seen if kind == "milestone_ended")
    longest = critical(made, clock, latency)
    begun_at = min(at for kind, _, _, at in clock.seen if kind == "stage_started")
    took = ended - begun_at
    cores = os.cpu_count() or 1
    bound = max(longest.in_turn, longest.merging, cpu / cores)
    return (
        f"{len(after)} milestones, everything real, model {latency:g} s, --parallel {parallel}: "
        f"{took:.1f} s (whole run {wall:.1f} s); critical path {longest.in_turn:.1f} s in plan "
        f"order, {longest.alone:.1f} s without its waits (their price "
        f"{longest.in_turn / longest.alone:.2f}); merging one after the other "
        f"{longest.merging:.1f} s; CPU / {cores} cores {cpu / cores:.1f} s: "
        f"{took / longest.in_turn:.2f} of the path, {took / bound:.2f} of the greatest bound"
    )


def _cpu() -> float:
    """CPU seconds of our children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class WaitingRepo:
    """In the place of git: commits are digests of what they hold, and take some milliseconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._trees: dict[str, Tree] = {}
        self._main = ""
        self.path = Path("/nowhere")

    async def commit(self, tree: Tree, *, parents: tuple[str, ...], message: str, at: str) -> str:
        await asyncio.sleep(self._seconds)
        said = f"{sorted(tree)}{parents}{message}{at}".encode()
        name = hashlib.sha1(said, usedforsecurity=False).hexdigest()
        self._trees[name] = tree
        self._main = self._main or name
        return name

    async def read(self, commit: str) -> Tree:
        await asyncio.sleep(self._seconds)
        return self._trees[commit]

    async def merge(self, ours: str, theirs: str) -> Merged:
        await asyncio.sleep(self._seconds)
        both = self._trees[ours].having(dict(self._trees[theirs].items()))
        return Merged(tree=both, conflicts=(), causes=())

    async def main(self) -> str:
        return self._main

    async def advance(self, _old: str, new: str) -> None:
        await asyncio.sleep(self._seconds)
        self._main = new

    async def branch(self, *_words: str) -> None:
        await asyncio.sleep(self._seconds)

    async def retire(self, _name: str) -> None:
        pass

    async def checkout(self) -> None:
        pass


class WaitingVerification:
    """In the place of the sandbox: passes after some milliseconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._verdict = found()

    async def consult(self, _tree: Tree) -> None:
        pass

    async def verify(self, _subject: object, _scope: str, *, rank: int) -> Verdict:
        del rank
        await asyncio.sleep(self._seconds)
        return self._verdict


@dataclass(frozen=True)
class Waited:
    wall: float
    cpu: float
    ideal: float
    resident_mib: float
    files: int
    records: int
    ledger_mib: float


def waiting(count: int, latency: float, tick: float) -> Waited:
    """`count` independent milestones at once; git and sandbox only wait, `tick` seconds each time.
    In its own process, or the resident memory is another's.
    """
    after = dict.fromkeys(range(1, count + 1), ())
    made = Plan.model_validate_json(plan(after))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ledger, halt = FileLedger(home / "ledger"), Halt()
        journal = Journal(home / "journal.jsonl")
        parts = _parts(home, Crowd(after, latency), ledger, journal, (halt, tick))
        most, done = [0], threading.Event()
        watch = threading.Thread(target=_files, args=(most, done), daemon=True)
        watch.start()
        used, began = time.process_time(), time.monotonic()
        building = Build(parts, halt, idea=IDEA, plan=made, root=asyncio.run(_root(parts)))
        built = asyncio.run(building.run())
        wall, cpu = time.monotonic() - began, time.process_time() - used
        done.set()
        watch.join()
        journal.close()
        assert all(one.outcome.status == "complete" for one in built.landed)
        paths = [path for path in (home / "ledger").rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in paths) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ideal = STAGES * latency + WORKING * tick + count * LANDING * tick
    return Waited(wall, cpu, ideal, peak, most[0], len(paths), size)


async def _root(parts: Parts) -> str:
    return await parts.repo.commit(Tree(), parents=(), message="", at="2026-01-01T00:00:00+00:00")


def _parts(
    home: Path,
    model: Crowd,
    ledger: FileLedger,
    journal: Journal,
    rest: tuple[Halt, float],
) -> Parts:
    halt, tick = rest
    chosen = settings.over(Settings(), {"parallel": 1000, "model_calls": 1000})
    caps = chosen.caps(), chosen.milestone_caps()
    terms = Terms(source="live", re_ask=False, version="", begun_with="", calls=1000)
    budget = Budget(*caps, priced=dearest)
    recorded = Recorded(model, ledger, sink=journal, halt=halt, budget=budget, terms=terms)
    return Parts(
        asker=Asker(recorded, Renderer(machine.shipped("prompts")), chosen),
        verification=WaitingVerification(tick),  # type: ignore[arg-type]
        repo=WaitingRepo(tick),  # type: ignore[arg-type]
        ledger=ledger,
        people=People(home / "inbox", ledger, sink=journal),
        sink=journal,
        settings=chosen,
        traces=home / "traces",
        slots=Slots(1000),
    )


def _files(most: list[int], done: threading.Event) -> None:
    """The most files that were open at once."""
    while not done.wait(0.1):
        most[0] = max(most[0], len([*Path("/proc/self/fd").iterdir()]))


async def bare(count: int, latency: float, tick: float) -> None:
    """What asyncio alone needs for the same sleeps: every milestone at once, then each lands."""

    async def one() -> None:
        for _ in range(STAGES):
            await asyncio.sleep(latency)
        for _ in range(WORKING):
            await asyncio.sleep(tick)

    await asyncio.gather(*(one() for _ in range(count)))
    for _ in range(count * LANDING):
        await asyncio.sleep(tick)


def told(count: int, latency: float, tick: float) -> str:
    found = waiting(count, latency, tick)
    began = time.monotonic()
    asyncio.run(bare(count, latency, tick))
    alone = time.monotonic() - began
    return (
        f"{count} milestones at once, {STAGES} answers of {latency:g} s each, real ledger, git and "
        f"sandbox only wait ({1000 * tick:g} ms): {found.wall:.1f} s, bare asyncio {alone:.1f} s: "
        f"{found.wall / alone:.2f}; sum of the sleeps {found.ideal:.1f} s: "
        f"{found.wall / found.ideal:.2f}; CPU {found.cpu:.1f} s, {found.resident_mib:.0f} MiB, "
        f"{found.files} files open, ledger {found.records} files, {found.ledger_mib:.1f} MiB"
    )


def main(words: list[str]) -> None:
    """`waiting COUNT LATENCY` in a process of its own, `dag`, `real COUNT`."""
    match words:
        case ["waiting", count, latency]:
            print(told(int(count), float(latency), 0.001), flush=True)
        case ["dag"]:
            print(real(DAG, 2.0, 12), flush=True)
        case ["real", count]:
            print(real(dict.fromkeys(range(1, int(count) + 1), ()), 0.5, int(count)), flush=True)
        case _:
            raise SystemExit("scale waiting COUNT LATENCY | dag | real COUNT")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
