"""What a sandboxed, measured test run costs over a bare pytest, in pairs on one small project."""

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator import machine
from orchestrator.artifacts.tree import Tree
from orchestrator.settings import Limits, Settings
from orchestrator.verify import environment, mutants, suite
from orchestrator.verify.bench import AT_ONCE, Bench
from tests.verification import ADDER, tree

PAIRS = 15
CASES = "".join(
    f"\n\ndef test_add_{number}():\n    assert add({number}, 1) == {number + 1}\n"
    for number in range(30)
)
PROJECT = {**ADDER, "tests/unit/test_many.py": f"from app.core import add{CASES}"}


@dataclass(frozen=True)
class Cost:
    """Medians: seconds of either run, and of the ratio within a pair; then what an environment
    takes to build, to find again in another process, and what the mutants of the project took.
    """

    bare: float
    verified: float
    ratio: float
    built: float
    reused: float
    mutants: float
    number: int


def measured() -> Cost:
    product = tree(PROJECT)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        bench, built = asyncio.run(_bench(Path(folder)))
        reused = asyncio.run(_bench(Path(folder)))[1]
        pairs = [_pair(product, bench) for _ in range(PAIRS + 1)][1:]
        began = time.perf_counter()
        found = asyncio.run(mutants.strength(product, _fresh(bench)))
        tried = time.perf_counter() - began
    return Cost(
        bare=statistics.median(bare for bare, _ in pairs),
        verified=statistics.median(verified for _, verified in pairs),
        ratio=statistics.median(verified / bare for bare, verified in pairs),
        built=built,
        reused=reused,
        mutants=tried,
        number=len(found),
    )


async def _bench(cache: Path) -> tuple[Bench, float]:
    """And how many seconds it took to have the environment, its lock not counted."""
    chosen = Settings(sandbox="bubblewrap")
    uv = machine.uv_of(chosen, os.environ)
    uv = replace(uv, cache=cache, checked=set())
    locked = await environment.lock((), uv)
    began = time.perf_counter()
    folder = await environment.provide(locked.text, uv)
    took = time.perf_counter() - began
    bench = Bench(
        sandbox=machine.sandbox(chosen, cache),
        environment=folder,
        limits=Limits(),
        slots=asyncio.Semaphore(AT_ONCE),
    )
    return bench, took


def _fresh(bench: Bench) -> Bench:
    """Semaphores belong to one event loop."""
    return replace(bench, slots=asyncio.Semaphore(AT_ONCE))


def _pair(product: Tree, bench: Bench) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        for path, content in product.items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        began = time.perf_counter()
        argv = [str(bench.environment / "bin/python"), "-m", "pytest", "-q"]
        subprocess.run(argv, cwd=folder, check=True, capture_output=True)
        bare = time.perf_counter() - began
    began = time.perf_counter()
    found = asyncio.run(_verified(product, bench))
    assert found.green, found.doubt
    return bare, time.perf_counter() - began


async def _verified(product: Tree, bench: Bench) -> suite.Suite:
    return await suite.run(product, _fresh(bench))
