"""What became of every family, as a table."""

from dataclasses import dataclass
from itertools import groupby

import pytest

from tests.hostile.driving import Driven
from tests.hostile.project import Project


@dataclass(frozen=True)
class Entry:
    """What became of one project in the hands of one user."""

    project: Project
    who: str
    driven: Driven

    @property
    def row(self) -> tuple[str, str]:
        return self.project.family, self.who

    @property
    def forged(self) -> bool:
        """A pass that is none: the worst that can happen."""
        hostile = self.project.family != "honest"
        return hostile and self.driven.verdict == "pass" and "pass" not in self.project.expect

    @property
    def alarm(self) -> bool:
        """An honest project that was not passed."""
        return self.project.family == "honest" and self.driven.verdict != "pass"


_ENTRIES = pytest.StashKey[list[Entry]]()
_COLUMNS = f"{'family':<11}{'as':<6}{'projects':>9}{'false passes':>14}{'harm done':>11}"
_HEAD = f"{_COLUMNS}{'false alarms':>14}{'otherwise':>11}{'seconds':>9}"


def entries(config: pytest.Config) -> list[Entry]:
    """Of this run so far."""
    return config.stash.setdefault(_ENTRIES, [])


def table(config: pytest.Config) -> list[str]:
    """Its lines; none when no project was run."""
    every = sorted(entries(config), key=lambda one: one.row)
    if not every:
        return []
    rows = [_line(row, list(group)) for row, group in groupby(every, key=lambda one: one.row)]
    slowest = max(every, key=lambda one: one.driven.seconds)
    named = f"{slowest.project.family}-{slowest.project.name}-{slowest.who}"
    last = f"slowest: {named}, {slowest.driven.seconds:.0f} s"
    return [_HEAD, *rows, _line(("all", ""), every), last]


def _line(row: tuple[str, str], group: list[Entry]) -> str:
    forged = sum(one.forged for one in group)
    harm = sum(bool(one.driven.harm) for one in group)
    alarms = sum(one.alarm for one in group)
    otherwise = sum(bool(one.driven.wrong) and not (one.forged or one.alarm) for one in group)
    seconds = sum(one.driven.seconds for one in group)
    return (
        f"{row[0]:<11}{row[1]:<6}{len(group):>9}{forged:>14}{harm:>11}"
        f"{alarms:>14}{otherwise:>11}{seconds:>9.0f}"
    )
