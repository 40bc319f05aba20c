"""A person commits on main while a run is at work: the run builds on it, now and in a replay."""

import asyncio
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import Orchestrator, recordings, run
from orchestrator.artifacts.exchange import Request
from orchestrator.artifacts.report import lasting
from orchestrator.errors import Changed, GaveUp
from orchestrator.events import Event, StageEnded
from orchestrator.mainline import Seen
from orchestrator.settings import Limits
from tests.merging.person import commits, person
from tests.merging.proof import all_is_kept
from tests.world import (
    IDEA,
    ONE,
    Override,
    Played,
    Scripted,
    begin,
    code,
    evaluation,
    file,
    git,
    greeter,
    planned,
    play,
    suite,
)

MVP, WHISPER = "milestone-1-mvp", "milestone-3-whisper"
NAMES = "greeter/names.py"


def meanwhile(act: Callable[[], object], text: str) -> Callable[[Request], str]:
    """The answer `text`, while `act` happens."""

    def answer(_: Request) -> str:
        act()
        return text

    return answer


def looks(played: Played, milestone: str) -> list[str]:
    """The commits that the milestone's looks at main found, "" where nobody had moved it."""
    found: list[str] = []
    while value := played.ledger.decision(f"{milestone}/main/{len(found) + 1}"):
        found.append(Seen.model_validate_json(value).commit)
    return found


def subjects(played: Played) -> list[str]:
    return played.git("log", "--first-parent", "--format=%s", "main").splitlines()


def the_same_elsewhere(played: Played, home: Path, env: dict[str, str]) -> None:
    """A replay comes to the same main by the same requests, and so does running again."""
    home.mkdir()
    events: list[Event] = []
    flags = {"parallel": 1, "sandbox": "process"}
    begun = asyncio.run(recordings.begin(home, played.folder, env, flags=flags))
    report = asyncio.run(run.advance(begun, run.Outside(env=env, sinks=(events.append,))))
    assert [one for one in events if one.kind == "warned"] == []
    main = played.git("rev-parse", "main")
    assert git(home / "greeter", "rev-parse", "main") == main
    assert git(home / "greeter", "status", "--porcelain") == ""
    assert lasting(report) == lasting(played.done)
    asked = len(played.ids)
    played.run()
    assert (played.git("rev-parse", "main"), len(played.ids)) == (main, asked)


def test_a_persons_commits_are_what_milestones_build_on(
    home: Path, env: dict[str, str], tmp_path: Path
) -> None:
    made: list[str] = []

    def once() -> None:
        made.append(commits(home / "greeter", "NOTES.md", "By hand.\n"))

    def twice() -> None:
        commits(home / "greeter", "logo.png", b"\0PNG")
        person(home / "greeter", "update-index", "--chmod=+x", "greeter/greet.py")
        person(home / "greeter", "commit", "-q", "-m", "may be run")
        made.append(person(home / "greeter", "rev-parse", "HEAD"))

    played = play(
        home,
        env,
        {
            "planner": planned({MVP: [], WHISPER: [MVP]}),
            f"{MVP}/eval/1/1": meanwhile(once, evaluation("1", "greet")),
            f"{WHISPER}/eval/1/1": meanwhile(twice, evaluation("3", "whisper")),
        },
        sandbox="process",
    )
    assert played.done.passed, [one.reason for one in played.done.facts.milestones]
    assert [looks(played, MVP), looks(played, WHISPER)] == [[made[0]], [made[1]]]
    first, second = f"{MVP}: Greet (4.00)", f"{WHISPER}: Whisper (4.00)"
    assert subjects(played) == [second, "may be run", "logo.png", first, "NOTES.md", "Begin"]
    listed = played.git("ls-tree", "-r", "main")
    assert {"NOTES.md", "logo.png", "greeter/whisper.py"} < {one[53:] for one in listed.split("\n")}
    assert any(line.startswith("100755") for line in listed.splitlines() if "greet.py" in line)
    assert "NOTES.md" in played.told(f"{WHISPER}/impl/1/1", "code")
    assert (home / "greeter" / "greeter" / "whisper.py").is_file()
    all_is_kept(played)
    the_same_elsewhere(played, tmp_path / "again", env)


@pytest.mark.full
def test_a_persons_edit_of_the_same_lines_goes_to_impl_while_another_arrives(
    home: Path, env: dict[str, str], tmp_path: Path
) -> None:
    product = home / "greeter"
    mine, hers = file(NAMES, '"""Run."""'), '"""Ann."""\n'
    played = play(
        home,
        env,
        {
            f"{MVP}/impl/1/1": code("1", "greet") + mine,
            f"{MVP}/test/1/1": meanwhile(
                lambda: commits(product, NAMES, hers), suite("1", "greet")
            ),
            f"{MVP}/impl/2/1": meanwhile(
                lambda: commits(product, "LATER.md", "later\n"), file(NAMES, '"""Ann and run."""')
            ),
        },
        sandbox="process",
    )
    assert played.done.passed
    assert "<<<<<<< main\n" + hers + '=======\n"""Run."""\n' in played.told(
        f"{MVP}/impl/2/1", "code"
    )
    assert subjects(played) == [f"{MVP}: Greet (4.00)", "LATER.md", NAMES, "Begin"]
    assert played.git("show", f"main:{NAMES}") == '"""Ann and run."""'
    assert len(looks(played, MVP)) == 2
    all_is_kept(played)
    the_same_elsewhere(played, tmp_path / "again", env)


def stopped(played: Played) -> None:
    with pytest.raises(GaveUp):
        played.run()


def once_down() -> Callable[[str], Override]:
    """A provider that fails once."""
    down = [True]

    def answering(text: str) -> Override:
        def answer(_: Request) -> str:
            if down:
                down.clear()
                raise GaveUp("overloaded", "later")
            return text

        return answer

    return answering


@pytest.mark.full
def test_a_commit_between_two_runs_changes_no_request_that_was_made_before(
    home: Path, env: dict[str, str], tmp_path: Path
) -> None:
    """Impl was shown a conflict with main as it was: that look at main stands."""
    played = begin(
        home,
        env,
        {
            "planner": planned({MVP: [], WHISPER: []}),
            f"{MVP}/impl/1/1": code("1", "greet") + file(NAMES, "GREET = 1"),
            f"{WHISPER}/impl/1/1": code("3", "whisper", skeleton=True) + file(NAMES, "WHISPER = 1"),
            f"{WHISPER}/impl/2/1": file(NAMES, "GREET = WHISPER = 1"),
            f"{WHISPER}/eval/2/1": once_down()(evaluation("3", "whisper")),
        },
        sandbox="process",
    )
    stopped(played)
    assert looks(played, WHISPER) == [""]
    made = commits(home / "greeter", "NOTES.md", "By hand.\n")
    asked = len(played.ids)
    played.run()
    assert played.done.passed
    assert played.ids[asked:] == [f"{WHISPER}/eval/2/1", "run/reporter/1/1"]
    assert looks(played, WHISPER) == ["", made]
    all_is_kept(played)
    the_same_elsewhere(played, tmp_path / "again", env)


@pytest.mark.full
def test_a_main_that_was_rewritten_is_mended_by_the_command_that_is_named(
    home: Path, env: dict[str, str]
) -> None:
    product = home / "greeter"
    played = begin(
        home,
        env,
        {
            "planner": planned({MVP: [], WHISPER: [MVP]}),
            f"{WHISPER}/eval/1/1": once_down()(evaluation("3", "whisper")),
        },
        sandbox="process",
    )
    stopped(played)
    landed = person(product, "rev-parse", "main")
    commits(product, "NOTES.md", "By hand.\n")
    person(product, "commit", "-q", "--amend", "-m", "hers")
    person(product, "reset", "-q", "--hard", "HEAD~2")
    commits(product, "OTHER.md", "By hand.\n")
    with pytest.raises(Changed) as caught:
        played.run()
    command, _, then = caught.value.remedy.partition(", then: ")
    assert command.endswith(f"merge {landed}")
    assert then == "orchestrate resume"
    assert f"does not contain {landed[:12]} any more" in caught.value.message
    for one in command.split(" && "):
        _, _, folder, *words = shlex.split(one)
        person(Path(folder), *words)
    played.run()
    assert played.done.passed
    assert {"OTHER.md", "greeter/greet.py"} < set(
        played.git("ls-tree", "-r", "--name-only", "main").splitlines()
    )


@pytest.mark.full
def test_main_that_moves_while_a_merge_is_verified_is_merged_anew(
    home: Path, env: dict[str, str], tmp_path: Path
) -> None:
    product = home / "greeter"
    model = Scripted(
        greeter(
            {
                "planner": ONE,
                f"{MVP}/eval/1/1": meanwhile(
                    lambda: commits(product, "ONE.md", "1\n"), evaluation("1", "greet")
                ),
            }
        )
    )
    left = ["TWO.md", "THREE.md"]

    def act(event: Event) -> None:
        if isinstance(event, StageEnded) and event.result.startswith("merged into") and left:
            name = left.pop(0)
            commits(product, name, f"{name}\n")

    limits = Limits(mutants=0)
    made = Orchestrator(
        IDEA, folder=home, env=env, model=model, sinks=(act,), limits=limits, sandbox="process"
    )
    played = Played(made, model, [], home).run()
    title = f"{MVP}: Greet (4.00)"
    assert subjects(played) == [title, "THREE.md", "TWO.md", "ONE.md", "Begin"]
    assert len(looks(played, MVP)) == 3
    all_is_kept(played, title, title)
    the_same_elsewhere(played, tmp_path / "again", env)


@pytest.mark.full
def test_a_milestone_that_a_person_merged_is_still_recorded_as_merged(
    home: Path, env: dict[str, str], tmp_path: Path
) -> None:
    product = home / "greeter"

    def by_hand() -> None:
        person(product, "merge", "-q", "--no-ff", "-m", "by hand", f"milestone/{MVP}")

    played = play(
        home,
        env,
        {f"{MVP}/eval/1/1": meanwhile(by_hand, evaluation("1", "greet"))},
        sandbox="process",
    )
    assert played.done.passed
    assert subjects(played) == [f"{MVP}: Greet (4.00)", "by hand", "Begin"]
    all_is_kept(played, f"{MVP}: Greet (4.00)")
    the_same_elsewhere(played, tmp_path / "again", env)
