"""The shipped examples: they replay to their reports, and they really execute."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.artifacts.report import Report, lasting
from tests.examples import EXAMPLES, manifest

PROGRAM = Path(sys.executable).with_name("orchestrate")
DATED = sorted({path.parent.name for path in EXAMPLES.glob("*/recording")} - {"todo-cli"})


def orchestrate(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROGRAM), *words], cwd=folder, capture_output=True, text=True, timeout=600
    )


def replay(recording: Path, folder: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    """What a replay said, and the folder of its run."""
    done = orchestrate(folder, "--replay", str(recording))
    return done, next((folder / ".orchestrate" / "runs").iterdir())


def report(path: Path) -> Report:
    return Report.model_validate_json((path / "report.json").read_text("utf-8"))


def events(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / "journal.jsonl").read_text("utf-8").splitlines()]


def warnings(run: Path) -> list[object]:
    return [one["message"] for one in events(run) if one["event"] == "warned"]


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished demo; one that just ran may be named by DEMO_FOLDER."""
    if done_before := os.environ.get("DEMO_FOLDER"):
        return Path(done_before)
    folder = tmp_path_factory.mktemp("demo") / "here"
    done = orchestrate(folder.parent, "demo", "--into", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "report" in done.stdout
    return folder


def test_the_demo_builds_a_product_whose_own_tests_pass_under_plain_pytest(demo: Path) -> None:
    product = demo / "todo"
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=product,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"\d+ passed", ran.stdout)
    merges = git(product, "log", "--merges", "--format=%s").splitlines()
    assert len(merges) == 3
    assert all(re.fullmatch(r"milestone-\d-.*\(\d\.\d\d\)", one) for one in merges)


def test_the_demo_comes_to_its_committed_report_and_commits(demo: Path) -> None:
    run = next((demo / ".orchestrate" / "runs").iterdir())
    made, kept = report(run), report(EXAMPLES / "todo-cli")
    assert lasting(made) == lasting(kept)
    assert git(demo / "todo", "rev-parse", "main") == kept.facts.milestones[-1].commit


def test_no_request_of_the_demo_misses_its_digest_under_todays_prompts(demo: Path) -> None:
    run = next((demo / ".orchestrate" / "runs").iterdir())
    assert warnings(run) == []
    recorded, ours = EXAMPLES / "todo-cli" / "recording" / "prompts", EXAMPLES.parent / "prompts"
    elsewhere = ("_request.md.j2", "judge.md.j2", "script.md.j2")
    agents = sorted(path.name for path in ours.glob("*.j2") if path.name not in elsewhere)
    assert [(recorded / name).read_text() == (ours / name).read_text() for name in agents] == [
        True
    ] * len(agents)


def test_one_changed_byte_of_recorded_code_turns_the_demo_red(tmp_path: Path) -> None:
    copy = tmp_path / "changed"
    shutil.copytree(EXAMPLES / "todo-cli" / "recording", copy)
    _break(copy / "ledger" / "answers")
    done, run = replay(copy, tmp_path)
    assert done.returncode == 3, done.stderr
    assert "the recording has no answer to milestone-1-mvp/impl/1/2" in done.stderr
    red = [one["result"] for one in events(run) if one.get("ok") is False]
    assert len(red) == 1
    assert re.match(r"\d+/205 tests", red[0])


def _break(answers: Path) -> None:
    """Changes one byte of milestone 1's code: the dot of a task line, as in `1. Buy milk`."""
    (answer,) = answers.glob("milestone-1-*/impl-*.json")
    text = answer.read_text("utf-8")
    line = "{task['number']}. {task['text']}"
    assert text.count(line) == 1
    answer.write_text(text.replace(line, line.replace(".", ";")), "utf-8")


@pytest.mark.full
@pytest.mark.parametrize("name", DATED)
def test_a_dated_example_replays_to_its_committed_report(name: str, tmp_path: Path) -> None:
    done, run = replay(EXAMPLES / name, tmp_path)
    kept = report(EXAMPLES / name)
    assert done.returncode == (0 if kept.passed else 1), done.stderr
    assert lasting(report(run)) == lasting(kept)


def test_an_attempt_was_turned_down_and_a_later_one_accepted_in_an_example() -> None:
    turned = [
        one.id
        for path in EXAMPLES.glob("*/report.json")
        for one in report(path.parent).facts.milestones
        if one.status == "complete" and any(not attempt.passed for attempt in one.attempts)
    ]
    assert turned


def test_the_manifest_has_every_file_of_every_recording() -> None:
    kept = json.loads((EXAMPLES / "manifest.json").read_text("utf-8"))
    assert kept == manifest()
