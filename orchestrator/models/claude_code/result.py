"""What the client printed, as an answer or as the reason why there is none.

Seen of 2.1.197 and 2.1.329: an error is `is_error` with exit 1 and *subtype "success"*, its text in
`result`; running out of turns is a subtype of its own without `result`; a wrong flag is text on
standard error alone; `usage` leaves out calls that `modelUsage` has.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from orchestrator.artifacts.exchange import UNMEASURED, Answer, StopReason, Usage
from orchestrator.artifacts.values import Value
from orchestrator.errors import GaveUp, Missing, Stop
from orchestrator.models.decoded import at, text_at
from orchestrator.models.prices import dearest

BY = "claude-code"
GO_ON = "orchestrate resume goes on from here"
SHOWN = 300
LOGIN = re.compile(
    r"/login|not logged in|log ?in again|invalid api key|oauth token|failed to authenticate", re.I
)
CUT_OFF = re.compile(r"output token maximum|context window limit", re.I)
NO_MODEL = re.compile(r"issue with the selected model", re.I)
TOO_OLD = re.compile(r"unknown option", re.I)
TOKENS = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheCreationInputTokens")


class Printed(Value):
    """A process that has ended, its streams without secrets. `late` is whether we ended it."""

    code: int
    stdout: str
    stderr: str
    late: bool
    truncated: bool


def answer(printed: Printed, *, milliseconds: int, deadline: float) -> Answer:
    """What can be used or asked for again is an Answer. Raises GaveUp, and Missing where a person
    must do something first.
    """
    if printed.late:
        raise GaveUp(
            f"claude: no answer within the deadline of {deadline:g} s",
            f"raise deadline_seconds, or later: {GO_ON}",
        )
    result = _result(printed.stdout)
    text, stop, detail = _outcome(printed, result)
    models = _models(result)
    usage = _usage(result, models)
    return Answer(
        text=text,
        stop=stop,
        stop_detail=detail,
        model=_main(models),
        usage=usage,
        price="" if usage == UNMEASURED else _price(result, models),
        duration_ms=milliseconds,
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        request_id=text_at(result, "session_id"),
        by=BY,
    )


def _result(stdout: str) -> object:
    """The object that it printed, None when there is none. Warnings may stand above it."""
    for text in (stdout, *reversed(stdout.splitlines())):
        try:
            found: object = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if text_at(found, "type") == "result":
            return found
    return None


def _outcome(printed: Printed, result: object) -> tuple[str, StopReason, str]:
    """Text, stop and its detail. Raises GaveUp or Missing."""
    said = _brief(text_at(result, "result"))
    if result is None:
        if printed.code == 0 or printed.truncated:
            return printed.stdout, "broken", "the client printed something else than a result"
        lines = f"{printed.stdout}\n{printed.stderr}".strip().splitlines()
        raise _trouble(_brief(lines[-1] if lines else ""), printed, result)
    if text_at(result, "stop_reason") == "refusal":
        return "", "refused", said
    if text_at(result, "subtype").startswith("error"):
        return "", "broken", _brief(_errors(result)) or text_at(result, "subtype")
    if at(result, "is_error") is not False or printed.code:
        if CUT_OFF.search(said):
            return "", "cut off", said
        raise _trouble(said, printed, result)
    given = at(result, "structured_output")
    text = text_at(result, "result")
    if given is not None:
        text = json.dumps(given, ensure_ascii=False)
    return text, "end" if text.strip() else "empty", ""


def _trouble(said: str, printed: Printed, result: object) -> Stop:
    """The Stop for an error that asking again at once cannot mend."""
    status = at(result, "api_error_status")
    told = f"claude: {said or f'it ended with {printed.code} and said nothing'}"
    if status in (401, 403) or LOGIN.search(said):
        return Missing(told, f"run `claude` and log in with /login, then: {GO_ON}")
    if status == 404 or NO_MODEL.search(said):
        return Missing(told, "choose another, as in --model claude-code:sonnet")
    if TOO_OLD.search(said):
        return Missing(told, "update it: npm install -g @anthropic-ai/claude-code")
    # Only a result without any model in it says that nothing was billed.
    return GaveUp(told, GO_ON, billed=bool(_models(result)) or result is None)


def _models(result: object) -> Mapping[str, object]:
    """What each model was used for, by its name without the mark for a long context."""
    found = at(result, "modelUsage")
    named = cast(dict[str, object], found) if isinstance(found, dict) else {}
    return {name.partition("[")[0]: used for name, used in named.items()}


def _main(models: Mapping[str, object]) -> str:
    """The one that wrote the most."""
    return max(models, key=lambda name: _count(models[name], "outputTokens"), default=BY)


def _usage(result: object, models: Mapping[str, object]) -> Usage:
    """Summed over all calls, which is more than `usage` has; not measured where a part is not."""
    counts = [[_count(used, name) for name in TOKENS] for used in models.values()]
    if not counts or min(map(min, counts)) < 0 or not any(map(sum, counts)):
        return UNMEASURED
    read, written, cached, created = (sum(column) for column in zip(*counts, strict=True))
    long = _count(at(result, "usage", "cache_creation"), "ephemeral_1h_input_tokens")
    long = min(max(long, 0), created)
    return Usage(
        input=read,
        output=written,
        cache_read=cached,
        cache_write_5m=created - long,
        cache_write_1h=long,
    )


def _price(result: object, models: Mapping[str, object]) -> str:
    """What the client says, at list prices, whatever the login pays. "" where a model has no known
    price: for those it makes one up.
    """
    cost = at(result, "total_cost_usd")
    bases = {text_at(used, "costBasis") or "list" for used in models.values()}
    known = all(dearest(name, 1, 1) is not None for name in models)
    if not isinstance(cost, int | float) or cost <= 0 or bases != {"list"} or not known:
        return ""
    return f"{cost:.6f}"


def _count(used: object, name: str) -> int:
    """-1 where there is no count."""
    found = at(used, name)
    return found if isinstance(found, int) and found >= 0 else -1


def _errors(result: object) -> str:
    found = at(result, "errors")
    return "; ".join(map(str, cast(list[object], found))) if isinstance(found, list) else ""


def _brief(text: str) -> str:
    return " ".join(text.split())[:SHOWN]
