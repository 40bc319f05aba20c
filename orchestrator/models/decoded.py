"""Decoded JSON of which nothing is taken for granted, and texts that may hold a secret."""

import re
from collections.abc import Callable
from typing import cast


def at(value: object, *path: str) -> object:
    """What lies at `path` in decoded JSON, None when nothing does."""
    for step in path:
        if not isinstance(value, dict):
            return None
        value = cast(dict[str, object], value).get(step)
    return value


def text_at(value: object, *path: str) -> str:
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def count_at(value: object, *path: str) -> int:
    found = at(value, *path)
    return found if isinstance(found, int) and found > 0 else 0


def redaction(*secrets: str) -> Callable[[str], str]:
    """Takes `secrets`, and what looks like a key, out of a text."""
    known = [re.escape(one) for one in secrets if one]
    secret = re.compile("|".join([*known, r"\bsk-[\w*.-]{6,}"]))
    return lambda text: secret.sub("[key]", text)
