"""What a sandboxed, measured test run costs over a bare pytest, in pairs on one small project."""

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from orchestrator import machine
from orchestrator.artifacts.tree import Tree
from orchestrator.settings import Limits
from orchestrator.verify import environment, suite
from orchestrator.verify.bench import AT_ONCE, Bench
from tests.verification import ADDER, BIN, tree

PAIRS = 15
CASES = "".join(
    f"\n\ndef test_add_{number}():\n    assert add({number}, 1) == {number + 1}\n"
    for number in range(30)
)
PROJECT = {**ADDER, "tests/unit/test_many.py": f"from app.core import add{CASES}"}


@dataclass(frozen=True)
class Cost:
    """Medians: seconds of either run, and of the ratio within a pair."""

    bare: float
    verified: float
    ratio: float


def measured() -> Cost:
    product = tree(PROJECT)
    bench = asyncio.run(_bench())
    pairs = [_pair(product, bench) for _ in range(PAIRS + 1)][1:]
    return Cost(
        bare=statistics.median(bare for bare, _ in pairs),
        verified=statistics.median(verified for _, verified in pairs),
        ratio=statistics.median(verified / bare for bare, verified in pairs),
    )


async def _bench() -> Bench:
    chosen = machine.Settings(sandbox="bubblewrap")
    place = machine.cache(os.environ)
    return Bench(
        sandbox=machine.sandbox(chosen, place),
        environment=await environment.provide("", _uv(place)),
        limits=Limits(),
        slots=asyncio.Semaphore(AT_ONCE),
    )


def _uv(place: Path) -> environment.Uv:
    return environment.Uv(
        program=BIN / "uv", python=machine.python(), cache=place, env=dict(os.environ)
    )


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
    fresh = Bench(bench.sandbox, bench.environment, bench.limits, asyncio.Semaphore(AT_ONCE))
    return await suite.run(product, fresh)
