"""A whole run, from the idea to the report, with a scripted model and real everything else."""

import json
import subprocess
from pathlib import Path

from orchestrator import Orchestrator
from tests.world import IDEA, Scripted, greeter


def git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_an_idea_becomes_a_tested_project_and_a_report(home: Path, env: dict[str, str]) -> None:
    model = Scripted(greeter())
    made = Orchestrator(IDEA, folder=home, env=env, model=model)
    report = made.run()
    assert report.passed, [one.reason for one in report.facts.milestones]
    product = home / "greeter"
    assert git(product, "status", "--porcelain") == ""
    assert [
        line.split(" ", 1)[1] for line in git(product, "log", "--merges", "--oneline").splitlines()
    ] == [
        "milestone-3-whisper: Whisper (4.00)",
        "milestone-2-shout: Shout (4.00)",
        "milestone-1-mvp: Greet (4.00)",
    ]
    ran = subprocess.run(
        ["python3", "-m", "greeter", "shout", "you"], cwd=product, capture_output=True, text=True
    )
    assert ran.stdout == "HELLO, YOU!\n"
    assert made.folder is not None
    written = json.loads((made.folder.path / "report.json").read_text())
    assert written["facts"]["passed"] is True
    assert (made.folder.path / "report.md").read_text().startswith("# ")
