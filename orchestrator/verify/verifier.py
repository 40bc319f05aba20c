"""The verifier: installs, tests, checks and mutates a Tree, then decides."""

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import ConfigDict

from orchestrator.artifacts.architecture import Launch
from orchestrator.artifacts.checks import Check
from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.artifacts.verdict import CheckResult, CriterionResult, Mutant, Seconds, Verdict
from orchestrator.sandbox import Sandbox
from orchestrator.settings import Limits, SandboxName
from orchestrator.verify import (
    environment,
    lint,
    mutants,
    names,
    results,
    scenario,
    suite,
    tampering,
    verdict,
)
from orchestrator.verify.bench import AT_ONCE, Bench
from orchestrator.verify.environment import Locked, Uv
from orchestrator.verify.results import Suite
from orchestrator.verify.verdict import Facts


class Subject(Value):
    """What is verified: the criteria are the ids that must be met now."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    tree: Tree
    criteria: tuple[str, ...]
    checks: tuple[Check, ...]
    launch: Launch | None
    """None where it is not declared: then the product is not started, and no check can be run."""
    lock: str
    layout: Layout = LAYOUT

    def key(self, version: str, sandbox: SandboxName, limits: Limits) -> str:
        """SHA-256 over everything that a verdict depends on, hexadecimal."""
        parts = [
            version,
            sandbox,
            limits.model_dump(),
            self.tree.digest,
            self.criteria,
            [one.model_dump() for one in self.checks],
            self.launch.model_dump() if self.launch else None,
            self.layout.model_dump(),
            self.lock,
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Verifier:
    version: ClassVar[str] = "3"
    """Bump when the meaning of a verdict changes."""

    def __init__(
        self,
        sandbox: Sandbox,
        *,
        limits: Limits,
        cache: Path,
        uv: Path,
        ruff: Path,
        python: Path,
        env: Mapping[str, str],
    ) -> None:
        self._sandbox = sandbox
        self._limits = limits
        self._uv = Uv(program=uv, python=python, cache=cache, env=env)
        self._ruff = ruff

    @property
    def sandbox(self) -> SandboxName:
        return self._sandbox.name

    def key(self, subject: Subject) -> str:
        return subject.key(self.version, self.sandbox, self._limits)

    async def lock(self, requirements: tuple[str, ...]) -> Locked:
        """`requirements` as a lock file that can be installed here, or why there is none.

        Raises Missing when the index cannot be asked.
        """
        locked = await environment.lock(requirements, self._uv)
        if locked.error:
            return locked
        built = await environment.build(locked.text, self._uv)
        return Locked(text="", error=built.error) if built.error else locked

    async def verify(self, subject: Subject) -> Verdict:
        """What holds of `subject`. Raises Missing, and finds nothing, when the machine fails."""
        bench = Bench(
            sandbox=self._sandbox,
            environment=await environment.provide(subject.lock, self._uv),
            limits=self._limits,
            slots=asyncio.Semaphore(AT_ONCE),
            layout=subject.layout,
        )
        tree = subject.tree
        tested = asyncio.create_task(_tested(tree, bench))
        checked = asyncio.create_task(_checked(subject, bench))
        linted = asyncio.create_task(lint.facts(tree, self._ruff, subject.layout))
        await _finished(tested, checked, linted)
        found, strength, suite_seconds, mutant_seconds = tested.result()
        start, checks, check_seconds = checked.result()
        return verdict.decide(
            Facts(
                suite=found,
                checks=checks,
                strength=strength,
                start=start,
                criteria=subject.criteria,
                product=bool(names.product_files(tree, subject.layout)),
                meddling=tampering.meddling(tree, subject.layout),
                lint=linted.result(),
                sandbox=self.sandbox,
                seconds=Seconds(suite=suite_seconds, mutants=mutant_seconds, checks=check_seconds),
            )
        )


def unverified(subject: Subject, reasons: tuple[str, ...], sandbox: SandboxName) -> Verdict:
    """The verdict on what could not even be installed: `fail`, for `reasons`."""
    return Verdict(
        outcome="fail",
        reasons=reasons,
        tests=results.nothing("").report,
        checks=(),
        criteria=tuple(
            CriterionResult(criterion=one, met=False, contract_tests=0, shown=0, held=0)
            for one in subject.criteria
        ),
        strength=(),
        lint=(),
        sandbox=sandbox,
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
