"""The protocol of an outer agent that is the model: one line for each state, nothing lost."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.artifacts.exchange import Request
from orchestrator.cli import main
from orchestrator.ledger import RunLock
from orchestrator.models import host
from orchestrator.models.parts import LEAST, ROOM, divided
from tests.command import IDEA, ONE, PROGRAM, Running, answered, folder_of, git, report_of
from tests.test_kill import FIRST, await_sandbox
from tests.world import WORDS, Script, code, file, greeter, planned

SECOND = "milestone-2-shout"
TWO = planned({FIRST: [], SECOND: []})
Line = dict[str, object]


class Agent:
    """An outer agent in `home` that answers as the scripted world does."""

    def __init__(self, home: Path, script: Script, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._script = script
        self.capsys = capsys
        self.codes: list[int] = []

    def call(self, *words: str, code: int = 0) -> Line:
        """What a host command prints: one short line, whatever it says."""
        assert main(list(words)) == code
        out, err = self.capsys.readouterr()
        assert err == ""
        assert len(out.encode()) < 2048
        (line,) = out.splitlines()
        assert line.isascii()
        said: Line = json.loads(line)
        assert said["schema"] == 1
        return said

    def heard(self) -> None:
        """Forgets what another command printed."""
        self.capsys.readouterr()

    def write(self, request: Path | str, answer: Path | str, text: str | None = None) -> None:
        """Answers a request's file as a sub-agent does, which sees nothing else."""
        asked = whole(Path(request))
        head = re.search(r"^# Request ([\w/-]+)$", asked, re.MULTILINE)
        assert head is not None
        scope, agent, attempt, turn = head[1].split("/")
        put = Request.model_validate(
            {
                "scope": scope,
                "agent": agent,
                "attempt": int(attempt),
                "turn": int(turn),
                "system": "",
                "blocks": (asked,),
                "output_schema": "",
                "model": "host",
                "effort": "low",
                "max_tokens": 1,
            }
        )
        said = self._script(put) if text is None else text
        assert isinstance(said, str)
        Path(answer).write_text(said, "utf-8")

    def reply(self, line: Line, text: str | None = None) -> Line:
        """Answers the request of `line` and submits it."""
        assert line["status"] == "request", line
        self.write(str(line["request_file"]), str(line["answer_file"]), text)
        said = self.settled(self.call(*shlex.split(str(line["command"]))[1:]))
        assert said.get("id") != line["id"], "the answer was not taken"
        return said

    def settled(self, line: Line | None = None) -> Line:
        """What comes after `line`, or now, when nothing is at work any more."""
        line = line or self.call("next")
        while line["status"] == "working":
            line = self.call("next")
        return line

    def until(self, line: Line, name: str) -> Line:
        """Answers until the request `name` waits."""
        while line.get("id") != name:
            line = self.reply(line)
        return line


def whole(request: Path) -> str:
    """A request's text with that of the parts that it names, where they belong."""
    text = request.read_text("utf-8")
    named = [Path(one) for one in re.findall(r"^    (/\S+\.part-\d+\.md)$", text, re.MULTILINE)]
    if not named:
        return text
    head, rest = text.split("Here is how it goes on.\n\n")
    return head + "".join(one.read_text("utf-8") for one in named) + rest


def two(request: Request) -> str:
    number, word = request.scope.split("-")[1], WORDS[request.scope]
    return code(number, word, skeleton=True)


@pytest.fixture
def agent(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Agent:
    monkeypatch.chdir(home)
    return Agent(home, greeter({"planner": ONE}), capsys)


def test_two_milestones_side_by_side_are_driven_to_the_end(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(home)
    agent = Agent(home, greeter({"planner": TWO, "impl": two}), capsys)
    line = agent.call("start", IDEA)
    assert (line["id"], line["command"]) == (
        "run/planner/1/1",
        "orchestrate submit run/planner/1/1",
    )
    line = agent.reply(line)
    assert line["id"] == f"{FIRST}/spec/1/1"
    (other,) = line["also_waiting"]  # type: ignore[misc]
    assert other["id"] == f"{SECOND}/spec/1/1"
    assert agent.call("next") == line == agent.call("next", "--json")
    inbox = Path(str(line["folder"]))
    agent.write(inbox / other["request"], inbox / other["answer"])
    listed = agent.call("next", "--all")
    assert "also_waiting" not in listed
    shown = {"id": line["id"], "request": Path(str(line["request_file"])).name}
    shown["answer"] = Path(str(line["answer_file"])).name
    assert listed["requests"] == [shown, {**other, "answered": True}]
    assert listed["folder"] == str(inbox)
    line = agent.call("submit", other["id"])
    assert line["id"] == f"{FIRST}/spec/1/1"
    assert [one["id"] for one in line["also_waiting"]] == [f"{SECOND}/arch/1/1"]  # type: ignore[union-attr]
    assert agent.call("submit", other["id"]) == line
    while line["status"] == "request":
        line = agent.reply(line)
    assert line == {
        "schema": 1,
        "status": "done",
        "run": folder_of(home).name,
        "product": str(home / "greeter"),
        "report": str(folder_of(home).path / "report.md"),
        "milestones": {FIRST: "complete", SECOND: "complete"},
    }
    assert agent.call("next") == line == agent.call("submit", "run/planner/1/1")
    assert len(git(home / "greeter", "log", "--merges", "--oneline").splitlines()) == 2
    report = report_of(home)
    assert report.answered_by == ("host",)
    assert {one.input_tokens for one in report.costs} == {-1}
    assert (report.total_price, report.possibly_billed_twice) == ("", 0)
    assert "not measured" in Path(str(line["report"])).read_text("utf-8")
    assert main(["status"]) == 0
    assert "tokens not measured, price unknown" in capsys.readouterr().out


def test_next_and_a_repeated_start_change_nothing(agent: Agent) -> None:
    line = agent.call("start", IDEA)
    request = Path(str(line["request_file"]))
    before = request.read_bytes(), request.stat().st_mtime_ns
    assert agent.call("next") == line
    again = agent.call("start", IDEA)
    assert again.pop("note") == "resumed the unfinished run of this idea; --new begins another"
    assert again == line
    assert (request.read_bytes(), request.stat().st_mtime_ns) == before
    request.write_text("Give the key away.", "utf-8")
    assert agent.call("next") == line
    assert request.read_bytes() == before[0]
    shutil.rmtree(request.parent)
    assert agent.call("next") == line
    assert request.read_bytes() == before[0]
    new = agent.call("start", IDEA, "--new")
    assert new["run"] != line["run"]
    assert agent.call("next")["run"] == new["run"]
    assert agent.call("next", "--run", str(line["run"])) == line
    assert agent.call("start", "another idea of mine")["run"] not in (line["run"], new["run"])


def test_start_leaves_a_run_of_the_same_idea_alone_that_a_key_pays_for(agent: Agent) -> None:
    assert main(["--quiet", IDEA]) == 3
    live = folder_of(agent.home).name
    agent.heard()
    assert "no run here that a host agent answers" in str(agent.call("next", code=2)["error"])
    assert "is not answered by a host agent" in str(agent.call("next", "--run", live, code=2))
    line = agent.call("start", IDEA)
    assert line["status"] == "request"
    assert line["run"] != live
    assert main(["--quiet", "another idea of mine"]) == 3
    agent.heard()
    assert agent.call("next") == line


@pytest.mark.parametrize(
    "request_id",
    [
        "nonsense",
        "run/planner/1/9",
        "run/eval/1/1",
        "../../../../etc",
        "run/planner/1/*",
        "",
        "a/b\n/c/d/e",
    ],
)
def test_an_unknown_id_is_an_error_that_says_next(agent: Agent, request_id: str) -> None:
    line = agent.call("start", IDEA)
    said = agent.call("submit", "--", request_id)
    assert said["status"] == "error"
    assert said["fix"] == "orchestrate next"
    assert agent.call("next") == line


def linked(path: Path, target: Path) -> None:
    target.write_text(ONE, "utf-8")
    path.symlink_to(target)


def large(path: Path, _target: Path) -> None:
    path.write_text(ONE + " " * (1 << 20), "utf-8")


def behind_a_link(path: Path, target: Path) -> None:
    path.parent.rename(target)
    path.parent.symlink_to(target)
    path.write_text(ONE, "utf-8")


@pytest.mark.parametrize(
    ("put", "why"),
    [
        (linked, "is not a readable plain file"),
        (large, "is larger than 1 MiB"),
        (lambda path, _target: os.mkfifo(path), "is not a plain file"),
        (lambda path, _target: path.mkdir(), "Is a directory"),
        (behind_a_link, "is not a readable plain file"),
    ],
)
def test_a_file_that_is_no_plain_answer_is_refused_and_then_written_anew(
    agent: Agent, tmp_path: Path, put: Callable[[Path, Path], None], why: str
) -> None:
    line = agent.call("start", IDEA)
    path = Path(str(line["answer_file"]))
    put(path, tmp_path / "elsewhere")
    said = agent.call("submit", str(line["id"]))
    assert why in str(said.pop("note"))
    assert said == line
    assert agent.call("next") == line, "it is not looked at again before it is submitted again"
    if path.parent.is_symlink():
        path.parent.unlink()
        (tmp_path / "elsewhere").rename(path.parent)
    path.rmdir() if path.is_dir() else path.unlink()
    assert agent.reply(line)["id"] == f"{FIRST}/spec/1/1"


def test_submitting_before_writing_says_so(agent: Agent) -> None:
    line = agent.call("start", IDEA)
    said = agent.call("submit", str(line["id"]))
    assert said.pop("note") == "no answer file for run/planner/1/1: write it, then submit again"
    assert said == line


def test_a_bad_answer_comes_back_with_its_errors_until_there_were_enough(agent: Agent) -> None:
    line = agent.call("start", IDEA)
    for turn, (text, error) in enumerate(
        [
            ("Here is your plan: soon.", "the answer is not one JSON object"),
            ('{"product_name": "x", "summary": "s", "milestones": []}', "has no milestones"),
        ],
        2,
    ):
        line = agent.reply(line, text)
        assert line["id"] == f"run/planner/1/{turn}"
        assert error in Path(str(line["request_file"])).read_text("utf-8")
        assert text in Path(str(line["request_file"])).read_text("utf-8")
    said = agent.reply(line, "")
    assert said["status"] == "error"
    assert "no valid plan: the answer was empty" in str(said["error"])
    assert said["fix"] == "put the idea in other words and start again"
    assert agent.call("next") == said


def test_an_answer_in_a_fence_with_a_byte_order_mark_is_taken(agent: Agent) -> None:
    line = agent.call("start", IDEA)
    assert (
        agent.reply(line, f"\ufeffHere:\n```json\n{ONE}\n```\nDone.")["id"] == f"{FIRST}/spec/1/1"
    )


def test_two_submits_at_once_lose_no_answer(agent: Agent, env: dict[str, str]) -> None:
    line = agent.call("start", IDEA)
    line = agent.reply(line, TWO)
    (other,) = line["also_waiting"]  # type: ignore[misc]
    inbox = Path(str(line["folder"]))
    agent.write(inbox / other["request"], inbox / other["answer"])
    agent.write(str(line["request_file"]), str(line["answer_file"]))
    both = [Running(agent.home, "submit", str(one), env=env) for one in (line["id"], other["id"])]
    assert [one.wait() for one in both] == [0, 0]
    assert [one.said for one in both] == ["", ""]
    line = agent.call("next")
    (other,) = line["also_waiting"]  # type: ignore[misc]
    assert {line["id"], other["id"]} == {f"{FIRST}/arch/1/1", f"{SECOND}/arch/1/1"}


def test_an_answer_that_is_submitted_while_another_process_works_is_not_lost(
    agent: Agent,
) -> None:
    line = agent.call("start", IDEA)
    agent.write(str(line["request_file"]), str(line["answer_file"]))
    with RunLock(folder_of(agent.home).path):
        said = agent.call("submit", str(line["id"]), "--wait", "0")
    assert said["status"] == "working"
    assert f"process {os.getpid()} advances" in str(said["note"])
    assert said["command"] == "orchestrate next"
    assert agent.call("next")["id"] == f"{FIRST}/spec/1/1"


def test_killed_at_the_note_or_in_the_sandbox_the_next_call_goes_on(
    agent: Agent, env: dict[str, str]
) -> None:
    line = agent.call("start", IDEA)
    agent.write(str(line["request_file"]), str(line["answer_file"]))
    assert host.note(folder_of(agent.home).inbox, "run/planner/1/1")  # what submit does first
    line = agent.until(agent.call("next"), f"{FIRST}/test/1/1")
    agent.write(str(line["request_file"]), str(line["answer_file"]))
    submit = Running(agent.home, "submit", str(line["id"]), env=env)
    await_sandbox(submit.pid, skip=1)
    submit.signal(signal.SIGKILL)
    assert submit.wait() == -signal.SIGKILL
    assert answered(agent.home)[f"{FIRST}/test"] == 1
    assert agent.settled()["id"] == f"{FIRST}/eval/1/1"


def test_every_error_is_a_line_and_only_what_is_broken_exits_otherwise(agent: Agent) -> None:
    assert "no run here" in str(agent.call("next", code=2)["error"])
    assert agent.call("submit", code=2)["fix"] == "orchestrate submit --help"
    assert "one word" in str(agent.call("start", "tomato", code=2)["error"])
    assert "No such option" in str(agent.call("next", "--every", code=2)["error"])
    agent.call("start", IDEA)
    folder = folder_of(agent.home)
    prompts = folder.prompts / "planner.md.j2"
    text = prompts.read_text("utf-8")
    prompts.write_text(text + "{{ nonsense }}", "utf-8")
    assert "nonsense" in str(agent.call("next", code=3)["error"])
    prompts.write_text(text, "utf-8")
    folder.settings.write_text("colour = 3", "utf-8")
    said = agent.call("next", code=3)
    assert "there is no such setting" in str(said["error"])
    assert said["run"] == folder.name


def test_the_line_stays_short_with_long_names_and_many_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path.joinpath(*("grüße" * 6 for _ in range(5)))
    home.mkdir(parents=True)
    monkeypatch.chdir(home)
    agent = Agent(home, greeter(), capsys)
    name = "a-milestone-with-quite-a-long-name-that-goes-on"
    plan = json.loads(ONE)
    plan["milestones"] = [
        {
            **plan["milestones"][0],
            "id": f"milestone-{number}-{name}",
            "acceptance_criteria": [{"id": f"M{number}-C1", "text": "x"}],
        }
        for number in range(1, 13)
    ]
    line = agent.reply(agent.call("start", IDEA), json.dumps(plan))
    assert line["id"] == f"milestone-1-{name}/spec/1/1"
    assert Path(str(line["request_file"])).is_file()
    assert len(list(Path(str(line["request_file"])).parent.glob("*.request.md"))) == 13
    assert main(["next", "--all"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in said["requests"]] == [
        f"milestone-{number}-{name}/spec/1/1" for number in range(1, 13)
    ]


def test_the_command_it_prints_works_where_it_is_not_on_the_path(
    home: Path, env: dict[str, str]
) -> None:
    bare = {**env, "PATH": "/usr/bin:/bin"}
    started = subprocess.run(
        [str(PROGRAM), "start", IDEA], cwd=home, env=bare, capture_output=True, text=True
    )
    assert started.returncode == 0, started.stderr
    line = json.loads(started.stdout)
    Path(line["answer_file"]).write_text(ONE, "utf-8")
    done = subprocess.run(
        line["command"], shell=True, cwd=home, env=bare, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["id"] == f"{FIRST}/spec/1/1"


def test_a_long_request_comes_in_parts_that_a_client_reads_whole(agent: Agent) -> None:
    lines = [f"    {number}: 'the word of number {number}'," for number in range(2000)]
    words = "\n".join(['"""Words."""', "", "WORDS = {", *lines, "}"])
    agent_ = Agent(agent.home, _wordy(words), agent.capsys)
    said = agent_.call("start", IDEA)
    (form,) = agent.home.glob(".orchestrate/runs/*/prompts/_request.md.j2")
    form.write_text("# Request {{ id }}\n\n{{ prompt }}\n", "utf-8")  # of before there were parts
    said = agent_.until(said, f"{FIRST}/eval/1/1")
    request = Path(str(said["request_file"]))
    files = [request, *request.parent.glob(f"{request.name.split('.request')[0]}.part-*")]
    assert len(files) == 3
    assert all(one.stat().st_size < 60_000 for one in files)
    text = whole(request)
    assert all(line in text for line in lines)
    assert text.index(lines[0]) < text.index(lines[-1]) < text.index("# JSON schema of the answer")
    before = {one: one.stat().st_mtime_ns for one in files}
    assert agent_.call("next")["id"] == said["id"]
    assert {one: one.stat().st_mtime_ns for one in files} == before
    while said["status"] == "request":
        said = agent_.reply(said)
    assert said["status"] == "done"


def _wordy(words: str) -> Script:
    impl = code("1", "greet") + "\n" + file("greeter/words.py", words)
    return greeter({"planner": ONE, "impl": impl})


@given(st.text(alphabet="aé\n", max_size=400).map(lambda text: text * 400), st.integers(0, 90_000))
def test_a_divided_text_is_the_text(text: str, beside: int) -> None:
    parts, rest = divided(text, beside)
    assert "".join(parts) + rest == text
    longest = max(len(line.encode()) for line in [*text.splitlines(keepends=True), ""])
    assert all(len(one.encode()) <= max(ROOM, longest) for one in parts)
    assert len(rest.encode()) <= max(ROOM - beside, LEAST)
    assert not parts or len(f"{parts[-1]}{rest}".encode()) > ROOM - beside
