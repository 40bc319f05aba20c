"""Keeps a finished run as an example, and the manifest of all of them.

uv run python -m tests.examples keep NAME RUN_FOLDER     examples/NAME from a finished run
uv run python -m tests.examples answers NAME FOLDER      examples/calibration/answers/NAME, from a
                                                         folder below .orchestrate/calibration/
uv run python -m tests.examples                          examples/manifest.json
"""

import json
import shutil
import sys
from pathlib import Path

from orchestrator.recordings import MANIFEST, hashes

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
KEPT = (
    "start.json",
    "settings.toml",
    "prompts",
    "ledger/answers",
    "ledger/decisions",
    "ledger/verdicts",
)


def copied(run: Path, recording: Path) -> None:
    """Copies what a replay needs of `run`, untouched, in place of what is there."""
    shutil.rmtree(recording, ignore_errors=True)
    for part in KEPT:
        source, copy = run / part, recording / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy)
        else:
            shutil.copy2(source, copy)


def keep(name: str, run: Path) -> None:
    """Keeps `run`, and its report."""
    target = EXAMPLES / name
    shutil.rmtree(target, ignore_errors=True)
    copied(run, target / "recording")
    for report in ("report.md", "report.json"):
        shutil.copy2(run / report, target / report)
    idea = json.loads((run / "start.json").read_text("utf-8"))["idea"]
    (target / "idea.md").write_text(f"{idea}\n", "utf-8")


def manifest() -> dict[str, str]:
    """SHA-256 of every file of every recording, by path below examples/."""
    found: dict[str, str] = {}
    for recording in sorted(EXAMPLES.glob("*/recording")):
        found |= hashes(EXAMPLES, recording)
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["keep"]:
        keep(sys.argv[2], Path(sys.argv[3]))
    if sys.argv[1:2] == ["answers"]:
        copied(Path(sys.argv[3]), EXAMPLES / "calibration" / "answers" / sys.argv[2])
    (EXAMPLES / MANIFEST).write_text(json.dumps(manifest(), indent=1) + "\n", "utf-8")
