"""What each model at each endpoint was found to accept, kept from one process to the next.

Only answered calls are remembered: a refusal may have been about something else. The file holds
hosts, models and flags, no secret. One that cannot be read or written is as good as none.
"""

import fcntl
import os
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from orchestrator.artifacts.values import Value

Rung = Literal["native", "tool", "text"]
RUNGS: tuple[Rung, ...] = ("native", "tool", "text")
OFFICIAL = "https://api.anthropic.com"
LASTS = timedelta(days=30)
"""A server that learns to do more is asked for it again after this."""
MOST = 64


class Traits(Value):
    """What one model at one endpoint accepts, learned from its refusals.

    `rung` is how a schema is asked for: `output_config`, a tool that need not be called, or words.
    `counts` is whether it counts the tokens of a request.
    """

    rung: Rung = "native"
    effort: bool = True
    markers: bool = True
    counts: bool = True

    def without(self, other: "Traits") -> "Traits":
        """What is left after the refusals that either has met."""
        return Traits(
            rung=RUNGS[max(RUNGS.index(self.rung), RUNGS.index(other.rung))],
            effort=self.effort and other.effort,
            markers=self.markers and other.markers,
            counts=self.counts and other.counts,
        )


class Known(Value):
    """Of a model at a host: what it took, "" for what it was not asked. To take is not to obey.

    `date` is the UTC day and `version` the tool's when it was written.
    """

    host: str
    model: str
    structured: Literal["native", "tool", "text", ""] = ""
    effort: bool = True
    markers: bool = True
    counts: Literal["yes", "no", ""] = ""
    date: str = ""
    version: str = ""

    @property
    def traits(self) -> Traits:
        return Traits(
            rung=self.structured or "native",
            effort=self.effort,
            markers=self.markers,
            counts=self.counts != "no",
        )

    @property
    def told(self) -> str:
        """One line for a person."""
        ways = {
            "native": "taken as output_config.format",
            "tool": "refused, through a tool",
            "text": "refused, in words",
            "": "not asked",
        }
        counts = {"yes": "given", "no": "refused", "": "not asked"}
        effort, markers = ("taken" if one else "refused" for one in (self.effort, self.markers))
        return (
            f"{self.model} at {self.host}: schemas {ways[self.structured]}; effort {effort};"
            f" cache markers {markers}; token counts {counts[self.counts]} ({self.date})"
        )


class _File(Value):
    known: tuple[Known, ...] = ()


class Remembered:
    """The file at `path`, as the tool's `version` reads and writes it. Raises nothing."""

    def __init__(self, path: Path, *, version: str) -> None:
        self._path = path
        self._version = version

    def every(self) -> tuple[Known, ...]:
        """What still counts: written by this version, within the last 30 days."""
        oldest = _today() - LASTS
        found = _read(self._path).known
        return tuple(one for one in found if one.version == self._version and _day(one) >= oldest)

    def of(self, host: str, model: str) -> Known:
        """What is known, or that nothing is."""
        fresh = Known(host=host, model=model)
        return next((one for one in self.every() if (one.host, one.model) == (host, model)), fresh)

    def keep(self, known: Known) -> None:
        """Writes it over what was known, unless it is the same."""
        if known == self.of(known.host, known.model):
            return
        told = known.model_copy(
            update={"date": _today().isoformat(), "version": self._version},
        )
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                others = [
                    one for one in self.every() if (one.host, one.model) != (told.host, told.model)
                ]
                new = self._path.with_suffix(f".{os.getpid()}")
                text = _File(known=(*others, told)[-MOST:]).model_dump_json(indent=1)
                new.write_text(text, "utf-8")
                new.replace(self._path)


def host(base_url: str) -> str:
    """Host and port of an endpoint, without a password; Anthropic's own for ""."""
    rest = (base_url.strip() or OFFICIAL).partition("//")[2]
    return rest.partition("/")[0].partition("?")[0].rpartition("@")[2]


def _read(path: Path) -> _File:
    try:
        return _File.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return _File()


def _today() -> date:
    return datetime.now(UTC).date()


def _day(known: Known) -> date:
    try:
        return date.fromisoformat(known.date)
    except ValueError:
        return date.min
