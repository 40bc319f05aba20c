"""One program in the sandbox: what came of it, kept in the ledger."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from orchestrator.artifacts.script import Wanted
from orchestrator.artifacts.tree import Tree
from orchestrator.budget import RUN, Budget
from orchestrator.halt import Halt
from orchestrator.ledger import Ledger
from orchestrator.ledger.aside import aside
from orchestrator.sandbox import Command, ExecResult, Sandbox
from orchestrator.settings import Limits

TRIALS = "script"
"""Begins the places of decisions that are facts of one machine: no recording brings them along."""
KEPT = 20_000
"""Characters of each stream in the ledger."""


class Trials:
    """Runs versions of a program as it is wanted. `environment` provides a bare Python environment.

    The time of a recorded run is counted in the budget, also when it is read again.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        wanted: Wanted,
        *,
        limits: Limits,
        environment: Callable[[], Awaitable[Path]],
        ledger: Ledger,
        budget: Budget,
        halt: Halt,
    ) -> None:
        self._sandbox = sandbox
        self._wanted = wanted
        self._limits = limits
        self._environment = environment
        self._ledger = ledger
        self._budget = budget
        self._halt = halt

    async def tried(self, path: str, program: str) -> ExecResult:
        """What came of one run of `program` as the file `path`, run once ever. Raises Missing when
        the sandbox does not work, Spent when no time is left, and a halt's cause.
        """
        place = f"{TRIALS}/trial/{self._key(path, program)}"
        if (said := self._ledger.decision(place)) is not None:
            found = ExecResult.model_validate_json(said)
        else:
            self._halt.check()
            self._budget.check(RUN)
            found = _kept(await self.run(path, program))
            await aside(self._ledger.decide, place, found.model_dump_json())
        self._budget.worked(RUN, found.seconds)
        return found

    async def run(self, path: str, program: str) -> ExecResult:
        """Another run, of which nothing is kept. Raises Missing."""
        wanted, limits = self._wanted, self._limits
        return await self._sandbox.exec(
            Command(
                argv=("python", path, *wanted.arguments),
                tree=Tree({path: program.encode()}),
                environment=await self._environment(),
                tools=None,
                stdin=wanted.stdin,
                seconds=wanted.seconds,
                memory_mib=limits.memory_mib,
                processes=limits.processes,
                output_kib=limits.output_kib,
            )
        )

    def _key(self, path: str, program: str) -> str:
        wanted, limits = self._wanted.model_dump(mode="json"), self._limits.model_dump()
        asked = json.dumps([self._sandbox.name, path, program, wanted, limits], sort_keys=True)
        return hashlib.sha256(asked.encode()).hexdigest()


def _kept(found: ExecResult) -> ExecResult:
    return found.model_copy(update={"stdout": found.stdout[:KEPT], "stderr": found.stderr[-KEPT:]})
