"""A person's say while a run goes on: approve, steer, cancel, retry; each taken once, none lost."""

import json
import os
import pty
import signal
import threading
from pathlib import Path

import pytest

from orchestrator import people
from orchestrator.artifacts.exchange import Request
from orchestrator.errors import AwaitingPerson
from orchestrator.events import Heard
from tests.command import (
    IDEA,
    PROGRAM,
    Provider,
    Running,
    events_of,
    folder_of,
    git,
    material,
    report_of,
    run,
)
from tests.test_cli import refused
from tests.test_resume import once
from tests.world import ONE, Played, begin, code, evaluation, greeter, planned

FIRST, SHOUT, WHISPER = "milestone-1-mvp", "milestone-2-shout", "milestone-3-whisper"
WORDS = "use metric units everywhere"
CLOSING = "The person who ordered the product has said this since"


def say(home: Path, *words: str, env: dict[str, str]) -> str:
    done = run(home, *words, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def spoken(provider: Provider) -> list[str]:
    """The places whose requests end with a person's words."""
    bodies = [json.dumps(one.body) for one in provider.server.requests]
    return [place for place, body in zip(provider.asked, bodies, strict=True) if WORDS in body]


def test_a_plan_waits_for_approval_and_is_planned_again_as_a_person_wants_it(
    home: Path, env: dict[str, str]
) -> None:
    two = planned({FIRST: [], SHOUT: [FIRST]})

    def plan(request: Request) -> str:
        return ONE if material(request.prompt, "previous_plan") else two

    with Provider(greeter({"planner": plan})) as provider:
        env = provider.env(env)
        first = Running(home, IDEA, "--approve", "plan", env=env)
        assert first.wait() == 5
        said = refused("".join(first.lines[-2:]))
        assert "the plan waits for your approval" in said
        assert "orchestrate approve plan" in said
        assert "the plan waits for your approval" in say(home, "status", env=env)
        say(home, "steer", "only greet, nothing else", env=env)
        again = Running(home, "resume", env=env)
        assert again.wait() == 5, "the new plan waits, too"
        assert provider.asked == ["run/planner", "run/planner"]
        prompt = json.dumps(provider.server.requests[1].body)
        assert "only greet, nothing else" in prompt
        assert SHOUT in prompt, "the earlier plan is shown"
        assert ": approve plan; it is taken" in say(home, "approve", env=env)
        done = Running(home, "resume", env=env)
        assert done.wait() == 0, done.said
        assert provider.twice == 0
    assert [one.id for one in report_of(home).facts.milestones] == [FIRST]


@pytest.mark.full
def test_a_milestone_waits_before_it_lands_and_words_make_another_attempt(
    home: Path, env: dict[str, str]
) -> None:
    with Provider(greeter({"planner": ONE, "impl": impl})) as provider:
        env = provider.env(env)
        assert Running(home, IDEA, "--approve", "milestone", env=env).wait() == 5
        product = home / "greeter"
        assert git(product, "log", "--format=%s", "main") == "Begin"
        shown = say(home, "status", env=env)
        assert f"{FIRST}                  waits for your approval" in shown
        say(home, "steer", FIRST, WORDS, env=env)
        assert Running(home, "resume", env=env).wait() == 5, "the new attempt waits, too"
        places = [f"{FIRST}/{one}" for one in ("spec", "arch", "impl", "eval")]
        assert spoken(provider)[: len(places)] == places
        say(home, "approve", FIRST, env=env)
        done = Running(home, "resume", env=env)
        assert done.wait() == 0, done.said
        assert provider.twice == 0
    (milestone,) = report_of(home).facts.milestones
    assert [(one.cause, one.entry) for one in milestone.attempts] == [
        ("start", "spec"),
        ("person", "spec"),
    ]


@pytest.mark.full
def test_approval_that_comes_while_another_milestone_works_is_taken_in_the_same_process(
    home: Path, env: dict[str, str]
) -> None:
    """The second milestone's Eval is held until the first one's approval is dropped."""
    plan = planned({FIRST: [], WHISPER: []})

    def skeleton(request: Request) -> str:
        word = "whisper" if request.scope == WHISPER else "greet"
        return code(request.scope.split("-")[1], word, skeleton=True)

    with Provider(greeter({"planner": plan, "impl": skeleton})) as provider:
        env = provider.env(env)
        waits = threading.Event()

        def heard(line: str) -> None:
            if f"{FIRST} waits for approval" in line:
                waits.set()

        def approve() -> None:
            assert waits.wait(60)
            people.drop(folder_of(home).said, people.word("approve", FIRST))

        once(provider, f"{WHISPER}/eval", approve)
        first = Running(home, IDEA, "--approve", "milestone", env=env, on_line=heard)
        assert first.wait() == 5
        assert f"{WHISPER} waits for your approval" in first.lines[-2]
        assert f"MERGED {FIRST}" in first.said
        say(home, "approve", env=env)
        assert Running(home, "resume", env=env).wait() == 0
        assert provider.twice == 0


@pytest.mark.parametrize("target", [(), pytest.param((FIRST,), marks=pytest.mark.full)])
def test_words_reach_a_running_milestone_at_its_next_stage(
    home: Path, env: dict[str, str], target: tuple[str, ...]
) -> None:
    with Provider() as provider:
        env = provider.env(env)
        once(provider, f"{FIRST}/arch", lambda: say(home, "steer", *target, WORDS, env=env))
        running = Running(home, IDEA, env=env)
        assert running.wait() == 0, running.said
        assert spoken(provider) == [f"{FIRST}/{one}" for one in ("impl", "test", "eval")]
        closing = json.dumps(provider.server.requests[-2].body)
        assert CLOSING in closing
        assert f"heard  {FIRST} steer  {WORDS}" in running.said
        replayed = home.with_name("replayed")
        replayed.mkdir()
        again = Running(replayed, "--replay", str(folder_of(home).path), env=env)
        assert again.wait() == 0, again.said
    assert "differs" not in again.said
    assert git(home / "greeter", "rev-parse", "main") == git(
        replayed / "greeter", "rev-parse", "main"
    )


@pytest.mark.full
def test_words_dropped_while_nothing_runs_are_taken_by_the_first_new_request(
    home: Path, env: dict[str, str]
) -> None:
    with Provider() as provider:
        env = provider.env(env)
        assert Running(home, IDEA, "--max-calls", "3", env=env).wait() == 4
        say(home, "steer", WORDS, env=env)
        say(home, "steer", FIRST, "and be brief", env=env)
        done = Running(home, "resume", "--max-calls", "99", env=env)
        assert done.wait() == 0, done.said
        assert spoken(provider) == [f"{FIRST}/{one}" for one in ("impl", "test", "eval")]
        assert (
            "- and be brief"
            in json.loads(json.dumps(provider.server.requests[3].body))["messages"][0]["content"][
                -1
            ]["text"]
        )
        assert provider.twice == 0


@pytest.mark.full
def test_killed_between_a_drop_and_its_decision_the_words_are_taken_once(
    home: Path, env: dict[str, str]
) -> None:
    with Provider() as provider:
        env = provider.env(env)
        running: list[Running] = []

        def dropped() -> None:
            say(home, "steer", WORDS, env=env)
            running[0].signal(signal.SIGKILL)

        once(provider, f"{FIRST}/impl", dropped)
        running.append(Running(home, IDEA, env=env))
        assert running[0].wait() == -signal.SIGKILL
        assert list((folder_of(home).ledger / "decisions").glob("*steer*")) == []
        once(provider, f"{FIRST}/test", lambda: running[-1].signal(signal.SIGKILL))
        running.append(Running(home, "resume", env=env))
        assert running[-1].wait() == -signal.SIGKILL
        done = Running(home, "resume", env=env)
        assert done.wait() == 0, done.said
    said = json.dumps(provider.server.requests[-2].body)
    assert said.count(WORDS) == 1
    assert len(list((folder_of(home).ledger / "decisions").glob("*steer*"))) == 1


def test_a_cancelled_run_ends_at_the_next_stage_with_a_report(
    home: Path, env: dict[str, str]
) -> None:
    with Provider() as provider:
        env = provider.env(env)
        once(provider, f"{FIRST}/impl", lambda: say(home, "cancel", env=env))
        running = Running(home, IDEA, env=env)
        assert running.wait() == 1, running.said
        assert provider.asked[-2:] == [f"{FIRST}/impl", "run/reporter"]
        (milestone,) = report_of(home).facts.milestones
        assert (milestone.status, milestone.reason) == ("cancelled", "a person cancelled it")
        kept = git(home / "greeter", "rev-parse", f"milestone/{FIRST}")
        assert milestone.commit == kept
        again = Running(home, "resume", env=env)
        assert again.wait() == 1
        assert len(provider.asked) == 5, "a cancelled milestone stays so"
        retried = Running(home, "retry", FIRST, env=env)
        assert retried.wait() == 0, retried.said
        assert provider.twice == 0
    (milestone,) = report_of(home).facts.milestones
    assert milestone.status == "complete"


def low(request: Request) -> str:
    """Turns every attempt down until a person has spoken."""
    good = CLOSING in request.prompt
    return evaluation("1", "greet", 4 if good else 2)


def test_retry_goes_on_from_the_best_attempt_and_frees_what_it_blocked(
    home: Path, env: dict[str, str]
) -> None:
    played = begin(
        home,
        env,
        {
            "planner": planned({FIRST: [], SHOUT: [FIRST]}),
            f"{FIRST}/impl/1/1": code("1", "greet"),
            f"{FIRST}/impl/2/1": code("1", "greet", '"Hello, " + name + "!"'),
            f"{FIRST}/eval/1/1": evaluation("1", "greet", 3),
            f"{FIRST}/eval/2/1": evaluation("1", "greet", 2).replace("greet.py:1:", "greet.py:6:"),
            f"{FIRST}/impl/3/1": code("1", "greet", '"Hello, " + str(name) + "!"'),
        },
        max_retries=2,
    ).run()
    failed, blocked = played.done.facts.milestones
    assert (failed.status, blocked.status) == ("failed_after_retries", "blocked")
    folder = played.orchestrator.folder
    assert folder is not None
    done = Running(home, "retry", SHOUT, env=env)
    assert done.wait() == 2
    assert f"{SHOUT} has not failed: blocked" in refused(done.said)
    again = retried(played, env, FIRST)
    first, second = again.facts.milestones
    assert (first.status, second.status) == ("complete", "complete")
    assert [one.cause for one in first.attempts] == ["start", "retry", "person"]
    shown = played.told(f"{FIRST}/impl/3/1", "code")
    assert 'f"Hello, {name}!"' in shown, "the best attempt was the first"
    assert "Attempt 1 was turned down" in played.told(f"{FIRST}/impl/3/1", "findings")
    assert played.git("log", "--first-parent", "--format=%s", "main").splitlines()[:2] == [
        f"{SHOUT}: Shout (4.00)",
        f"{FIRST}: Greet (4.00)",
    ]
    assert "run/reporter/2/1" in played.ids
    assert retried(played, env, None) == again, "walking again changes nothing"


def retried(played: Played, env: dict[str, str], milestone: str | None):
    import asyncio

    from orchestrator import run as runs

    assert played.orchestrator.folder is not None
    wish = people.Anew(milestone=milestone, words=()) if milestone else None
    outside = runs.Outside(env=env, model=played.model, anew=wish)
    report = asyncio.run(runs.advance(played.orchestrator.folder, outside))
    return report.model_copy(update={"finished": ""})


def test_retry_over_a_process_takes_a_persons_words_from_spec_on(
    home: Path, env: dict[str, str]
) -> None:
    with Provider(greeter({"planner": ONE, "eval": low, "impl": impl})) as provider:
        env = provider.env(env)
        first = Running(home, IDEA, "--max-retries", "1", env=env)
        assert first.wait() == 1
        again = Running(home, "retry", FIRST, "--steer", WORDS, env=env)
        assert again.wait() == 0, again.said
        assert provider.twice == 0
        asked = [f"{FIRST}/{one}" for one in ("spec", "arch", "impl", "eval")]
        assert spoken(provider) == asked
    assert Heard(scope=FIRST, what="retry", text=WORDS).model_dump() == {
        name: value
        for name, value in next(one for one in events_of(home) if one["event"] == "heard").items()
        if name in ("scope", "what", "text")
    } | {"kind": "heard"}


def impl(request: Request) -> str:
    again = material(request.prompt, "findings")
    return code("1", "greet", '"Hello, " + name + "!"' if again else "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("approve",), "nothing waits for approval"),
        (("steer", "milestone-9-x", "faster"), "no milestone 'milestone-9-x'"),
        (("steer",), "there is nothing said"),
        (("steer", FIRST), "there is nothing said"),
        (("steer", "plan", "smaller please"), "the plan does not wait for approval"),
        (("steer", FIRST, WORDS), f"{FIRST} has ended: complete"),
        (("steer", WORDS), "every milestone of"),
        (("cancel",), "every milestone of"),
        (("cancel", "milestone-9-x"), "no milestone 'milestone-9-x'"),
        (("retry", FIRST), f"{FIRST} has not failed: complete"),
        (("retry", "milestone-9-x"), "no milestone 'milestone-9-x'"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    ended: Path, env: dict[str, str], words: tuple[str, ...], said: str
) -> None:
    before = sorted(ended.rglob("*"))
    done = run(ended, *words, env=env)
    assert done.returncode == 2
    assert said in refused(done.stderr)
    assert sorted(ended.rglob("*")) == before


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a complete run."""
    home = tmp_path_factory.mktemp("ended") / "home"
    home.mkdir()
    with Provider() as provider:
        assert Running(home, IDEA, env=provider.env(dict(os.environ))).wait() == 0
    return home


def at_a_terminal(home: Path, env: dict[str, str], typed: bytes) -> tuple[int, str]:
    """The run of IDEA at a terminal whose person types `typed` when asked; its exit code and
    everything shown.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(home)
        os.execve(str(PROGRAM), [str(PROGRAM), IDEA], {**env, "TERM": "xterm", "COLUMNS": "200"})
    shown, asked = b"", False
    while True:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
        if b"what to change:" in shown and not asked:
            asked = True
            os.write(terminal, typed)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), shown.decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("typed", "code"), [(b"yes\n", 0), pytest.param(b"no\n", 5, marks=pytest.mark.full)]
)
def test_a_person_at_the_terminal_is_asked_before_anything_is_built(
    home: Path, env: dict[str, str], typed: bytes, code: int
) -> None:
    with Provider() as provider:
        ended, shown = at_a_terminal(home, provider.env(env), typed)
        assert ended == code, shown
        assert shown.index("quote") < shown.index("`greet NAME` prints") < shown.index("Type yes")
        assert ("milestone-1-mvp/spec" in provider.asked) == (code == 0)


def test_words_of_others_than_a_person_are_no_words(home: Path, env: dict[str, str]) -> None:
    """What is no word is passed over."""
    played = begin(home, env, approve=("plan",))
    with pytest.raises(AwaitingPerson):
        played.run()
    assert played.orchestrator.folder is not None
    folder = played.orchestrator.folder.said
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "20260101-000000-a.word.json").write_text("{", "utf-8")
    (folder / "20260101-000001-a.word.json").write_bytes(b"\xff" * 100_000)
    (folder / "20260101-000002-a.word.json").symlink_to("/etc/passwd")
    os.mkfifo(folder / "20260101-000003-a.word.json")
    (folder / "20260101-000004-a.word.json").mkdir()
    with pytest.raises(AwaitingPerson):
        played.run()
    people.drop(folder, people.word("approve", people.PLAN))
    assert played.run().done.passed


def test_an_approval_that_an_agent_writes_into_its_inbox_is_none(
    home: Path, env: dict[str, str]
) -> None:
    """What a client may write by its permission rules must not speak for the person."""
    played = begin(home, env, approve=("plan",))
    with pytest.raises(AwaitingPerson):
        played.run()
    assert played.orchestrator.folder is not None
    people.drop(played.orchestrator.folder.inbox, people.word("approve", people.PLAN))
    with pytest.raises(AwaitingPerson):
        played.run()
