"""The table at the end of a run."""

import pytest

from tests.hostile.table import table


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if lines := table(config):
        terminalreporter.section("hostile and honest projects")
        for line in lines:
            terminalreporter.write_line(line)
