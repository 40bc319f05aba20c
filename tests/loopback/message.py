"""A reply as the API words it: one message, or the events of its stream."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.loopback.cache import Counted, tokens
from tests.loopback.reply import Reply

Body = dict[str, Any]

PIECE = 400
KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


@dataclass(frozen=True)
class Worded:
    """A reply with what it takes to word it. Text beyond max_tokens is cut off."""

    reply: Reply
    body: Body
    counted: Counted
    index: int

    @property
    def text(self) -> str:
        return self.reply.text[: self.body["max_tokens"] * 4]

    @property
    def stop_reason(self) -> str:
        if len(self.text) < len(self.reply.text):
            return "max_tokens"
        if self._called and self.reply.stop_reason == "end_turn":
            return "tool_use"
        return self.reply.stop_reason

    @property
    def stop_details(self) -> Body | None:
        if self.reply.stop_reason != "refusal":
            return None
        return {
            "type": "refusal",
            "category": self.reply.category or None,
            "explanation": self.reply.explanation or None,
        }

    @property
    def usage(self) -> Body:
        usage: Body = {
            "input_tokens": self.counted.input,
            "cache_creation_input_tokens": self.counted.written_5m + self.counted.written_1h,
            "cache_read_input_tokens": self.counted.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.counted.written_5m,
                "ephemeral_1h_input_tokens": self.counted.written_1h,
            },
            "output_tokens": tokens(self.text),
        }
        said = dict(self.reply.usage)
        merged = {**usage, **said}
        return {name: value for name, value in merged.items() if value is not None}

    @property
    def whole(self) -> Body:
        return {
            **self._shell(self.usage),
            "content": [_parsed(block) for block in self._content()],
            "stop_reason": self.stop_reason,
            "stop_details": self.stop_details,
        }

    def events(self) -> Iterator[Body]:
        started = {**self.usage, "output_tokens": min(1, self.usage.get("output_tokens", 0))}
        yield {"type": "message_start", "message": self._shell(started)}
        yield {"type": "ping"}
        for index, block in enumerate(self._content()):
            yield from _block_events(index, block)
        totals = {name: n for name, n in self.usage.items() if name != "cache_creation"}
        delta = {
            "stop_reason": self.stop_reason,
            "stop_sequence": None,
            "stop_details": self.stop_details,
        }
        yield {"type": "message_delta", "delta": delta, "usage": totals}
        yield {"type": "message_stop"}

    @property
    def _called(self) -> bool:
        return bool(self.body.get("tools")) and self.reply.tool

    def _shell(self, usage: Body) -> Body:
        return {
            "id": f"msg_{self.index:06}",
            "type": "message",
            "role": "assistant",
            "model": self.reply.model or self.body["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }

    def _content(self) -> list[Body]:
        """Thinking comes first, so that nobody reads content[0]."""
        thinking = {"type": "thinking", "thinking": "", "signature": f"signed{self.index}"}
        if not self.text:
            return [thinking]
        if self._called:
            name = self.body["tools"][0]["name"]
            given = {"type": "tool_use", "id": f"toolu_{self.index:06}", "name": name}
            return [thinking, {**given, "input": self.text}]
        return [thinking, {"type": "text", "text": self.text}]


def error(status: int, message: str, *, kind: str = "", code: str = "") -> Body:
    details = {"details": {"error_code": code}} if code else {}
    named = kind or KINDS.get(status, "api_error")
    return {"type": "error", "error": {"type": named, "message": message, **details}}


def sse(event: Body) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _block_events(index: int, block: Body) -> Iterator[Body]:
    where = {"index": index}
    opened = {**block}
    deltas: list[Body] = []
    if block["type"] == "text":
        opened["text"] = ""
        deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])]
    if block["type"] == "tool_use":
        opened["input"] = {}
        pieces = _pieces(block["input"])
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    if block["type"] == "thinking":
        opened["signature"] = ""
        deltas = [{"type": "signature_delta", "signature": block["signature"]}]
    yield {"type": "content_block_start", **where, "content_block": opened}
    for delta in deltas:
        yield {"type": "content_block_delta", **where, "delta": delta}
    yield {"type": "content_block_stop", **where}


def _parsed(block: Body) -> Body:
    """A tool's input is text in pieces on a stream and a value in a message."""
    return {**block, "input": json.loads(block["input"])} if "input" in block else block


def _pieces(text: str) -> list[str]:
    return [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
