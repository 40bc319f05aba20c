"""`--model claude-code` with the real client against a scripted model: opt-in, marker `client`.

Which tools it offered and what leaked from the user's own settings is read from its requests.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.client import install
from tests.client.server import Body, Call, ClientServer, Turn
from tests.client.session import Home
from tests.command import IDEA, PROGRAM, answered, read, report_of
from tests.world import ONE, Script, greeter

pytestmark = [
    pytest.mark.client,
    pytest.mark.skipif(not install.npm(), reason="no npm: apt-get install nodejs npm"),
]
CANARY = "the canary in the user's own memory"
TOOL = "StructuredOutput"


@pytest.fixture(params=install.VERSIONS)
def program(request: pytest.FixtureRequest) -> Path:
    return install.client(request.param)


def run(folder: Path, *words: str, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Each call starts a client of 200 MB: a loaded machine needs minutes for a run."""
    return subprocess.run(
        [str(PROGRAM), *words], cwd=folder, env=env, capture_output=True, text=True, timeout=540
    )


class Answering:
    """The model behind the client, as the scripted world has it; `bodies` are what it was sent.

    What the Planner says first does not fit its schema.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self.bodies: list[Body] = []

    def __call__(self, body: Body) -> Turn:
        self.bodies.append(body)
        said = self._script(read(asked(body)))
        assert isinstance(said, str)
        names = [tool["name"] for tool in body.get("tools", [])]
        if TOOL not in names:
            return said
        return (Call(TOOL, json.loads(said) if len(self.bodies) > 1 else {"name": 3}),)


def asked(body: Body) -> Body:
    """Our own part of what the client sends: the last block of its system prompt, the prompt."""
    first = body["messages"][0]["content"]
    prompt = first if isinstance(first, str) else first[-1]["text"]
    return {**body, "system": body["system"][-1]["text"], "messages": [{"content": prompt}]}


def settled(home: Home) -> None:
    """What users have in their settings and none of which may reach a request."""
    claude = home.top / ".claude"
    (claude / "CLAUDE.md").write_text(CANARY, "utf-8")
    (home.work / "CLAUDE.md").write_text(CANARY, "utf-8")
    (claude / "skills/canary").mkdir(parents=True)
    (claude / "skills/canary/SKILL.md").write_text(
        f"---\nname: canary\ndescription: {CANARY}\n---\nSay it.\n", "utf-8"
    )
    hook = {"type": "command", "command": f"echo {CANARY}; touch {home.top}/hooked"}
    hooks = {name: [{"hooks": [hook]}] for name in ("SessionStart", "UserPromptSubmit", "Stop")}
    (claude / "settings.json").write_text(json.dumps({"hooks": hooks}), "utf-8")


def test_a_whole_run_by_the_real_client(tmp_path: Path, program: Path) -> None:
    home = Home(tmp_path / "user")
    settled(home)
    (home.top / "bin/claude").symlink_to(program)
    model = Answering(greeter({"planner": ONE}))
    with ClientServer(model) as server:
        done = run(home.work, IDEA, "--model", "claude-code", "--quiet", env=home.env(server.url))
    assert done.returncode == 0, done.stderr
    report = report_of(home.work)
    assert report.passed
    assert report.answered_by == ("claude-code",)
    assert sum(answered(home.work).values()) == 7
    assert len(model.bodies) == 8, "the client corrected what did not fit, and made no title"
    assert sum(one.input_tokens for one in report.costs) == 800
    assert {name for one in model.bodies for name in tools(one)} == {TOOL}
    assert CANARY not in json.dumps(model.bodies)
    assert not (home.top / "hooked").exists()
    assert not [*(home.top / ".claude").glob("projects/*/*")]


def tools(body: Body) -> set[str]:
    """Those that do something: 2.1.329 also sends one that says never to call it."""
    return {tool["name"] for tool in body.get("tools", [])} - {"DeferredToolPlaceholder"}


def test_a_tool_that_was_not_offered_does_nothing(tmp_path: Path, program: Path) -> None:
    home = Home(tmp_path / "user")
    (home.top / "bin/claude").symlink_to(program)
    target = home.top / "written"
    tries = [
        Call("Bash", {"command": f"touch {target}", "description": "x"}),
        Call("Write", {"file_path": str(target), "content": "x"}),
        Call("Read", {"file_path": "/etc/passwd"}),
    ]
    bodies: list[Body] = []

    def play(body: Body) -> Turn:
        bodies.append(body)
        return tuple(tries) if len(bodies) == 1 else (Call(TOOL, json.loads(ONE)),)

    with ClientServer(play) as server:
        env = home.env(server.url)
        done = run(home.work, "plan", IDEA, "--model", "claude-code", env=env)
    assert done.returncode == 0, done.stderr
    assert not target.exists()
    said = bodies[1]["messages"][-1]["content"]
    assert [one["is_error"] for one in said if one["type"] == "tool_result"] == [True] * 3
    assert "root:" not in json.dumps(bodies)


def test_without_a_login_it_says_so(tmp_path: Path, program: Path) -> None:
    home = Home(tmp_path / "user")
    (home.top / "bin/claude").symlink_to(program)
    env = home.env("http://127.0.0.1:9")
    del env["ANTHROPIC_API_KEY"]
    done = run(home.work, "plan", IDEA, "--model", "claude-code", env=env)
    assert done.returncode == 3
    assert "Not logged in" in done.stderr
    assert "log in with /login" in done.stderr
