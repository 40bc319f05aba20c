"""The ledger in front of a model: what was answered is not asked again, and every call is told."""

from datetime import UTC, datetime

from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.errors import Changed
from orchestrator.events import AgentCall, Sink, Source
from orchestrator.halt import Halt
from orchestrator.ledger import Ledger
from orchestrator.models import Model

SUMMARY = 200
"""Characters of input and output in the journal."""


class Recorded:
    """A Model that looks in the ledger first, and records an answer before anybody uses it.

    `source` is where a miss is answered from; only a "live" call leaves an intent behind. With
    `re_ask` a request that was recorded in another version is asked again, and the old answer is
    kept beside the new one.
    """

    def __init__(
        self, inner: Model, ledger: Ledger, *, sink: Sink, halt: Halt, source: Source, re_ask: bool
    ) -> None:
        self._inner = inner
        self._ledger = ledger
        self._sink = sink
        self._halt = halt
        self._source: Source = source
        self._re_ask = re_ask

    async def complete(self, request: Request) -> Answer:
        """Raises Changed when this request was recorded in another version, and what the model
        raises.
        """
        found = self._ledger.answer(request)
        if found is not None:
            self._tell(request, found, "ledger")
            return found
        other = self._ledger.other(request)
        if other and not self._re_ask:
            raise Changed(
                f"request {request.id} was {other[:12]} when answered, now {request.digest[:12]}: "
                "the prompts, the settings or the tool have changed since",
                f"`orchestrate resume --re-ask` pays for it again at {request.model}'s price "
                "(the old answer is kept)",
            )
        self._halt.check()
        if self._source == "live":
            self._ledger.intend(request)
        answer = await self._inner.complete(request)
        self._ledger.record(request, answer)
        self._tell(request, answer, self._source)
        return answer

    def _tell(self, request: Request, answer: Answer, source: Source) -> None:
        self._sink(
            AgentCall(
                agent=request.agent,
                milestone=request.scope,
                attempt=request.attempt,
                turn=request.turn,
                model=answer.model,
                source=source,
                input_summary=request.blocks[-1][:SUMMARY],
                output_summary=answer.text[:SUMMARY],
                usage=answer.usage,
                price=answer.price,
                duration_ms=answer.duration_ms,
                timestamp=datetime.now(UTC).isoformat(timespec="milliseconds"),
                request_id=answer.request_id,
                by=answer.by,
            )
        )
