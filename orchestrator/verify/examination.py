"""Everything that can be found out about a Subject on a bench, before anybody decides."""

import asyncio
import time
from pathlib import Path
from typing import Any, NamedTuple

from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.verdict import CheckResult, Mutant, Seconds
from orchestrator.verify import lint, mutants, names, scenario, suite, tampering
from orchestrator.verify.bench import Bench
from orchestrator.verify.results import Suite
from orchestrator.verify.subject import Subject
from orchestrator.verify.verdict import Facts


async def examine(subject: Subject, bench: Bench, ruff: Path) -> Facts:
    """Runs suite, mutants, checks and linter. Raises Missing when the machine fails."""
    tree = subject.tree
    tested = asyncio.create_task(_tested(tree, bench))
    checked = asyncio.create_task(_checked(subject, bench))
    linted = asyncio.create_task(lint.facts(tree, ruff, subject.layout))
    await _finished(tested, checked, linted)
    found, strength, suite_seconds, mutant_seconds = tested.result()
    start, checks, check_seconds = checked.result()
    return Facts(
        suite=found,
        checks=checks,
        strength=strength,
        start=start,
        criteria=subject.criteria,
        product=bool(names.product_files(tree, subject.layout)),
        meddling=tampering.meddling(tree, subject.layout),
        unbreakable=mutants.unbreakable(tree, subject.layout),
        lint=linted.result(),
        sandbox=bench.sandbox.name,
        seconds=Seconds(suite=suite_seconds, mutants=mutant_seconds, checks=check_seconds),
    )


class _Tested(NamedTuple):
    suite: Suite
    strength: tuple[Mutant, ...]
    suite_seconds: float
    mutant_seconds: float


class _Checked(NamedTuple):
    start: str
    checks: tuple[CheckResult, ...]
    seconds: float


async def _tested(tree: Tree, bench: Bench) -> _Tested:
    """Mutants say something only about a suite that is green."""
    began = time.monotonic()
    found = await suite.run(tree, bench)
    between = time.monotonic()
    strength = await mutants.strength(tree, bench) if found.green else ()
    return _Tested(found, strength, _since(began, between), _since(between, time.monotonic()))


async def _checked(subject: Subject, bench: Bench) -> _Checked:
    """The product's start and its checks; nothing where no way of running it is declared."""
    launch = subject.launch
    if launch is None:
        return _Checked("", (), 0.0)
    began = time.monotonic()
    started = asyncio.create_task(scenario.starts(subject.tree, launch, bench))
    running = [
        asyncio.create_task(scenario.run(one, subject.tree, launch, bench))
        for one in subject.checks
    ]
    await _finished(started, *running)
    checks = tuple(one.result() for one in running)
    return _Checked(started.result(), checks, _since(began, time.monotonic()))


def _since(began: float, ended: float) -> float:
    return round(ended - began, 1)


async def _finished(*tasks: "asyncio.Task[Any]") -> None:
    """Waits for all of `tasks`, also when one fails, then raises the first failure."""
    await asyncio.wait(tasks)
    for error in [task.exception() for task in tasks]:
        if error:
            raise error
