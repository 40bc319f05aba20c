"""An answer as its stream builds it up. Nothing that a server sends is taken for granted."""

import json
from typing import cast

from orchestrator.artifacts.exchange import StopReason, Usage
from orchestrator.models.decoded import at, count_at, text_at

COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
SPLIT = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
CUT_OFF = ("max_tokens", "model_context_window_exceeded")


class Reading:
    """Folds the events of one stream, or one whole message, into the parts of an Answer.

    `stop_reason` is "" until the server has given it: without one the answer is not complete.
    `error` is what the server said went wrong, "" when it did not. `request_id` is for whoever
    reads the response's headers to set.
    """

    def __init__(self) -> None:
        self.model = ""
        self.stop_reason = ""
        self.error = ""
        self.request_id = ""
        self._refusal = ""
        self._texts: dict[int, str] = {}
        self._inputs: dict[int, str] = {}
        self._counts: dict[str, int] = {}

    def take(self, event: object) -> None:
        """One decoded event; what it does not know it leaves."""
        match text_at(event, "type"):
            case "message_start":
                self.whole(at(event, "message"))
            case "content_block_start":
                self._open(count_at(event, "index"), at(event, "content_block"))
            case "content_block_delta":
                self._extend(count_at(event, "index"), at(event, "delta"))
            case "message_delta":
                self._close(at(event, "delta"))
                self._count(at(event, "usage"))
            case "error":
                self.error = text_at(event, "error", "message") or "an error without a message"
            case _:
                pass

    def whole(self, message: object) -> None:
        """A message, or an error where one should be."""
        if text_at(message, "type") != "message":
            self.error = text_at(message, "error", "message") or "not a message"
            return
        self.model = text_at(message, "model")
        self._count(at(message, "usage"))
        content = at(message, "content")
        blocks = cast(list[object], content) if isinstance(content, list) else []
        for index, block in enumerate(blocks):
            self._open(index, block)
        self._close(message)

    @property
    def text(self) -> str:
        """The tool's input as JSON where the tool was called, else all text joined."""
        for _, given in sorted(self._inputs.items()):
            return given or "{}"
        return "".join(text for _, text in sorted(self._texts.items()))

    @property
    def stop(self) -> StopReason:
        if self.stop_reason == "refusal":
            return "refused"
        if self.stop_reason in CUT_OFF:
            return "cut off"
        return "end" if self.text.strip() else "empty"

    @property
    def stop_detail(self) -> str:
        """Why there is less than an answer, "" when there is one."""
        match self.stop:
            case "end":
                return ""
            case "refused":
                return self._refusal
            case _:
                return self.stop_reason

    @property
    def usage(self) -> Usage:
        """Tokens by kind, 0 for what the server left out."""
        long = self._counts.get(SPLIT[1], 0)
        short = self._counts.get(SPLIT[0], 0)
        return Usage(
            input=self._counts.get("input_tokens", 0),
            output=self._counts.get("output_tokens", 0),
            cache_read=self._counts.get("cache_read_input_tokens", 0),
            # Only short-lived entries are asked for, so what is not split is short-lived.
            cache_write_5m=max(short, self._counts.get("cache_creation_input_tokens", 0) - long),
            cache_write_1h=long,
        )

    def _open(self, index: int, block: object) -> None:
        match text_at(block, "type"):
            case "text":
                self._texts[index] = text_at(block, "text")
            case "tool_use":
                given = at(block, "input")
                self._inputs[index] = json.dumps(given, ensure_ascii=False) if given else ""
            case _:
                pass

    def _extend(self, index: int, delta: object) -> None:
        match text_at(delta, "type"):
            case "text_delta":
                self._texts[index] = self._texts.get(index, "") + text_at(delta, "text")
            case "input_json_delta":
                more = text_at(delta, "partial_json")
                self._inputs[index] = self._inputs.get(index, "") + more
            case _:
                pass

    def _close(self, delta: object) -> None:
        self.stop_reason = text_at(delta, "stop_reason") or self.stop_reason
        details = (
            text_at(delta, "stop_details", "category"),
            text_at(delta, "stop_details", "explanation"),
        )
        self._refusal = ": ".join(part for part in details if part) or self._refusal

    def _count(self, usage: object) -> None:
        # Counts are running totals; some servers begin or end with a 0.
        for name in COUNTS:
            self._counts[name] = max(self._counts.get(name, 0), count_at(usage, name))
        for name in SPLIT:
            said = count_at(usage, "cache_creation", name)
            self._counts[name] = max(self._counts.get(name, 0), said)
