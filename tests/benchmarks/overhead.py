"""What the orchestrator itself costs per agent call, with verification's verdicts already known."""

import asyncio
import os
import resource
import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from orchestrator import machine, run
from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.settings import Settings
from tests.world import IDEA, answer, greeter


@dataclass(frozen=True)
class Overhead:
    calls: int
    median_ms: float
    worst_ms: float
    resident_mib: float


class Clocked:
    """A scripted model that notes when it is asked and when it has answered."""

    def __init__(self) -> None:
        self._script = greeter()
        self.asked: list[float] = []
        self.answered: list[float] = []

    async def complete(self, request: Request) -> Answer:
        self.asked.append(time.perf_counter())
        said = self._script(request)
        self.answered.append(time.perf_counter())
        return said if isinstance(said, Answer) else answer(said)


def measured(folder: Path) -> Overhead:
    """Two runs: the first finds the verdicts, the second has them and is measured."""
    first = _run(folder / "first", Clocked(), None)
    model = Clocked()
    _run(folder / "second", model, first)
    gaps = [1000 * (b - a) for a, b in zip(model.answered, model.asked[1:], strict=False)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Overhead(len(gaps) + 1, statistics.median(gaps), max(gaps), peak)


def _run(home: Path, model: Clocked, known: Path | None) -> Path:
    home.mkdir(parents=True)
    chosen = Settings(parallel=1, sandbox="bubblewrap")
    folder = asyncio.run(run.begin(home, IDEA, chosen, env=os.environ))
    if known is not None:
        for kind in ("verdicts", "decisions"):
            shutil.copytree(known / "ledger" / kind, folder.ledger / kind)
    machine.cache(os.environ)
    report = asyncio.run(run.advance(folder, run.Outside(env=os.environ, model=model)))
    assert report.passed
    return folder.path
