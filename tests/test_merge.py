"""Merging: what two milestones did side by side becomes one product, or is left on its branch."""

import asyncio
import json
from pathlib import Path

import pytest

from orchestrator import recordings, run
from orchestrator.artifacts.report import lasting
from orchestrator.events import Event, Rerouted
from tests.world import PLAN, Played, code, file, git, module, planned, play, suite, turns

MVP, SHOUT, WHISPER = "milestone-1-mvp", "milestone-2-shout", "milestone-3-whisper"
TITLES = {MVP: "Greet", SHOUT: "Shout", WHISPER: "Whisper"}
APART = {"planner": planned({MVP: [], WHISPER: []})}


def names(*words: str) -> str:
    listed = ", ".join(f'"{one}"' for one in words)
    return file("greeter/names.py", f'"""Every command."""\n\nNAMES = [{listed}]')


def listed(number: str, word: str) -> str:
    """The suite of `word`, with a test that it is among the names."""
    named = f"def test_{word}_is_named():\n    assert {word!r} in NAMES"
    test = f"from greeter.names import NAMES\n\n\n{named}"
    return suite(number, word) + file(f"tests/integration/test_m{number}_{word}_named.py", test)


def merges(played: Played) -> list[str]:
    return played.git("log", "--first-parent", "--format=%s", "main").splitlines()


@pytest.mark.full
def test_two_milestones_that_edit_one_line_both_land_however_many_run_at_once(
    home: Path, env: dict[str, str], tmp_path: Path
) -> None:
    played = play(
        home,
        env,
        {
            "planner": json.dumps(PLAN),
            f"{MVP}/impl/1/1": code("1", "greet") + names("greet"),
            f"{SHOUT}/impl/1/1": code("2", "shout") + names("greet", "shout"),
            f"{SHOUT}/test/1/1": listed("2", "shout"),
            f"{WHISPER}/impl/1/1": code("3", "whisper") + names("greet", "whisper"),
            f"{WHISPER}/test/1/1": listed("3", "whisper"),
            f"{WHISPER}/impl/2/1": names("greet", "shout", "whisper"),
        },
        parallel=3,
    )
    assert played.done.passed, [one.reason for one in played.done.facts.milestones]
    assert merges(played) == [
        *(f"{name}: {TITLES[name]} (4.00)" for name in (WHISPER, SHOUT, MVP)),
        "Begin",
    ]
    asked = [one for one in played.ids if one.startswith(WHISPER)]
    assert asked[-3:] == [f"{WHISPER}/eval/1/1", f"{WHISPER}/impl/2/1", f"{WHISPER}/eval/2/1"]
    shown = played.told(f"{WHISPER}/impl/2/1", "code")
    assert (
        '<<<<<<< main\nNAMES = ["greet", "shout"]\n=======\nNAMES = ["greet", "whisper"]\n'
        f">>>>>>> {WHISPER}\n"
    ) in shown
    assert "greeter/shout.py" in shown
    found = "Merging into main conflicts in greeter/names.py."
    assert played.told(f"{WHISPER}/impl/2/1", "findings").startswith(f"{found}\n")
    assert f"## {SHOUT}: Shout" in played.told(f"{WHISPER}/impl/2/1", "project")
    assert f"## {SHOUT}: Shout" not in played.told(f"{WHISPER}/impl/1/1", "project")
    assert played.of("rerouted") == [
        Rerouted(milestone=WHISPER, attempt=2, stage="impl", reason=found)
    ]
    *_, last = played.done.facts.milestones
    assert [(one.cause, one.entry) for one in last.attempts] == [
        ("start", "spec"),
        ("conflict", "impl"),
    ]
    assert [one.criterion for one in last.criteria] == ["M1-C1", "M2-C1", "M3-C1"]
    assert played.git("status", "--porcelain") == ""
    same_again(played, tmp_path / "again", env)


def same_again(played: Played, home: Path, env: dict[str, str]) -> None:
    """One at a time, from the recorded answers: the same main, the same report, nothing asked in
    other words.
    """
    home.mkdir()
    events: list[Event] = []
    flags = {"parallel": 1}
    begun = asyncio.run(recordings.begin(home, played.folder, env, flags=flags))
    outside = run.Outside(env=env, sinks=(events.append,))
    report = asyncio.run(run.advance(begun, outside))
    assert [one for one in events if one.kind == "warned"] == []
    assert git(home / "greeter", "rev-parse", "main") == played.git("rev-parse", "main")
    assert lasting(report) == lasting(played.done)


def test_a_merge_that_only_tests_see_is_wrong_goes_back_to_impl(
    home: Path, env: dict[str, str]
) -> None:
    """Whisper counts the modules of the package: three alone, four after the merge."""
    counted = (
        'f"hello, {name.lower()}" + "." * '
        'len(list(__import__("pathlib").Path(__file__).parent.glob("*.py")))'
    )
    played = play(
        home,
        env,
        {
            **APART,
            f"{WHISPER}/impl/1/1": code("3", "whisper", counted, skeleton=True),
            f"{WHISPER}/impl/2/1": module("whisper"),
        },
    )
    assert played.done.passed, [one.reason for one in played.done.facts.milestones]
    assert merges(played)[:2] == [f"{WHISPER}: Whisper (4.00)", f"{MVP}: Greet (4.00)"]
    found = played.told(f"{WHISPER}/impl/2/1", "findings")
    assert found.startswith("Merged into main, the product is red: tests/contract/test_m3_whisper")
    assert "assert 'hello, eve....\\n' == 'hello, eve...\\n'" in found
    assert "Lovelace" not in found
    assert "greeter/greet.py" in played.told(f"{WHISPER}/impl/2/1", "code")
    assert f"{WHISPER}/eval/2/1" in played.ids


@pytest.mark.full
def test_a_conflict_that_is_never_resolved_leaves_main_alone(
    home: Path, env: dict[str, str]
) -> None:
    played = play(
        home,
        env,
        {
            **APART,
            f"{MVP}/impl/1/1": code("1", "greet") + names("greet"),
            f"{WHISPER}/impl/1/1": code("3", "whisper", skeleton=True) + names("whisper"),
            f"{WHISPER}/test/1/1": listed("3", "whisper"),
            **turns(f"{WHISPER}/impl/2", file("greeter/other.py", '"""No idea."""')),
            **turns(f"{WHISPER}/impl/3", file("greeter/other.py", '"""Still no idea."""')),
        },
        max_retries=2,
        max_repairs=0,
    )
    first, last = played.done.facts.milestones
    assert not played.done.passed
    assert (first.status, last.status) == ("complete", "failed_after_retries")
    assert [(one.cause, one.passed) for one in last.attempts] == [
        ("start", True),
        ("conflict", False),
        ("retry", False),
    ]
    assert last.reason.startswith("2 attempts spent; the last: ")
    assert merges(played) == [f"{MVP}: Greet (4.00)", "Begin"]
    assert played.git("rev-parse", "main") == first.commit
    assert played.git("rev-parse", f"milestone/{WHISPER}") == last.commit
    assert "<<<<" not in played.git("show", f"{last.commit}:greeter/names.py")
    assert "whisper" not in played.git("show", "main:greeter/names.py")
    assert "<<<<<<< main" in played.told(f"{WHISPER}/impl/3/1", "code")


def test_without_conflict_rounds_the_first_one_ends_the_milestone(
    home: Path, env: dict[str, str]
) -> None:
    played = play(
        home,
        env,
        {
            **APART,
            f"{MVP}/impl/1/1": code("1", "greet") + names("greet"),
            f"{WHISPER}/impl/1/1": code("3", "whisper", skeleton=True) + names("whisper"),
        },
        max_conflicts=0,
    )
    last = played.done.facts.milestones[1]
    assert last.status == "failed_after_retries"
    assert last.reason == "not mergeable: Merging into main conflicts in greeter/names.py."
    assert not any(one.startswith(f"{WHISPER}/impl/2") for one in played.ids)
