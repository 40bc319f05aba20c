"""Checks against the running product: one fresh sandbox each, one step at a time."""

import asyncio
import json
from collections.abc import Mapping
from typing import TypeVar, cast
from urllib.parse import quote

from pydantic import ValidationError

from orchestrator.artifacts.architecture import Launch
from orchestrator.artifacts.checks import (
    Call,
    Check,
    ClockStep,
    CommandStep,
    HttpStep,
    ParallelStep,
    PythonStep,
    RestartStep,
    Step,
)
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.verdict import CheckResult
from orchestrator.errors import Missing
from orchestrator.sandbox import ExecResult
from orchestrator.verify import compare
from orchestrator.verify.bench import Bench, Channel
from orchestrator.verify.compare import Answered, Json, Mismatch, Ran, Together
from orchestrator.verify.pattern import search
from orchestrator.verify.repeats import expanded
from orchestrator.verify.trace import tidy

PATIENCE = 10
"""Seconds for the sandbox and the driver themselves."""
Came = TypeVar("Came", Ran, Answered, Together)
URL_SAFE = "/?&=%:+,;@!$'()*~-._[]"


async def run(check: Check, tree: Tree, launch: Launch, bench: Bench) -> CheckResult:
    """`check` on a fresh copy of `tree`. Raises Missing when the sandbox does not work."""
    async with bench.slots:
        told = await _Play(tree, launch, bench, 2 * len(check.steps)).perform(check.steps)
    found = told.mismatch
    shown = found is not None and check.visibility == "shown"
    return CheckResult(
        check=check.id,
        criterion=check.criterion,
        visibility=check.visibility,
        outcome=found.kind if found else "passed",
        detail=told.detail if shown else "",
    )


async def starts(tree: Tree, launch: Launch, bench: Bench) -> str:
    """ "" when the product starts, otherwise why not.

    A command line's bare command may exit with any code but not crash or hang; a service listens; a
    library's module can be imported. Raises Missing when the sandbox does not work.
    """
    async with bench.slots:
        return (await _Play(tree, launch, bench, 2).perform(())).detail


class _Told:
    """How a play went: the first mismatch, and its normalised text."""

    def __init__(self, mismatch: Mismatch | None = None, detail: str = "") -> None:
        self.mismatch = mismatch
        self.detail = detail


class _Play:
    def __init__(self, tree: Tree, launch: Launch, bench: Bench, weight: int) -> None:
        self._tree = tree
        self._launch = launch
        self._bench = bench
        self._seconds = PATIENCE + weight * bench.limits.step_seconds
        self._captured: dict[str, Json] = {}

    async def perform(self, steps: tuple[Step, ...]) -> _Told:
        """Every step up to the first that fails; without steps, the start of the product."""
        async with Channel() as self._channel:
            argv = ("-I", "-S", "{tools}/driver.py", str(self._channel.fd))
            self._exec = asyncio.create_task(
                self._bench.exec(argv, self._tree, fd=self._channel.fd, seconds=self._seconds)
            )
            try:
                return await self._steps(steps)
            finally:
                self._channel.writer.close()
                await self._exec

    async def _steps(self, steps: tuple[Step, ...]) -> _Told:
        places = cast("Mapping[str, str]", await self._reply())
        if not places:
            said = (await self._exec).stderr.strip().splitlines()[-1:]
            raise Missing(f"the driver did not start in the sandbox: {said}", "orchestrate doctor")
        if not steps:
            found = await self._start()
            return _Told(found, tidy(found.text, places) if found else "")
        if any(isinstance(step, ClockStep) for step in steps):
            await self._move(0)  # what is started before the first move shall see it too
        for number, step in enumerate(steps, 1):
            found = await self._step(expanded(step))
            if found:
                said = f"step {number}, {_title(step)}: {found.text}"
                return _Told(found, tidy(said, places))
        return _Told()

    async def _step(self, step: Step) -> Mismatch | None:
        if isinstance(step, CommandStep):
            argv = (*self._launch.command, *step.argv)
            files = tuple(file.path for file in step.files)
            came = await self._ran(argv, step.stdin, files)
            return await self._judged(step, came)
        if isinstance(step, PythonStep):
            return await self._judged(step, await self._ran(("python", "-c", step.source)))
        if isinstance(step, RestartStep):
            return await self._serve(restart=True)
        if isinstance(step, ClockStep):
            return await self._move(step.advance_seconds)
        if isinstance(step, ParallelStep):
            return await self._together(step)
        return await self._exchange(step)

    async def _judged(
        self, step: CommandStep | PythonStep, came: Ran | Mismatch
    ) -> Mismatch | None:
        if isinstance(came, Mismatch):
            return came
        return await asyncio.to_thread(compare.ran, step, came, search)

    async def _start(self) -> Mismatch | None:
        if self._launch.kind == "service":
            return await self._serve(restart=False)
        library = self._launch.kind == "library"
        imports = ("python", "-c", f"import {self._launch.module}")
        came = await self._ran(imports if library else self._launch.command)
        if isinstance(came, Mismatch):
            return came
        if library and came.exit_code != 0 and not came.trouble:
            return Mismatch(kind="crashed", text=came.err[-4000:])
        return compare.crashed(came, None)

    async def _ran(
        self, argv: tuple[str, ...], stdin: str = "", read: tuple[str, ...] = ()
    ) -> Ran | Mismatch:
        reply = await self._ask({"do": "run", "argv": argv, "stdin": stdin, "read": read})
        return await self._understood(Ran, reply)

    async def _serve(self, *, restart: bool) -> Mismatch | None:
        reply = await self._ask({"do": "serve", "argv": self._launch.command, "restart": restart})
        came = await self._understood(Answered, reply)
        if isinstance(came, Mismatch):
            return came
        return compare.unserved(came) if came.trouble else None

    async def _move(self, seconds: int) -> Mismatch | None:
        reply = await self._ask({"do": "clock", "advance": seconds})
        came = await self._understood(Ran, reply)
        return came if isinstance(came, Mismatch) else None

    async def _together(self, step: ParallelStep) -> Mismatch | None:
        requests = [self._request(call) for call in step.requests]
        order = {"do": "parallel", "argv": self._launch.command, "requests": requests}
        came = await self._understood(Together, await self._ask(order))
        return came if isinstance(came, Mismatch) else compare.together(step, came)

    def _request(self, call: HttpStep | Call) -> dict[str, object]:
        """`call` with the captured values in it, as the driver takes it."""

        def filled(text: str) -> str:
            return compare.fill(text, self._captured)

        return {
            "method": call.method,
            "path": quote(filled(call.path), safe=URL_SAFE),
            "headers": [(pair.name, filled(pair.value)) for pair in call.headers],
            "body": filled(call.body),
        }

    async def _exchange(self, step: HttpStep) -> Mismatch | None:
        order = {"do": "http", "argv": self._launch.command, **self._request(step)}
        came = await self._understood(Answered, await self._ask(order))
        if isinstance(came, Mismatch):
            return came
        found = await asyncio.to_thread(compare.answered, step, came, self._captured, search)
        if found:
            return found
        kept = compare.captures(step, came)
        if isinstance(kept, Mismatch):
            return kept
        self._captured |= kept
        return None

    async def _ask(self, order: Mapping[str, object]) -> object:
        limits = self._bench.limits
        more = {"seconds": limits.step_seconds, "cap": limits.output_kib * 1024}
        try:
            self._channel.writer.write(json.dumps({**order, **more}).encode() + b"\n")
            await self._channel.writer.drain()
        except ConnectionError:
            return None
        return await self._reply()

    async def _reply(self) -> object:
        """The driver's next line; None when it is gone or talks nonsense."""
        line = asyncio.ensure_future(self._channel.reader.readline())
        await asyncio.wait((line, self._exec), return_when=asyncio.FIRST_COMPLETED)
        self._channel.hang_up()
        try:
            return json.loads(await line)
        except (ValueError, RecursionError, ConnectionError):
            return None

    async def _understood(self, kind: type[Came], reply: object) -> Came | Mismatch:
        try:
            return kind.model_validate(reply)
        except ValidationError:
            self._channel.writer.close()
            return _gone(await self._exec)


def _gone(result: ExecResult) -> Mismatch:
    if result.outcome == "timed out":
        return Mismatch(kind="timed out", text="it did not end in time")
    return Mismatch(
        kind="crashed", text=f"everything was ended ({result.killed_by or 'by itself'})"
    )


def _title(step: Step) -> str:
    if isinstance(step, CommandStep):
        return f"command {list(step.argv)}"
    if isinstance(step, HttpStep):
        return f"{step.method} {step.path}"
    if isinstance(step, ParallelStep):
        return f"{len(step.requests)} requests at once"
    return f"clock {step.advance_seconds} s" if isinstance(step, ClockStep) else step.kind
