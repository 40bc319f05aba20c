"""A run followed from outside: its journal, line by line, as it grows. Only reads."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from orchestrator.artifacts.values import Value
from orchestrator.errors import Missing
from orchestrator.events import Event
from orchestrator.folder import RunFolder
from orchestrator.ledger.lock import holder

POLL_SECONDS = 0.2
BEGIN_SECONDS = 2.0
"""How long a run may take from its folder to its first line."""
_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


class Logged(Value):
    """An event, and when it was logged (UTC, ISO 8601)."""

    event: Event
    logged: datetime


def lines(run: RunFolder, ended: threading.Event) -> Iterator[str]:
    """The journal's complete lines, from the first on, until nobody advances the run any more or
    `ended` is set. A run that was only just made is given a moment to begin.

    Raises Missing when it cannot be read.
    """
    torn, place = b"", 0
    until = time.monotonic() + BEGIN_SECONDS
    while True:
        # Asked first: what a process wrote before it let go is read then.
        held = holder(run.path)
        found = _read(run.journal, place)
        place += len(found)
        *whole, torn = (torn + found).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
        if not held and (place or time.monotonic() > until):
            return
        if ended.wait(POLL_SECONDS):
            return


def event(line: str) -> Logged | None:
    """What a line of the journal says; None for what is no event of this version."""
    try:
        fields = json.loads(line)
        logged, kind = fields.pop("logged"), fields.pop("event")
        known = _EVENT.validate_python({**fields, "kind": kind})
        return Logged(event=known, logged=logged)
    except (ValueError, TypeError, AttributeError, LookupError, ValidationError):
        return None


def in_ascii(line: str) -> str:
    """The same JSON, which drives no terminal, with its line end; "" for a torn line."""
    try:
        return f"{json.dumps(json.loads(line))}\n"
    except ValueError:
        return ""


def _read(path: Path, place: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(place)
            return file.read()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise Missing(f"cannot read {path}: {error.strerror}", "mend its permissions") from error
