"""What a script says to a request, and what it can read in one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Body = dict[str, Any]

Fault = Literal[
    "",
    "drop before",  # the connection closes without a response
    "silent",  # no response at all until the server closes
    "stall",  # the stream begins, then says nothing more
    "drop mid",  # the connection breaks inside the stream
    "early end",  # the stream ends cleanly, before message_delta
    "drop late",  # the connection breaks between message_delta and message_stop
    "no end",  # every event is sent, and the response does not end
    "error event",  # an `error` event inside the stream
    "malformed",  # an event whose data is not JSON
    "error body",  # status 200 and a JSON error
    "html",  # a page, whatever the status
    "whole",  # status 200 and the message as plain JSON, though a stream was asked for
]


@dataclass(frozen=True)
class Reply:
    """`status` other than 200 is an error with `message`, `kind` (its type, "" for the usual one)
    and `code` (its details' error code). `headers` are added. A request with tools is answered
    through the first one unless `tool` is false. `usage` replaces counts by name; None leaves the
    field out. `model` "" is the one asked for. `category` and `explanation` are a refusal's.
    """

    text: str = ""
    stop_reason: str = "end_turn"
    status: int = 200
    message: str = ""
    kind: str = ""
    code: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    fault: Fault = ""
    tool: bool = True
    usage: tuple[tuple[str, int | None], ...] = ()
    model: str = ""
    request_id: bool = True
    category: str = ""
    explanation: str = ""


Script = Callable[[Body], Reply]
"""Called in the serving thread, for accepted requests only, with the request's body."""


def in_turn(*replies: Reply) -> Script:
    """One reply after the other, the last one for ever."""
    left = list(replies)
    return lambda _body: left.pop(0) if len(left) > 1 else left[0]


def system_text(body: Body) -> str:
    return _text(body.get("system", ""))


def prompt_text(body: Body) -> str:
    """All blocks of all messages, joined as `Request.prompt` joins them."""
    return "\n\n".join(_text(message["content"]) for message in body["messages"])


def _text(content: str | list[Body]) -> str:
    if isinstance(content, str):
        return content
    return "\n\n".join(block["text"] for block in content if block["type"] == "text")
