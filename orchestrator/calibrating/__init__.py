"""Calibration: Eval is put to projects of which it is known what is wrong with them."""

import asyncio
from collections.abc import Awaitable, Iterable
from pathlib import Path
from typing import Literal

from orchestrator import calibration, machine, scoring
from orchestrator.agents import eval
from orchestrator.agents.base import Asker
from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.artifacts.values import Value
from orchestrator.artifacts.verdict import Verdict
from orchestrator.budget import Budget
from orchestrator.calibrating.beginning import begin, replaying, taken
from orchestrator.calibrating.specimens import Specimen, read
from orchestrator.calibration import HALVES, Half, Scored, Table
from orchestrator.errors import NoAnswer, Stop
from orchestrator.events import RunStarted, StageEnded, StageStarted
from orchestrator.folder import RunFolder
from orchestrator.models import Model, host
from orchestrator.render import Renderer
from orchestrator.run import Outside, Wired, wired, wiring
from orchestrator.settings import Settings
from orchestrator.verification import Verification
from orchestrator.verify import Subject

__all__ = ["Calibration", "Wanted", "begin", "calibrate", "replaying"]


class Wanted(Value):
    """Which part of the set: all projects when none is named. Each is evaluated `repeats` times."""

    projects: tuple[str, ...] = ()
    half: Half | Literal["both"] = "both"
    repeats: int = 1


class Calibration(Value):
    """What came of it. `threshold` is in hundredths. `models` are those that answered, `effort` is
    how hard they were told to think, "" where nobody was told.
    """

    models: tuple[str, ...]
    effort: str
    threshold: int
    floor: int
    tables: tuple[Table, ...]
    scored: tuple[Scored, ...]


async def calibrate(
    folder: RunFolder, wanted: Wanted, outside: Outside, gate: Settings
) -> Calibration:
    """Has what is not in the ledger of `folder` verified and evaluated, and counts. `gate` has the
    threshold and the floor.

    Raises a Stop when it cannot go on now; calling it again goes on from there. After AwaitingHost
    `outside.pending` has the requests that wait.
    """
    halves = HALVES if wanted.half == "both" else (wanted.half,)
    shipped = machine.shipped("examples") / "calibration"
    specimens = await asyncio.to_thread(read, shipped, wanted.projects, halves)
    with wired(folder, outside) as live:
        taken(folder)
        _submitted(folder.inbox)
        live.sink(RunStarted(run=live.start.run, idea=""))
        if len(live.ledger.verdicts()) < len(specimens):
            await machine.probed(live.settings, live.outside.env)
        walk = _Walk(live, wiring.budget(live), gate)
        places = [(one, n) for n in range(1, wanted.repeats + 1) for one in specimens]
        scored = await walk.all(walk.one(one, n) for one, n in places)
        asked = {_scope(one, n) for one, n in places}
        answers = [one for one in live.ledger.answers() if one.id.split("/")[0] in asked]
        by = {one.answer.by for one in answers}
    labels = [one.label for one in specimens if one.label]
    return Calibration(
        models=tuple(sorted({one.answer.model for one in answers})),
        effort=live.settings.role("eval").effort if "anthropic" in by else "",
        threshold=gate.threshold,
        floor=gate.floor,
        tables=calibration.tables(labels, scored),
        scored=scored,
    )


def _submitted(inbox: Path) -> None:
    """Every answer file that lies there is given."""
    for path in sorted(inbox.glob("*.request.md")):
        host.note(inbox, path.name.rpartition("-")[0].replace(".", "/"))


def _scope(specimen: Specimen, repeat: int) -> str:
    return specimen.name if repeat == 1 else f"{specimen.name}-{repeat}"


class _Under:
    """A Model that asks `inner` the same under another scope: requests are recorded under names
    that stand nowhere in their text.
    """

    def __init__(self, inner: Model, scope: str) -> None:
        self._inner = inner
        self._scope = scope

    async def complete(self, request: Request) -> Answer:
        return await self._inner.complete(request.model_copy(update={"scope": self._scope}))


class _Walk:
    def __init__(self, live: Wired, budget: Budget, gate: Settings) -> None:
        self._live = live
        self._gate = gate
        self._model = wiring.model(live, budget)
        self._verification: Verification = wiring.verification(live, budget)
        self._verifying: dict[str, asyncio.Task[Verdict]] = {}

    async def all(self, places: Iterable[Awaitable[Scored]]) -> tuple[Scored, ...]:
        """All of them, in order. One that waits for a host stops no other, any other cause does.
        Raises the first cause.
        """
        tasks = [asyncio.ensure_future(one) for one in places]
        for task in tasks:
            task.add_done_callback(self._parked)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        self._live.halt.check()
        for one in ended:
            if isinstance(one, BaseException):
                raise one
        return tuple(one for one in ended if isinstance(one, Scored))

    def _parked(self, task: "asyncio.Future[Scored]") -> None:
        cause = None if task.cancelled() else task.exception()
        if cause is not None and not (isinstance(cause, Stop) and cause.waits):
            self._live.halt.stop(cause)

    async def one(self, specimen: Specimen, repeat: int) -> Scored:
        """One evaluation; what was never answered validly is a result, too."""
        scope, settings = _scope(specimen, repeat), self._live.settings
        verdict = await self._verified(specimen)
        asker = Asker(_Under(self._model, scope), Renderer(self._live.run.prompts), settings)
        self._started(scope, "eval")
        try:
            reply = await eval.evaluate(asker, specimen.state(settings.context_tokens), verdict)
        except NoAnswer as unanswered:
            self._ended(scope, "eval", str(unanswered), ok=False)
            return self._scored(specimen, repeat)
        gate = scoring.judge(
            verdict, reply.value, threshold=self._gate.threshold, floor=self._gate.floor
        )
        said = "pass" if gate.passed else gate.reasons[0]
        self._ended(scope, "eval", f"{scoring.show(gate.score)}: {said}", ok=gate.passed)
        scores = scoring.counted(verdict, reply.value)
        return self._scored(specimen, repeat).model_copy(
            update={"scores": scores, "passed": gate.passed}
        )

    def _scored(self, specimen: Specimen, repeat: int) -> Scored:
        """Without an answer."""
        return Scored(
            project=specimen.project,
            defect=specimen.label.id if specimen.label else "",
            repeat=repeat,
            scores=None,
            passed=False,
        )

    async def _verified(self, specimen: Specimen) -> Verdict:
        """Once for all repeats."""
        name = specimen.name
        if name not in self._verifying:
            self._verifying[name] = asyncio.ensure_future(self._verify(specimen))
        return await self._verifying[name]

    async def _verify(self, specimen: Specimen) -> Verdict:
        """Its own tests and the linter decide: nobody wrote checks for it."""
        subject = Subject(tree=specimen.tree, criteria=(), checks=(), launch=None, lock="")
        self._started(specimen.name, "test")
        verdict = await self._verification.verify(subject, specimen.name, rank=0)
        suite = verdict.tests
        said = f"{suite.passed}/{suite.total} tests: {verdict.outcome}"
        self._ended(specimen.name, "test", said, ok=verdict.outcome == "pass")
        return verdict

    def _started(self, scope: str, stage: Literal["test", "eval"]) -> None:
        self._live.sink(StageStarted(milestone=scope, attempt=1, stage=stage))

    def _ended(self, scope: str, stage: Literal["test", "eval"], said: str, *, ok: bool) -> None:
        self._live.sink(StageEnded(milestone=scope, attempt=1, stage=stage, result=said, ok=ok))
