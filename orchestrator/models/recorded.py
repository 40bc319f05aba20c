"""The ledger in front of a model: what was answered is not asked again, and every call is told."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.budget import Budget, Counted
from orchestrator.errors import Changed, GaveUp, Missing
from orchestrator.events import AgentCall, Sink, Source
from orchestrator.halt import Halt
from orchestrator.ledger import Ledger
from orchestrator.ledger.aside import aside
from orchestrator.models import Counts, Model
from orchestrator.slots import Slots

SUMMARY = 200
"""Characters of input and output in the journal."""
HELD = "(kept in the ledger alone: it may hold held checks)"


@dataclass(frozen=True)
class Terms:
    """`source` is where a miss is answered from; only a "live" call leaves an intent behind. With
    `re_ask` a request that was recorded otherwise is asked again, and the old answer is kept.
    `version` is the tool's, `begun_with` the one that began the run. At most `calls` are in flight.
    """

    source: Source
    re_ask: bool
    version: str
    begun_with: str
    calls: int


class Recorded:
    """A Model that looks in the ledger first, and records an answer before anybody uses it. What a
    miss may cost is set aside in the budget before it is asked.
    """

    def __init__(
        self, inner: Model, ledger: Ledger, *, sink: Sink, halt: Halt, budget: Budget, terms: Terms
    ) -> None:
        self._inner = inner
        self._ledger = ledger
        self._budget = budget
        self._sink = sink
        self._halt = halt
        self._terms = terms
        self._slots = Slots(terms.calls)

    async def complete(self, request: Request) -> Answer:
        """Raises Changed when this request was recorded otherwise, and what the model raises."""
        found = self._ledger.answer(request)
        if found is not None:
            self._tell(request, found, "ledger")
            return found
        other = self._ledger.other(request)
        if other and not self._terms.re_ask:
            raise self._changed(request, other)
        self._halt.check()
        async with (
            self._slots.held(0),
            self._budget.reserved(request, self._counted(request)) as fitted,
        ):
            self._halt.check()
            answer = await self._asked(fitted)
            await aside(self._ledger.record, request, answer)
            self._budget.spent(request.scope, answer, model=request.model)
        self._tell(request, answer, self._terms.source)
        return answer

    def _counted(self, request: Request) -> Counted | None:
        inner = self._inner
        return (lambda: inner.count(request)) if isinstance(inner, Counts) else None

    async def _asked(self, request: Request) -> Answer:
        if self._terms.source != "live":
            return await self._inner.complete(request)
        await aside(self._ledger.intend, request)
        try:
            return await self._inner.complete(request)
        except Missing:
            self._ledger.withdraw(request)
            raise
        except GaveUp as stop:
            if not stop.billed:
                self._ledger.withdraw(request)
            raise

    def _changed(self, request: Request, other: str) -> Changed:
        old = [
            one.answer
            for one in self._ledger.answers()
            if (one.id, one.digest) == (request.id, other)
        ]
        price = f"${old[0].price}" if old and old[0].price else "an unknown price"
        terms = self._terms
        return Changed(
            f"request {request.id} is not the one that was answered: digest {other[:12]} then, "
            f"{request.digest[:12]} now; the run began with version {terms.begun_with}, this is "
            f"{terms.version}; its prompts, settings or the tool have changed since",
            f"undo the change, or: orchestrate resume --re-ask pays for it (then {price}) and for "
            "all that follow from it again; the old answers are kept",
        )

    def _tell(self, request: Request, answer: Answer, source: Source) -> None:
        self._sink(
            AgentCall(
                agent=request.agent,
                milestone=request.scope,
                attempt=request.attempt,
                turn=request.turn,
                model=answer.model,
                source=source,
                input_summary=_asked(request),
                output_summary=_said(request, answer.text),
                usage=answer.usage,
                price=answer.price,
                duration_ms=answer.duration_ms,
                timestamp=datetime.now(UTC).isoformat(timespec="milliseconds"),
                request_id=answer.request_id,
                by=answer.by,
            )
        )


def _asked(request: Request) -> str:
    """Spec is shown its own answer, with its held checks, when it was not valid."""
    last = request.blocks[-1]
    return HELD if request.agent == "spec" and 'name="previous_answer"' in last else last[:SUMMARY]


def _said(request: Request, text: str) -> str:
    """Of a specification its prose alone."""
    if request.agent != "spec":
        return text[:SUMMARY]
    try:
        return str(json.loads(text)["prd"])[:SUMMARY]
    except (ValueError, LookupError, TypeError):
        return HELD
