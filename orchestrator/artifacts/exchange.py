"""One exchange with a model: the request and its answer."""

import hashlib
import json
from functools import cached_property
from typing import Literal

from orchestrator.artifacts.values import AgentName, Value

Effort = Literal["low", "medium", "high", "xhigh", "max"]
StopReason = Literal["end", "cut off", "refused", "empty", "broken"]


class Request(Value):
    """`blocks` go from the stable to the changing: project, milestone, attempt. The last one is
    never cached.

    `output_schema` is JSON text, empty for answers that are code. `model`, `effort` and
    `max_tokens` do not enter the digest: the same question may be put to another model.
    """

    scope: str
    agent: AgentName
    attempt: int
    turn: int
    system: str
    blocks: tuple[str, ...]
    output_schema: str
    model: str
    effort: Effort
    max_tokens: int

    @property
    def id(self) -> str:
        return f"{self.scope}/{self.agent}/{self.attempt}/{self.turn}"

    @cached_property
    def digest(self) -> str:
        """SHA-256, hexadecimal, of system, blocks and schema."""
        asked = json.dumps([self.system, list(self.blocks), self.output_schema], ensure_ascii=False)
        return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def prompt(self) -> str:
        return "\n\n".join(self.blocks)


class Usage(Value):
    """Tokens by kind. -1 is "not measured" (a host agent), never 0."""

    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int


UNMEASURED = Usage(input=-1, output=-1, cache_read=-1, cache_write_5m=-1, cache_write_1h=-1)


class Answer(Value):
    """What came back. `price` is US dollars as decimal text, "" when unknown; `at` is UTC, ISO
    8601.
    """

    text: str
    stop: StopReason
    stop_detail: str
    model: str
    usage: Usage
    price: str
    duration_ms: int
    at: str
    request_id: str
    by: str
    """Who answered, as declared: `anthropic`, `claude-code`, `host`, `scripted`."""


class Spend(Value):
    """Tokens are -1 and `price` is "" where at least one answer did not say."""

    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    price: str
    duration_ms: int
