"""Answers that are judgements: one JSON object under a schema, read tolerantly."""

import json
import re
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from orchestrator.agents.base import Invalid
from orchestrator.artifacts.exchange import Answer
from orchestrator.artifacts.values import Value

V = TypeVar("V", bound=Value)
FENCE = re.compile(r"```(?:json)?[ \t]*\r?\n(.*?)\r?\n```", re.DOTALL)


@cache
def schema_of(kind: type[Value]) -> str:
    """The JSON schema of `kind` as text, keys sorted: the same bytes in every process."""
    return json.dumps(
        kind.model_json_schema(mode="serialization"), sort_keys=True, ensure_ascii=False
    )


def reader(kind: type[V], *problems: Callable[[V], tuple[str, ...]]) -> Callable[[Answer], V]:
    """Reads an answer as `kind`; each of `problems` names what else is wrong with the value."""

    def read(answer: Answer) -> V:
        try:
            value = kind.model_validate_json(json_text(answer.text))
        except ValidationError as error:
            raise Invalid(*_cut(answer), *(_told(one) for one in error.errors()[:20])) from error
        found = tuple(reason for one in problems for reason in one(value))
        if found:
            raise Invalid(*found)
        return value

    return read


def json_text(text: str) -> str:
    """The JSON object in `text`: bare, fenced, or with prose around it."""
    text = text.strip().lstrip("\ufeff")
    if text.startswith("{"):
        return _first_object(text)
    fenced = FENCE.search(text)
    if fenced and fenced.group(1).lstrip().startswith("{"):
        return _first_object(fenced.group(1).strip())
    start = text.find("{")
    return _first_object(text[start:]) if start >= 0 else text


def _first_object(text: str) -> str:
    """The first complete JSON value of `text`, without what trails it; all of it where there is
    none.
    """
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return text
    return text[:end]


def _cut(answer: Answer) -> tuple[str, ...]:
    if answer.stop != "cut off":
        return ()
    return ("the answer was cut off at the token limit: give the whole object again, more briefly",)


def _told(error: ErrorDetails) -> str:
    place = f" (at {'.'.join(str(part) for part in error['loc'])})" if error["loc"] else ""
    if error["type"] == "json_invalid":
        return f"the answer is not one JSON object: {error['msg']}{place}"
    return f"{error['msg']}{place}"
