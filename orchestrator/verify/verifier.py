"""The verifier: installs, tests, checks and mutates a Tree, then decides."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict

from orchestrator.artifacts.architecture import Launch
from orchestrator.artifacts.checks import Check
from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.artifacts.verdict import CriterionResult, Mutant, Verdict
from orchestrator.sandbox import Sandbox
from orchestrator.settings import Limits, SandboxName
from orchestrator.verify import environment, lint, mutants, names, scenario, suite, verdict
from orchestrator.verify.bench import AT_ONCE, Bench
from orchestrator.verify.environment import Locked, Uv
from orchestrator.verify.suite import Suite
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
    version: ClassVar[str] = "2"
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
        )
        tree, launch = subject.tree, subject.launch
        tested = asyncio.create_task(_tested(tree, bench))
        started = asyncio.create_task(scenario.starts(tree, launch, bench))
        linted = asyncio.create_task(lint.facts(tree, self._ruff))
        checked = [
            asyncio.create_task(scenario.run(one, tree, launch, bench)) for one in subject.checks
        ]
        await _finished(tested, started, linted, *checked)
        found, strength = tested.result()
        return verdict.decide(
            Facts(
                suite=found,
                checks=tuple(one.result() for one in checked),
                strength=strength,
                start=started.result(),
                criteria=subject.criteria,
                product=bool(names.product_files(tree)),
                meddling=names.meddling(tree),
                lint=linted.result(),
                sandbox=self.sandbox,
            )
        )


def unverified(subject: Subject, reasons: tuple[str, ...], sandbox: SandboxName) -> Verdict:
    """The verdict on what could not even be installed: `fail`, for `reasons`."""
    return Verdict(
        outcome="fail",
        reasons=reasons,
        tests=suite.nothing("").report,
        checks=(),
        criteria=tuple(
            CriterionResult(criterion=one, met=False, contract_tests=0, shown=0, held=0)
            for one in subject.criteria
        ),
        strength=(),
        lint=(),
        sandbox=sandbox,
    )


async def _tested(tree: Tree, bench: Bench) -> tuple[Suite, tuple[Mutant, ...]]:
    """Mutants say something only about a suite that is green."""
    found = await suite.run(tree, bench)
    return found, await mutants.strength(tree, bench) if found.green else ()


async def _finished(*tasks: "asyncio.Task[Any]") -> None:
    """Waits for all of `tasks`, also when one fails, then raises the first failure."""
    await asyncio.wait(tasks)
    for error in [task.exception() for task in tasks]:
        if error:
            raise error
