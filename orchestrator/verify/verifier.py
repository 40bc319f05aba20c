"""The verifier: installs what a Subject needs, examines it, then decides."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from orchestrator.artifacts.verdict import CriterionResult, Verdict
from orchestrator.sandbox import Sandbox
from orchestrator.settings import Limits, SandboxName
from orchestrator.verify import environment, results, verdict
from orchestrator.verify.bench import AT_ONCE, Bench
from orchestrator.verify.environment import Locked, Uv
from orchestrator.verify.examination import examine
from orchestrator.verify.subject import Subject


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
        self._uv = Uv(program=uv, python=python, cache=cache, env=env, sandbox=sandbox.name)
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
        return verdict.decide(await examine(subject, bench, self._ruff))


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
