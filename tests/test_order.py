"""Time chooses nothing: the same answers give the same main, whoever gives them and whenever."""

import asyncio
import json
import os
import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from orchestrator import recordings, run
from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.artifacts.report import lasting
from orchestrator.ledger import FileLedger
from tests.command import Running, facts_of, folder_of, git, report_of
from tests.world import AT, IDEA, PLAN, WORDS, answer, code, file, good, play, suite

MVP, SHOUT, WHISPER = WORDS
MOMENT = datetime.fromisoformat(AT)


def names(*words: str) -> str:
    listed = ", ".join(f'"{one}"' for one in words)
    return file("greeter/names.py", f'"""Every command."""\n\nNAMES = [{listed}]')


def dated(text: str, minutes: int) -> Answer:
    at = (MOMENT + timedelta(minutes=minutes)).isoformat(timespec="seconds")
    return answer(text, at=at)


def moment(request: Request) -> int:
    """Each answer has a time of its own, and later milestones have earlier ones."""
    turn = 100 * request.attempt + 10 * request.turn + len(request.agent)
    return turn + {MVP: 2000, SHOUT: 1500, WHISPER: 1000}.get(request.scope, 0)


def world(request: Request) -> Answer:
    """Two milestones side by side edit one line: one of them meets a conflict."""

    name, text = request.scope, good(request)
    if request.agent == "planner":
        text = json.dumps(PLAN)
    elif request.agent == "impl" and request.attempt == 1:
        number, word = name.split("-")[1], WORDS[name]
        text = code(number, word) + names(*(["greet"] if name == MVP else ["greet", word]))
    elif request.agent == "impl":
        text = names("greet", "shout", "whisper")
    elif request.agent == "test" and name != MVP:
        number, word = name.split("-")[1], WORDS[name]
        named = f"def test_{word}_is_named():\n    assert {word!r} in NAMES"
        test = f"from greeter.names import NAMES\n\n\n{named}"
        text = suite(number, word) + file(f"tests/integration/test_m{number}_named.py", test)
    return dated(text, moment(request))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's folder, answered by a model at --parallel 3."""
    home = tmp_path_factory.mktemp("recorded")
    env = dict(os.environ)
    every = {agent: world for agent in ("planner", "spec", "arch", "impl", "test", "eval")}
    played = play(home, env, every, parallel=3)
    assert played.done.passed, [one.reason for one in played.done.facts.milestones]
    causes = [one.cause for one in played.done.facts.milestones[2].attempts]
    assert causes == ["start", "conflict"]
    return played.folder


def main_of(home: Path) -> str:
    return git(home / "greeter", "rev-parse", "main")


@pytest.mark.parametrize(
    "parallel",
    [pytest.param(1, marks=pytest.mark.full), pytest.param(2, marks=pytest.mark.full), 8],
)
def test_a_recording_comes_to_one_main_however_many_run_at_once(
    recorded: Path, home: Path, env: dict[str, str], parallel: int
) -> None:
    begun = asyncio.run(recordings.begin(home, recorded, env, flags={"parallel": parallel}))
    report = asyncio.run(run.advance(begun, run.Outside(env=env)))
    assert main_of(home) == main_of(recorded.parents[2])
    assert lasting(report) == lasting(report_of(recorded.parents[2]))


@pytest.mark.full
def test_a_host_that_answers_in_any_order_through_separate_processes_comes_to_the_same_main(
    recorded: Path, home: Path, env: dict[str, str]
) -> None:
    given = {one.id: one.answer for one in FileLedger(recorded / "ledger").answers()}
    chosen = (recorded / "settings.toml").read_text("utf-8")
    (home / "orchestrate.toml").write_text(chosen[chosen.index("[limits]") :], "utf-8")
    dice = random.Random(4)
    line = called(home, env, "start", IDEA, "--parallel", "2")
    asked: list[str] = []
    while line["status"] == "request":
        waiting = [str(line["id"]), *(one["id"] for one in line.get("also_waiting", []))]
        chosen_now = dice.sample(waiting, dice.randint(1, len(waiting)))
        for name in chosen_now:
            written(home, name, given[name])
        submits = [Running(home, "submit", name, env=env) for name in chosen_now]
        assert [one.wait() for one in submits] == [0] * len(submits)
        asked += chosen_now
        line = called(home, env, "next")
    assert line["status"] == "done", line
    assert sorted(asked) == sorted(given)
    assert main_of(home) == main_of(recorded.parents[2])
    assert facts_of(home) == facts_of(recorded.parents[2])


def called(home: Path, env: dict[str, str], *words: str):
    running = Running(home, *words, env=env)
    assert running.wait() == 0, running.said
    return json.loads(running.stdout.read_text("utf-8"))


def written(home: Path, name: str, given: Answer) -> None:
    """The recorded answer, as a file of the time at which it was given."""
    (request,) = folder_of(home).inbox.glob(f"{name.replace('/', '.')}-*.request.md")
    kind = "md" if name.split("/")[1] in ("impl", "test") else "json"
    path = request.with_name(request.name.replace("request.md", f"answer.{kind}"))
    path.write_text(given.text, "utf-8")
    at = datetime.fromisoformat(given.at).timestamp()
    os.utime(path, (at, at))
