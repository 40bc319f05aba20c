"""The table of all protections, as Markdown."""

import re
from typing import NamedTuple

import pytest

from tests.hostile.ablation.row import Case, Measured


class Row(NamedTuple):
    case: Case
    found: Measured
    wrong: str


_ROWS = pytest.StashKey[list[Row]]()
_HEAD = (
    "| part | protection | taken away | hostile project | with it | without it | verdict |",
    "|---|---|---|---|---|---|---|",
)


def rows(config: pytest.Config) -> list[Row]:
    """Of this run so far."""
    return config.stash.setdefault(_ROWS, [])


def table(config: pytest.Config) -> list[str]:
    """Its lines; none when nothing was taken away."""
    every = rows(config)
    if not every:
        return []
    needed = sum(one.case.verdict == "needed" for one in every)
    redundant = sum(one.case.verdict.startswith("redundant") for one in every)
    last = f"{len(every)} rows: {needed} needed, {redundant} redundant, "
    last += f"{len(every) - needed - redundant} not shown"
    return [*_HEAD, *map(_line, every), "", last]


def _line(row: Row) -> str:
    case, found = row.case, row.found
    cells = [case.part, case.protection, case.away, case.project]
    cells += [_told(found.in_place), _told(found.without, case.sign)]
    cells += [f"WRONG: {row.wrong}" if row.wrong else case.verdict]
    return f"| {' | '.join(one.replace('|', chr(92) + '|') for one in cells)} |"


def _told(achieved: tuple[str, ...], sign: str = "") -> str:
    if not achieved:
        return "stopped"
    told = next((one for one in achieved if sign in one), achieved[0])
    told = re.sub(r"/tmp/orchestrate-\S*?/case-\w+", "", told)
    told = told.removeprefix("REACHED ").replace("\n", " ")
    return f"gets through: {ascii(told)[1:-1][:60]}"


class Summary:
    """A plugin that prints the table at the end of the run."""

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> None:
        if lines := table(config):
            terminalreporter.section("each protection taken away")
            for line in lines:
                terminalreporter.write_line(line)
