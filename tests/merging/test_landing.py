"""Milestones that were built side by side and touch the same things: both land, or one is left on
its branch, and nothing that was made is lost.
"""

import json
from pathlib import Path

import pytest

from tests.merging.proof import all_is_kept
from tests.merging.shapes import OWN, SHAPES, Shape
from tests.world import PLAN, Played, code, file, module, planned, play, suite, turns

MVP, SHOUT, WHISPER = "milestone-1-mvp", "milestone-2-shout", OWN
APART = {"planner": planned({MVP: [], WHISPER: []})}
SHARED = "tests/unit/test_shared.py"


def shared(word: str) -> str:
    return file(SHARED, f"from greeter import {word}\n\n\ndef test_shared():\n    assert {word}")


def lands(home: Path, env: dict[str, str], *shapes: Shape) -> Played:
    """Shout and Whisper, each with its side of `shapes`, on a first milestone with the base."""
    played = play(
        home,
        env,
        {
            "planner": json.dumps(PLAN),
            f"{MVP}/impl/1/1": code("1", "greet") + "".join(one.base for one in shapes),
            f"{SHOUT}/impl/1/1": code("2", "shout") + "".join(one.main for one in shapes),
            f"{SHOUT}/test/1/1": suite("2", "shout") + shared("shout"),
            f"{WHISPER}/impl/1/1": code("3", "whisper") + "".join(one.own for one in shapes),
            f"{WHISPER}/test/1/1": suite("3", "whisper") + shared("whisper"),
            f"{WHISPER}/impl/2/1": "".join(one.answer for one in shapes),
        },
        sandbox="process",
        parallel=3,
    )
    assert played.done.passed, [one.reason for one in played.done.facts.milestones]
    main = {path: f"{played.git('show', f'main:{path}')}\n" for path in files(played)}
    for path, text in ((path, text) for one in shapes for path, text in one.after.items()):
        assert main.get(path) == (None if text is None else f"{text}\n")
    assert {SHARED, SHARED.replace(".py", "_milestone_3_whisper.py")} < main.keys()
    assert played.git("tag") == played.git("status", "--porcelain") == ""
    all_is_kept(played)
    return played


def files(played: Played) -> list[str]:
    return played.git("ls-tree", "-r", "--name-only", "main").splitlines()


def told(played: Played, *shapes: Shape) -> None:
    """Impl was told of every conflict, in the order of the paths or not, and of no commit's id."""
    findings = played.told(f"{WHISPER}/impl/2/1", "findings")
    named, *lines, keep = findings.splitlines()
    conflicts = sorted(path for one in shapes for path in one.conflicts)
    assert named == f"Merging into main conflicts in {', '.join(conflicts)}."
    assert sorted(lines) == sorted(line for one in shapes for line in one.told)
    assert keep.startswith("The code shows both sides between conflict markers") == any(
        one.marked for one in shapes
    )
    shown = played.told(f"{WHISPER}/impl/2/1", "code")
    assert all(one.marked in shown for one in shapes)
    for request in played.model.requests:
        assert not any(one in request.prompt for one in played.git("rev-list", "--all").split())


def test_every_shape_of_a_conflict_in_one_merge(home: Path, env: dict[str, str]) -> None:
    played = lands(home, env, *SHAPES)
    told(played, *SHAPES)
    last = played.done.facts.milestones[-1]
    assert [one.cause for one in last.attempts] == ["start", "conflict"]


@pytest.mark.full
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_one_shape_of_a_conflict(home: Path, env: dict[str, str], shape: Shape) -> None:
    played = lands(home, env, shape)
    causes = [one.cause for one in played.done.facts.milestones[-1].attempts]
    assert causes == (["start"] if shape.clean else ["start", "conflict"])
    if not shape.clean:
        told(played, shape)


@pytest.mark.full
def test_two_spellings_of_a_name_go_back_to_impl(home: Path, env: dict[str, str]) -> None:
    played = play(
        home,
        env,
        {
            **APART,
            f"{MVP}/impl/1/1": code("1", "greet") + file("greeter/Names.py", '"""A."""'),
            f"{WHISPER}/impl/1/1": code("3", "whisper", skeleton=True)
            + file("greeter/names.py", '"""B."""'),
            f"{WHISPER}/impl/2/1": "=== DELETE greeter/names.py ===\n",
        },
        sandbox="process",
    )
    assert played.done.passed
    found = played.told(f"{WHISPER}/impl/2/1", "findings")
    assert found.startswith("Merged into main, two files have one name.\ngreeter/names.py: ")
    assert "greeter/names.py" not in files(played)
    all_is_kept(played)


def test_what_only_a_held_check_sees_after_the_merge_goes_back_to_impl_unseen(
    home: Path, env: dict[str, str]
) -> None:
    """Whisper counts modules, but not for the names of its tests and of its shown check."""
    counted = (
        'f"hello, {name.lower()}" + "." * (3 if name in ("Eve", "Bob") else '
        'len(list(__import__("pathlib").Path(__file__).parent.glob("*.py"))))'
    )
    played = play(
        home,
        env,
        {
            **APART,
            f"{WHISPER}/impl/1/1": code("3", "whisper", counted, skeleton=True),
            f"{WHISPER}/impl/2/1": module("whisper"),
        },
        sandbox="process",
    )
    assert played.done.passed, [one.reason for one in played.done.facts.milestones]
    found = played.told(f"{WHISPER}/impl/2/1", "findings")
    assert found.startswith("Merged into main, the product is red: ")
    assert "wrong output" in found
    assert "Lovelace" not in played.request(f"{WHISPER}/impl/2/1").prompt
    all_is_kept(played)


@pytest.mark.full
def test_an_attempt_that_is_not_the_best_is_kept_by_a_tag(home: Path, env: dict[str, str]) -> None:
    line = file("greeter/names.py", '"""Whose?"""')
    played = play(
        home,
        env,
        {
            **APART,
            f"{MVP}/impl/1/1": code("1", "greet") + line.replace("Whose?", "Main's."),
            f"{WHISPER}/impl/1/1": code("3", "whisper", skeleton=True) + line,
            **turns(f"{WHISPER}/impl/2", file("greeter/whisper.py", "broken")),
            **turns(f"{WHISPER}/impl/3", file("greeter/whisper.py", "broken still")),
        },
        max_retries=2,
        max_repairs=0,
        sandbox="process",
    )
    last = played.done.facts.milestones[-1]
    assert [one.passed for one in last.attempts] == [True, False, False]
    all_is_kept(played)
    kept = played.git("tag", "--list", "attempt/*", "-n", "--format=%(refname) %(subject)")
    name, subject = kept.split(" ", 1)
    assert name.startswith(f"refs/tags/attempt/{WHISPER}/")
    assert subject == f"impl: {WHISPER}, attempt 3"
    moves = ("reflog", "show", f"milestone/{WHISPER}", "--format=%H")
    refs, moved = played.git("for-each-ref"), played.git(*moves)
    played.run()
    assert (played.git("for-each-ref"), played.git(*moves)) == (refs, moved), "not even for a while"


@pytest.mark.full
def test_requirements_of_both_are_one_lock(home: Path, env: dict[str, str]) -> None:
    """Each side's lock file is a decision of its own, and so is that of both together."""
    uses = 'f"Hello, {name}!" if __import__("six") else ""'
    softly = 'f"hello, {name.lower()}..." if __import__("idna") else ""'
    played = play(
        home,
        env,
        {
            **APART,
            f"{MVP}/impl/1/1": code("1", "greet", uses) + file("requirements.txt", "six"),
            f"{WHISPER}/impl/1/1": code("3", "whisper", softly, skeleton=True)
            + file("requirements.txt", "idna"),
            f"{WHISPER}/impl/2/1": file("requirements.txt", "six\nidna"),
        },
        sandbox="process",
        allow_packages=("six", "idna"),
    )
    assert played.done.passed, [one.reason for one in played.done.facts.milestones]
    assert "<<<<<<< main\nsix\n=======\nidna\n" in played.told(f"{WHISPER}/impl/2/1", "code")
    assert played.git("show", "main:requirements.txt") == "six\nidna"
    assert len(list((played.folder / "ledger" / "decisions").glob("run+lock+*"))) == 3
    all_is_kept(played)
