"""One question put to a loopback server by the live model."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.errors import Stop
from orchestrator.events import Event
from orchestrator.models.anthropic import AnthropicModel

KEY = "sk-loopback-0123456789"
SCHEMA = (
    '{"type":"object","properties":{"score":{"type":"integer","minimum":1}},"required":["score"]}'
)


def asked(**changes: object) -> Request:
    """A request of three blocks whose first two are long enough to be cached."""
    request = Request(
        scope="m1",
        agent="eval",
        attempt=1,
        turn=1,
        system="You judge. " * 300,
        blocks=("the project " * 300, "the milestone " * 300, "attempt 1"),
        output_schema=SCHEMA,
        model="claude-opus-5-5",
        effort="high",
        max_tokens=1000,
    )
    return Request.model_validate({**request.model_dump(), **changes})


class Serves(Protocol):
    """Anything with an address."""

    @property
    def url(self) -> str: ...


class Client:
    """The live model with what it told its sink, which then calls `on_event`."""

    def __init__(
        self, server: Serves, *, key: str = KEY, seconds: float = 20, path: str = ""
    ) -> None:
        self.events: list[Event] = []
        self.on_event: Callable[[Event], None] = lambda _event: None
        self.model = AnthropicModel(
            api_key=key,
            base_url=server.url + path,
            deadline_seconds=seconds,
            sink=self._told,
            backoff_seconds=0.01,
        )

    def _told(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def ask(self, *requests: Request) -> list[Answer]:
        """The answers, asked for one after the other in one event loop."""

        async def every() -> list[Answer]:
            return [await self.model.complete(request) for request in requests]

        return asyncio.run(every())

    def together(self, number: int) -> list[Answer | Stop]:
        """What as many questions come to, put all at once."""

        async def every() -> list[Answer | Stop]:
            return await asyncio.gather(*(self.outcome() for _ in range(number)))

        return asyncio.run(every())

    async def outcome(self) -> Answer | Stop:
        try:
            return await self.model.complete(asked())
        except Stop as stop:
            return stop

    def one(self, request: Request | None = None) -> Answer:
        return self.ask(request or asked())[0]
