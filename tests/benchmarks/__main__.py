"""Prints the figures: start-up, overhead per agent call, memory, size, the demo."""

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks import verified
from tests.benchmarks.overhead import measured

ROOT = Path(__file__).resolve().parents[2]
LEAVES = ("cli", "api", "diagnosis", "recordings", "standing", "run", "machine")
"""Floors 4 and 5."""


def cpu_of(*argv: str) -> float:
    """CPU seconds of one process, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, check=True, capture_output=True, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def lines(paths: list[Path]) -> int:
    return sum(len(path.read_text("utf-8").splitlines()) for path in paths)


def scaled(*words: str) -> None:
    """In a process of its own: its memory is measured."""
    subprocess.run([sys.executable, "-m", "tests.benchmarks.scale", *words], check=True, cwd=ROOT)


def main() -> None:
    program = str(Path(sys.executable).with_name("orchestrate"))
    print(f"machine: {os.cpu_count()} cores, Python {platform.python_version()}")
    starts = [cpu_of(program, "--help") for _ in range(5)]
    print(f"orchestrate --help: {statistics.median(starts):.2f} s CPU, median of 5 (aim 0.40)")
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder))
    print(
        f"overhead per agent call: {found.median_ms:.1f} ms median, {found.worst_ms:.1f} ms worst "
        f"of {found.calls} (aim 20 median; all but model, install, sandbox)"
    )
    print(f"resident memory of a run: {found.resident_mib:.0f} MiB at most (aim 200)")
    cost = verified.measured()
    print(
        f"verified test run: {cost.ratio:.2f} times a bare pytest ({cost.verified:.3f} s, "
        f"{cost.bare:.3f} s; medians of {verified.PAIRS} pairs, without mutants; aim 1.25)"
    )
    print(f"environment: {cost.built:.2f} s to build, {cost.reused:.2f} s to find again")
    print(f"mutants of that project: {cost.number} in {cost.mutants:.1f} s")
    files = list((ROOT / "orchestrator").rglob("*.py"))
    core = [
        path
        for path in files
        if path.relative_to(ROOT / "orchestrator").parts[0].removesuffix(".py") not in LEAVES
    ]
    print(f"lines: {lines(files)} in the package, {lines(core)} on floors 0 to 3 (aim 6000)")
    for words in (("waiting", "10", "10"), ("waiting", "100", "10"), ("waiting", "500", "10")):
        scaled(*words)
    for words in (("dag",), ("real", "10")):
        scaled(*words)
    for turn in ("first", "again"):
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            subprocess.run([program, "demo", "--quiet", "--into", f"{folder}/demo"], check=True)
            print(f"orchestrate demo, {turn}: {time.monotonic() - began:.1f} s (aim 60)")


if __name__ == "__main__":
    main()
