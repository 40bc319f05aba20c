import json
from pathlib import Path
from typing import Any

import pytest

from logdigest.cli import main
from tests.logs import Summed


@pytest.fixture
def summed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Summed:
    """Sums up a log of these lines, with these options: summed(lines, *options) -> JSON."""

    def run(lines: list[str], *options: str) -> dict[str, Any]:
        log = tmp_path / "access.log"
        log.write_text("".join(lines), "utf-8")
        assert main(["--json", *options, "--", str(log)]) == 0
        return json.loads(capsys.readouterr().out)

    return run
