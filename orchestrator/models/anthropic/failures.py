"""Why a call gave no answer, and whether asking again can help."""

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import anthropic
import httpx2

from orchestrator.artifacts.values import Value
from orchestrator.models.decoded import text_at

Kind = Literal["limited", "down", "unreachable", "broken", "rejected", "final"]
"""Rate-limited; refused for now; never connected; began or may have begun, and broke off; a
request the server does not accept; refused for good."""

TRANSIENT = (408, 409)
UNBILLED = (409, 503, 529)
CROWDED = (429, 503, 529)
CROWDED_TYPES = ("rate_limit_error", "overloaded_error")
SPENDING = "enforced_spend_limit_reached"
MESSAGE = 300

WIRE_ERRORS = (
    anthropic.APIStatusError,
    anthropic.APIConnectionError,
    httpx2.HTTPError,
    json.JSONDecodeError,
    UnicodeDecodeError,
)
"""What one call can raise."""


class Failure(Value):
    """`reason` is short and holds no key, `said` is all that the server said. `status` is 0 without
    a response; `wait` is the Retry-After in seconds, -1 when there is none. `crowded` says that the
    server has too much to do, whoever asks.
    """

    kind: Kind
    status: int = 0
    reason: str
    said: str = ""
    wait: float = -1
    crowded: bool = False

    @property
    def billed(self) -> bool:
        """Whether the provider may have charged for it."""
        return self.kind == "broken" or (self.kind == "down" and self.status not in UNBILLED)


def failure(error: Exception, redact: Callable[[str], str]) -> Failure:
    """What one of WIRE_ERRORS means; `redact` takes secrets out of a text."""
    if isinstance(error, anthropic.APIStatusError):
        return _refusal(error, redact)
    wrapped = isinstance(error, anthropic.APIConnectionError)
    cause = error.__cause__ or error if wrapped else error
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout):
        return Failure(kind="unreachable", reason=f"no connection: {_brief(cause, redact)}")
    if wrapped or isinstance(cause, httpx2.HTTPError):
        return Failure(kind="broken", reason=f"the connection broke: {_brief(cause, redact)}")
    return Failure(kind="broken", reason=f"the stream is malformed: {_brief(cause, redact)}")


def broken(reason: str, redact: Callable[[str], str]) -> Failure:
    """A response that is complete and still not an answer."""
    return Failure(kind="broken", reason=_short(redact(reason)))


def _refusal(error: anthropic.APIStatusError, redact: Callable[[str], str]) -> Failure:
    said = redact(_said(error))
    kind = _kind(error)
    where = "an error inside the stream:" if error.status_code < 400 else str(error.status_code)
    return Failure(
        kind=kind,
        status=error.status_code,
        reason=f"{where} {_short(said)}",
        said=said,
        wait=_retry_after(error.response.headers),
        crowded=kind not in ("final", "rejected")
        and (error.status_code in CROWDED or error.type in CROWDED_TYPES),
    )


def _said(error: anthropic.APIStatusError) -> str:
    if "html" in error.response.headers.get("content-type", ""):
        return "an HTML page, not an answer"
    return text_at(error.body, "error", "message") or error.message


def _kind(error: anthropic.APIStatusError) -> Kind:
    status = error.status_code
    if status < 400:
        return "broken"
    if error.response.headers.get("x-should-retry") == "false" and status >= 500:
        return "final"
    if status == 429:
        return "final" if error.error_code == SPENDING else "limited"
    if status in TRANSIENT or status >= 500:
        return "down"
    return "rejected" if status in (400, 422) else "final"


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds; the header may hold milliseconds, seconds or a date."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        return -1 if math.isnan(seconds) else max(seconds, 0)
    try:
        until = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return -1
    return max((until.astimezone(UTC) - datetime.now(UTC)).total_seconds(), 0)


def _brief(error: BaseException, redact: Callable[[str], str]) -> str:
    return _short(redact(str(error) or type(error).__name__))


def _short(text: str) -> str:
    return " ".join(text.split())[:MESSAGE]
