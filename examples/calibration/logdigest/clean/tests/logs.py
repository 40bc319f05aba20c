"""Makes logs."""

from collections.abc import Callable
from typing import Any

Summed = Callable[..., dict[str, Any]]
"""summed(lines, *options) -> what `--json` prints."""


def line(
    path: str = "/",
    status: int = 200,
    milliseconds: int = 10,
    *,
    host: str = "shop.example",
    time: str = "2026-03-01T12:00:00+00:00",
) -> str:
    return f'{host} [{time}] "GET {path} HTTP/1.1" {status} {milliseconds}\n'
