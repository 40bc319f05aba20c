"""Asking the Messages API until there is an answer, or no use in asking."""

import asyncio
import json
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

from anthropic import APIError, AsyncAnthropic, AsyncStream, Timeout

from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.errors import Missing
from orchestrator.events import Sink, Waiting, Warned
from orchestrator.models.anthropic.asking import Body, body, lowered
from orchestrator.models.anthropic.failures import (
    WIRE_ERRORS,
    Failure,
    broken,
    failure,
)
from orchestrator.models.anthropic.pace import Pace
from orchestrator.models.anthropic.patience import Patience
from orchestrator.models.anthropic.reading import Reading
from orchestrator.models.decoded import count_at, redaction, text_at
from orchestrator.models.prices import price
from orchestrator.models.remembered import OFFICIAL, Known, Remembered, Traits, host

NO_KEY = "none"
CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 600.0
COUNT_SECONDS = 10.0


class AnthropicModel:
    """The Model that calls. It may serve several event loops, one after the other.

    `base_url` is "" for Anthropic's own. `deadline_seconds` bounds one `complete` with all of its
    calls and waits; `backoff_seconds` is the first wait after a failure, doubled each time. `sink`
    gets a Waiting before each wait, once where all calls wait together, and a Warned when something
    must be asked for another way. What an answered call has shown is `remembered`.
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        deadline_seconds: float,
        sink: Sink,
        backoff_seconds: float = 1.0,
        remembered: Remembered | None = None,
    ) -> None:
        self._key = api_key.strip()
        self._base_url = base_url.strip().rstrip("/").removesuffix("/v1") or OFFICIAL
        self._place = host(self._base_url)
        self._official = f".{self._place.split(':')[0]}".endswith(".anthropic.com")
        self._deadline = deadline_seconds
        self._backoff = backoff_seconds
        self._sink = sink
        self._redact = redaction(self._key)
        self._learned: dict[str, Traits] = {}
        self._counts: dict[str, bool] = {}
        self._remembered = remembered
        self._pace = Pace(place=self._place, sink=sink)

    async def complete(self, request: Request) -> Answer:
        """See Model. Each failed try and each step down the ladder is one more call."""
        self._check()
        began = time.monotonic()
        patience = Patience(seconds=self._deadline, first_wait=self._backoff, place=self._place)
        limit = asyncio.timeout(self._deadline)
        try:
            async with limit, self._client() as client:
                reading = await self._ask(client, request, patience)
        except TimeoutError:
            if limit.expired():
                raise patience.expired() from None
            raise
        return _answer(reading, request, began=began)

    async def count(self, request: Request) -> int:
        """See Counts. Nothing is asked during a pause, nor where a count once failed for good."""
        traits = self._traits(request.model)
        if not (traits.counts and self._ready) or self._pace.left > 0:
            return -1
        seconds = min(COUNT_SECONDS, self._deadline)
        try:
            async with asyncio.timeout(seconds), self._client() as client:
                counted = await self._counted(client, request, traits)
        except TimeoutError:
            counted = Failure(kind="unreachable", reason=f"no count within {seconds:g} s")
        if isinstance(counted, int):
            self._counts[request.model] = True
            return counted
        if not counted.crowded and counted.status != 401:
            learned = self._traits(request.model)
            self._learned[request.model] = learned.without(Traits(counts=False))
            if counted.kind in ("rejected", "final"):
                self._counts[request.model] = False
        return -1

    async def close(self) -> None:
        """Nothing is held between two calls: a connection pool would belong to one event loop."""

    async def _ask(self, client: AsyncAnthropic, request: Request, patience: Patience) -> Reading:
        while True:
            async with self._pace.turn(patience) as turn:
                # What others learned while this one was held back counts.
                traits = self._traits(request.model)
                patience.called()
                asked = body(request, traits, spelled=not self._official)
                outcome = await self._call(client, asked)
                if isinstance(outcome, Reading):
                    self._pace.answered(turn)
                    self._keep(request, traits)
                    return outcome
                seconds = patience.failed(outcome)
                if outcome.crowded:
                    self._pace.limited(turn, seconds=seconds, reason=outcome.reason)
            if outcome.kind == "rejected" and self._learn(request, traits, outcome):
                continue
            if outcome.kind in ("rejected", "final"):
                raise patience.hopeless(outcome, model=request.model)
            patience.check(outcome, seconds)
            await self._wait(outcome, seconds)

    async def _wait(self, failed: Failure, seconds: float) -> None:
        if failed.crowded:
            # The next turn waits, with all others.
            self._pace.tell()
            return
        self._sink(Waiting(seconds=seconds, reason=f"{self._place}: {failed.reason}"))
        await asyncio.sleep(seconds)

    async def _call(self, client: AsyncAnthropic, asked: Body) -> Reading | Failure:
        """One call on the wire. Not `messages.create`, which warns of old models and accepts any
        200 for an answer.
        """
        reading = Reading()
        try:
            stream = await client.post(
                "/v1/messages",
                cast_to=object,
                body=asked,
                stream=True,
                stream_cls=AsyncStream[object],
            )
            reading.request_id = stream.response.headers.get("request-id", "")
            await _read(stream, reading)
        except WIRE_ERRORS as error:
            # What was complete when the connection broke is an answer, and paid for.
            if not reading.stop_reason:
                return failure(error, self._redact)
        if reading.stop_reason:
            return reading
        return broken(reading.error or "the stream ended before the answer did", self._redact)

    async def _counted(
        self, client: AsyncAnthropic, request: Request, traits: Traits
    ) -> int | Failure:
        """A refused count is asked for another way, which says nothing about the call itself."""
        while True:
            asked = body(request, traits, spelled=not self._official)
            del asked["max_tokens"], asked["stream"]
            try:
                path = "/v1/messages/count_tokens"
                said = await client.post(path, cast_to=object, body=asked)
            except (*WIRE_ERRORS, APIError) as error:
                refused = failure(error, self._redact)
                lower = lowered(traits, request, complaint=refused.said)
                if refused.kind != "rejected" or lower is None:
                    return refused
                traits = lower
            else:
                return count_at(said, "input_tokens") or broken("no count", self._redact)

    def _learn(self, request: Request, traits: Traits, refused: Failure) -> bool:
        """Whether there is another way to ask, which is kept for this model."""
        lower = lowered(traits, request, complaint=refused.said)
        if lower is None:
            return False
        before = self._traits(request.model)
        self._learned[request.model] = before.without(lower)
        if self._learned[request.model] != before:
            told = f"{self._place} refused part of a request to {request.model} and is asked"
            self._sink(Warned(message=f"{told} without it: {refused.reason}"))
        return True

    def _traits(self, model: str) -> Traits:
        """What `model` accepts as far as this process or one before it has seen."""
        if model not in self._learned:
            known = self._remembered and self._remembered.of(self._place, model)
            self._learned[model] = known.traits if known else Traits()
        return self._learned[model]

    def _keep(self, request: Request, took: Traits) -> None:
        """Remembers what an answered call has shown."""
        if self._remembered is None:
            return
        before = self._remembered.of(self._place, request.model)
        counts = self._counts.get(request.model)
        known = Known(
            host=self._place,
            model=request.model,
            structured=took.rung if request.output_schema else before.structured,
            effort=took.effort,
            markers=took.markers,
            counts=before.counts if counts is None else "yes" if counts else "no",
            date=before.date,
            version=before.version,
        )
        self._remembered.keep(known)

    def _client(self) -> AsyncAnthropic:
        key = self._key or NO_KEY
        silence = SILENCE_SECONDS if self._official else self._deadline
        return AsyncAnthropic(
            api_key=key,
            base_url=self._base_url,
            max_retries=0,
            timeout=Timeout(silence, connect=CONNECT_SECONDS),
            # Some compatible servers read only the older header.
            default_headers={} if self._official else {"x-api-key": key},
        )

    @property
    def _ready(self) -> bool:
        try:
            self._check()
        except Missing:
            return False
        return True

    def _check(self) -> None:
        if self._official and not self._key:
            raise Missing(
                "there is no model to ask: neither an API key nor an endpoint",
                "set ANTHROPIC_API_KEY; or set ANTHROPIC_BASE_URL to a compatible endpoint and"
                ' give --model; or let a host agent answer: orchestrate start "idea"; or see'
                " a recorded run: orchestrate demo",
            )
        if not (self._key.isascii() and self._key.isprintable()):
            raise Missing("the API key holds characters that no key has", "check ANTHROPIC_API_KEY")
        if not _is_url(self._base_url):
            raise Missing(
                f"the endpoint {self._base_url.rpartition('@')[2]!r} is not a URL",
                "set ANTHROPIC_BASE_URL to one such as http://localhost:11434",
            )


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


async def _read(stream: AsyncStream[object], reading: Reading) -> None:
    async with stream:
        kind = stream.response.headers.get("content-type", "text/event-stream")
        if kind.startswith("text/event-stream"):
            async for event in stream:
                reading.take(event)
                # Not every server ends its response here.
                if text_at(event, "type") == "message_stop":
                    break
        elif kind.startswith("application/json"):
            reading.whole(json.loads(await stream.response.aread()))
        else:
            reading.error = f"the response is {kind.partition(';')[0]}, not an answer"


def _answer(reading: Reading, request: Request, *, began: float) -> Answer:
    model = reading.model or request.model
    return Answer(
        text=reading.text,
        stop=reading.stop,
        stop_detail=reading.stop_detail,
        model=model,
        usage=reading.usage,
        price=price(model, reading.usage),
        duration_ms=round((time.monotonic() - began) * 1000),
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        request_id=reading.request_id,
        by="anthropic",
    )
