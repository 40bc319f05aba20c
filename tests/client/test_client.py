"""The real client, headless, plays the skill against a scripted model: opt-in, marker `client`."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.artifacts.exchange import Answer, Request
from tests.client import install
from tests.client.player import GO_ON, Player
from tests.client.server import Body, ClientServer, Turn
from tests.client.session import ROOT, SKILL, Home, Session
from tests.command import answered, git, report_of
from tests.world import IDEA, WORDS, code, greeter, planned

pytestmark = [
    pytest.mark.client,
    pytest.mark.skipif(not install.npm(), reason="no npm: apt-get install nodejs npm"),
]
FIRST, SECOND = "milestone-1-mvp", "milestone-2-shout"
TWO = planned({FIRST: [], SECOND: []})
PLANNER = "run/planner/1/1"
BUILD = f"Build me {IDEA}. Nothing else is needed."


def impl(request: Request) -> str:
    return code(request.scope.split("-")[1], WORDS[request.scope], skeleton=True)


def script(request: Request) -> str | Answer:
    """The first answer to the Planner is none."""
    if request.id == PLANNER:
        return "Here is your plan: soon."
    return greeter({"planner": TWO, "impl": impl})(request)


def slow(request: Request) -> str | Answer:
    """As `script`, with one unit test that takes its time."""
    said = script(request)
    if request.id != f"{FIRST}/test/1/1":
        return said
    assert isinstance(said, str)
    head = "def test_line_of_greet():\n"
    assert head in said
    return said.replace(head, f"{head}    __import__('time').sleep(6)\n")


@pytest.fixture(params=install.VERSIONS)
def program(request: pytest.FixtureRequest) -> Path:
    return install.client(request.param)


@pytest.fixture
def player(request: pytest.FixtureRequest) -> Iterator[Player]:
    """What was seen goes to the file CLIENT_LOG, if that is set, but for the sub-agents' calls."""
    made = Player(script, IDEA)
    yield made
    if log := os.environ.get("CLIENT_LOG"):
        with Path(log).open("a", encoding="utf-8") as file:
            seen = [one for one in made.seen if " main " in one or " says " in one]
            print(f"\n== {request.node.name}", *seen, sep="\n", file=file)


def finished(home: Home, said: tuple[int, str, str]) -> None:
    """A report on two merged milestones, that one process after the other has answered by files."""
    done = f"FINISHED done: {FIRST} complete, {SECOND} complete; product {home.work / 'greeter'}"
    assert said == (0, done, "")
    assert len(git(home.work / "greeter", "log", "--merges", "--oneline").splitlines()) == 2
    report = report_of(home.work)
    assert report.passed
    assert report.answered_by == ("host",)
    took = answered(home.work)
    assert took.pop("run/planner") == 2, "one was rejected"
    assert set(took.values()) == {1}


def test_the_client_takes_an_idea_to_a_report(
    tmp_path: Path, program: Path, player: Player
) -> None:
    home = Home(tmp_path / "user")
    home.clone()
    with ClientServer(player) as server:
        said = Session(program, home, BUILD, url=server.url).wait()
    print(*player.seen, sep="\n")
    finished(home, said)
    assert not [one for one in player.seen if "<-" in one and ": ERROR" in one]
    assert max(player.launched.values()) == 1
    assert player.launched[PLANNER] == player.launched["run/planner/1/2"] == 1


def kill_at(player: Player, who: str, last: str, kill: Callable[[], None]) -> None:
    """Kills when `who` is about to take the turn that holds `last`, once."""
    done = False

    def on_turn(speaker: str, turn: Turn) -> None:
        nonlocal done
        if not done and speaker == who and last in str(turn):
            done = True
            kill()

    player.on_turn = on_turn


def written(home: Home) -> set[str]:
    """The requests whose answer lies in the inbox."""
    files = home.work.glob(".orchestrate/inbox/*/*.answer.*")
    return {path.name.rpartition("-")[0].replace(".", "/") for path in files}


def verifying(home: Home) -> None:
    """Returns when the first suite is about to be run; there is no event to wait for."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for journal in home.work.glob(".orchestrate/runs/*/journal.jsonl"):
            if '"agent":"test"' in journal.read_text("utf-8").replace(" ", ""):
                return
        time.sleep(0.01)
    raise AssertionError("nothing was verified")


@pytest.mark.parametrize(
    ("who", "last"),
    [
        ("run/planner/1/2", "Write"),
        (f"{SECOND}/spec/1/1", "WROTE"),
        ("main", f"submit {FIRST}/arch/1/1"),
        ("main", f"submit {FIRST}/test/1/1"),
    ],
    ids=["before it is written", "before it is submitted", "at the command", "while tests run"],
)
def test_a_client_that_is_killed_and_started_again_asks_nothing_twice(
    tmp_path: Path, program: Path, player: Player, who: str, last: str
) -> None:
    home = Home(tmp_path / "user")
    home.clone()
    with ClientServer(player) as server:
        first = Session(program, home, BUILD, url=server.url)
        if "/test/" in last:
            verifying(home)
            first.kill()
        else:
            kill_at(player, who, last, first.kill)
        assert first.wait() == (-signal.SIGKILL, "", "")
        had, before = written(home), player.launched.copy()
        player.seen.append("   ... main is killed, and started again")
        said = Session(program, home, GO_ON, url=server.url).wait()
    print(*player.seen, sep="\n")
    finished(home, said)
    again = player.launched - before
    assert had
    assert not had & set(again)
    assert (who in again) == (last == "Write")


def test_tests_that_outlast_three_command_limits_are_waited_for(
    tmp_path: Path, program: Path, player: Player
) -> None:
    """A limit of 5 seconds stands for one of 120."""
    home = Home(tmp_path / "user")
    home.clone()
    player.script = slow
    with ClientServer(player) as server:
        said = Session(program, home, BUILD, url=server.url, limit=5).wait()
    print(*player.seen, sep="\n")
    finished(home, said)
    assert max(player.launched.values()) == 1
    assert sum("orchestrate next" in one for one in player.seen) >= 3


def test_what_only_the_user_may_say_is_asked_of_the_user(
    tmp_path: Path, program: Path, player: Player
) -> None:
    home = Home(tmp_path / "user")
    home.clone()
    player.options = " --approve plan"
    with ClientServer(player) as server:
        code, out, err = Session(program, home, BUILD, url=server.url).wait()
        assert (code, err) == (0, "")
        assert out.startswith("NEEDS USER: ")
        assert "plan" in out
        home.run("uvx", "--from", str(home.skill), "orchestrate", "approve")
        said = Session(program, home, GO_ON, url=server.url).wait()
    print(*player.seen, sep="\n")
    finished(home, said)
    assert max(player.launched.values()) == 1


def first_request(player: Player) -> Callable[[Body], Turn]:
    """Plays until the first request has come."""

    def play(body: Body) -> Turn:
        turn = player(body)
        agent = not isinstance(turn, str) and turn[0].tool in ("Agent", "Task")
        return "ASKED" if agent else turn

    return play


def test_as_a_plugin_it_comes_to_its_first_request(
    tmp_path: Path, program: Path, player: Player
) -> None:
    home = Home(tmp_path / "user")
    home.clone(home.top / "clone")
    for words in (("marketplace", "add", str(home.skill)), ("install", f"{SKILL}@{SKILL}")):
        home.run(str(program), "plugin", *words)
    with ClientServer(first_request(player)) as server:
        assert Session(program, home, BUILD, url=server.url).wait() == (0, "ASKED", "")


def test_added_by_npx_skills_it_comes_to_its_first_request(
    tmp_path: Path, program: Path, player: Player
) -> None:
    home = Home(tmp_path / "user")
    home.run(str(install.command("skills")), "add", str(ROOT), "-a", "claude-code", "-g", "-y")
    with ClientServer(first_request(player)) as server:
        assert Session(program, home, BUILD, url=server.url).wait() == (0, "ASKED", "")


def test_without_the_rules_nothing_runs(tmp_path: Path, program: Path, player: Player) -> None:
    home = Home(tmp_path / "user", allowed=[])
    home.clone()
    with ClientServer(player) as server:
        code, out, _ = Session(program, home, BUILD, url=server.url).wait()
    assert (code, out) == (0, "STUCK: This command requires approval")
    assert not (home.work / ".orchestrate").exists()


@pytest.mark.parametrize("manifest", [".", ".claude-plugin/plugin.json"])
def test_the_client_finds_both_manifests_valid(
    tmp_path: Path, program: Path, manifest: str
) -> None:
    home = Home(tmp_path / "user")
    home.clone()
    home.run(str(program), "plugin", "validate", "--strict", str(home.skill / manifest))


def test_installed_by_uv_the_command_asks_for_itself(tmp_path: Path) -> None:
    home = Home(tmp_path / "user")
    home.clone(home.top / "clone")
    home.run("uv", "tool", "install", "-q", str(home.skill))
    program = home.top / ".local/bin/orchestrate"
    assert '"command":"' in home.run(str(program), "start", IDEA)
    assert home.run("git", "-C", str(home.skill), "status", "--short", "--ignored") == ""
