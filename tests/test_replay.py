"""Replays: the answers are believed, the verdicts are not."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator import recordings, settings
from orchestrator.artifacts.exchange import Request
from orchestrator.artifacts.report import lasting
from orchestrator.events import Event
from orchestrator.folder import RunFolder, find
from orchestrator.ledger import FileLedger
from orchestrator.models.replay import Replay
from tests.command import PROGRAM, Running, events_of, folder_of, git, report_of
from tests.test_cli import HIDDEN, refused
from tests.test_kill import FIRST, judged, written
from tests.world import answer, play


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a run whose first attempt was turned down."""
    home = tmp_path_factory.mktemp("recorded") / "home"
    home.mkdir()
    played = play(home, os.environ, {"eval": judged, "impl": written})
    assert played.done.passed
    assert len(played.done.facts.milestones[0].attempts) == 2
    return home


@pytest.fixture
def copy(recorded: Path, tmp_path: Path) -> Path:
    """A recording of its own, to be tampered with."""
    return Path(shutil.copytree(folder_of(recorded).path, tmp_path / "copy"))


def replayed(home: Path, recording: Path, env: Mapping[str, str]) -> Running:
    running = Running(home, "--replay", str(recording), env=env)
    running.wait()
    return running


def warnings(home: Path) -> list[str]:
    return [str(one["message"]) for one in events_of(home) if one["event"] == "warned"]


def tampered(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_a_run_replays_to_its_report_and_its_commits_in_another_folder(
    home: Path, env: dict[str, str], recorded: Path
) -> None:
    running = replayed(home, folder_of(recorded).path, env)
    assert running.wait() == 0, running.said
    assert lasting(report_of(home)) == lasting(report_of(recorded))
    heads = [git(one / "greeter", "rev-parse", "main") for one in (home, recorded)]
    assert heads[0] == heads[1]
    assert warnings(home) == []
    assert {one["source"] for one in events_of(home) if one["event"] == "agent_call"} == {
        "recording"
    }
    assert FileLedger(folder_of(home).ledger).unanswered() == 0


def test_recorded_verdicts_are_never_used_and_a_difference_is_shown(
    home: Path, env: dict[str, str], recorded: Path, copy: Path
) -> None:
    verdicts = sorted((copy / "ledger" / "verdicts").glob("*.json"))
    assert verdicts
    for path in verdicts:
        tampered(path, '"outcome": "pass",\n  "reasons"', '"outcome": "fail",\n  "reasons"')
    running = replayed(home, copy, env)
    assert running.wait() == 0, running.said
    assert lasting(report_of(home)) == lasting(report_of(recorded))
    assert len(warnings(home)) == len(verdicts)
    assert "verification found pass where fail was recorded" in warnings(home)[0]
    assert "verification found pass where fail was recorded" in running.said


def test_one_changed_byte_of_recorded_code_is_not_passed(
    home: Path, env: dict[str, str], copy: Path
) -> None:
    (path,) = (copy / "ledger" / "answers" / FIRST).glob("impl-2-*.json")
    tampered(path, "Hello, ", "Hallo, ")
    running = replayed(home, copy, env)
    assert running.wait() == 3
    assert f"the recording has no answer to {FIRST}/impl/2/2" in running.said
    assert not folder_of(home).reported


def test_changed_prompts_of_a_recording_are_warned_of_and_its_answers_used(
    home: Path, env: dict[str, str], copy: Path
) -> None:
    with (copy / "prompts" / "spec.md.j2").open("a", encoding="utf-8") as file:
        file.write("Be brief.\n")
    assert replayed(home, copy, env).wait() == 0
    (warned,) = warnings(home)
    assert f"request {FIRST}/spec/1/1 differs from the recorded one" in warned


def test_a_missing_answer_stops_with_3_and_is_named(
    home: Path, env: dict[str, str], copy: Path
) -> None:
    for path in (copy / "ledger" / "answers" / FIRST).glob("arch-*.json"):
        path.unlink()
    running = replayed(home, copy, env)
    assert running.wait() == 3
    said = refused("".join(running.lines[-2:]))
    assert f"the recording has no answer to {FIRST}/arch/1/1" in said


def put(digest_of: str) -> Request:
    return Request(
        scope="run",
        agent="planner",
        attempt=1,
        turn=1,
        system=digest_of,
        blocks=("an idea",),
        output_schema="",
        model="m",
        effort="low",
        max_tokens=1,
    )


def test_of_two_answers_the_one_to_the_very_request_is_given(tmp_path: Path) -> None:
    ledger, told = FileLedger(tmp_path), list[Event]()
    ledger.record(put("old"), answer("old", at="2026-01-01T00:00:00Z"))
    ledger.record(put("new"), answer("new", at="2026-01-02T00:00:00Z"))
    replay = Replay(ledger, sink=told.append)
    assert asyncio.run(replay.complete(put("old"))).text == "old"
    assert asyncio.run(replay.complete(put("new"))).text == "new"
    assert told == []
    assert asyncio.run(replay.complete(put("other"))).text == "new"
    assert [one.kind for one in told] == ["warned"]


def begun(home: Path, recording: Path, env: Mapping[str, str], **flags: object) -> RunFolder:
    return asyncio.run(recordings.begin(home, recording, env, flags=flags))


def test_a_recording_cannot_choose_to_run_its_code_without_a_sandbox(
    home: Path, env: dict[str, str], copy: Path
) -> None:
    tampered(copy / "settings.toml", 'sandbox = "bubblewrap"', 'sandbox = "process"')
    made = begun(home, copy, env)
    assert settings.parse(made.settings_text(), "").sandbox == "bubblewrap"
    chosen = begun(home, copy, env, sandbox="process")
    assert settings.parse(chosen.settings_text(), "").sandbox == "process"


def test_a_recordings_prompts_run_no_code(
    home: Path, env: dict[str, str], copy: Path, tmp_path: Path
) -> None:
    owned = tmp_path / "owned"
    with (copy / "prompts" / "planner.md.j2").open("a", encoding="utf-8") as file:
        file.write(f"{{{{ cycler.__init__.__globals__.os.mkdir('{owned}') }}}}")
    running = replayed(home, copy, env)
    assert not owned.exists()
    assert running.wait() == 3
    assert "planner.md.j2" in refused("".join(running.lines[-2:]))


@pytest.mark.parametrize("where", ["prompts/more.md.j2", "ledger/decisions/more.json", "settings"])
def test_a_recording_leads_nowhere_else(
    home: Path, env: dict[str, str], copy: Path, where: str
) -> None:
    (copy / where).symlink_to("/etc/hostname")
    running = replayed(home, copy, env)
    assert running.wait() == 2
    assert "is no plain file" in refused(running.said)
    assert not (home / ".orchestrate").exists()


def test_where_no_sandbox_works_an_untrusted_recording_stops_with_3(
    home: Path, env: dict[str, str], recorded: Path
) -> None:
    words = (str(PROGRAM), "--quiet", "--replay", str(folder_of(recorded).path))
    done = subprocess.run([*HIDDEN, *words], cwd=home, env=env, capture_output=True, text=True)
    assert done.returncode == 3
    assert "bubblewrap is not installed" in refused(done.stderr)


def test_a_replay_is_the_newest_run_although_its_dates_are_the_recordings(
    home: Path, env: dict[str, str], copy: Path
) -> None:
    tampered(copy / "start.json", '"created": "20', '"created": "19')
    first = begun(home, copy, env)
    second = begun(home, copy, env)
    assert second.start().created == first.start().created
    assert find(home).name == second.name
    assert find(home, first.name).name == first.name


@pytest.mark.parametrize("part", ["start.json", "prompts"])
def test_a_folder_without_its_parts_is_no_recording(
    home: Path, env: dict[str, str], copy: Path, part: str
) -> None:
    path = copy / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    running = replayed(home, copy, env)
    assert running.wait() == 2
    assert f"{copy} holds no recording" in refused(running.said)


def test_a_recording_without_settings_or_with_damaged_ones_stops_with_3(
    home: Path, env: dict[str, str], copy: Path
) -> None:
    for spoil in (lambda path: path.write_bytes(b"\xff"), lambda path: path.unlink()):
        spoil(copy / "settings.toml")
        running = replayed(home, copy, env)
        assert running.wait() == 3
        assert "settings.toml" in refused(running.said)


def test_only_a_shipped_recording_whose_every_byte_matches_is_trusted(
    copy: Path, tmp_path: Path
) -> None:
    examples = tmp_path / "examples"
    recording = examples / "todo" / "recording"
    shutil.copytree(copy, recording)
    manifest = examples / recordings.MANIFEST
    assert not recordings.trusted(recording, (examples,)), "there is no manifest"
    manifest.write_text(json.dumps(recordings.hashes(examples, recording)), "utf-8")
    assert recordings.trusted(recording, (tmp_path / "absent", examples))
    assert not recordings.trusted(copy, (examples,)), "it lies elsewhere"
    (answer_file,) = (recording / "ledger" / "answers" / FIRST).glob("impl-2-*.json")
    kept = answer_file.read_bytes()
    tampered(answer_file, "Hello, ", "Hallo, ")
    assert not recordings.trusted(recording, (examples,))
    answer_file.write_bytes(kept)
    assert recordings.trusted(recording, (examples,))
    (recording / "more.txt").write_text("", "utf-8")
    assert not recordings.trusted(recording, (examples,)), "a file too many"
    (recording / "more.txt").unlink()
    manifest.write_text("no JSON", "utf-8")
    assert not recordings.trusted(recording, (examples,))
