"""`--model claude-code`: the person's own client as the model, here a program that plays it."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.artifacts.exchange import UNMEASURED, Answer, Usage
from orchestrator.ledger import FileLedger
from tests.command import IDEA, Running, answered, folder_of, report_of
from tests.fakeclient import Call, FakeClient, Says, failed, in_turn, playing, result
from tests.world import ONE, greeter

PLAN = ("plan", IDEA, "--model", "claude-code")
GOOD = result("ignored", structured_output=json.loads(ONE))
SECRET = "hunter2-hunter2"
Fake = Callable[..., FakeClient]


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return lambda play: FakeClient(tmp_path / "bin", play)


def run(home: Path, *words: str, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """The command to its end, without the time that its imports take."""
    running = Running(home, *words, env=env)
    code = running.wait()
    return subprocess.CompletedProcess(words, code, running.stdout.read_text(), running.said)


def answers(home: Path) -> list[Answer]:
    return [one.answer for one in FileLedger(folder_of(home).ledger).answers()]


def told(stderr: str) -> list[str]:
    """The line that says what is wrong, and its remedy."""
    return [one for one in stderr.splitlines() if one.startswith(("orchestrate: ", "  -> "))]


def test_a_whole_run_is_answered_by_the_client(home: Path, env: dict[str, str], fake: Fake) -> None:
    with fake(playing(greeter({"planner": ONE}))) as client:
        done = run(home, IDEA, "--model", "claude-code", "--quiet", env=client.env(env))
    assert done.returncode == 0, done.stderr
    report = report_of(home)
    assert report.passed
    assert report.answered_by == ("claude-code",)
    assert report.total_price == "0.004200"
    assert sum(answered(home).values()) == len(client.calls) == 7
    schemas = [bool(one.option("--json-schema")) for one in client.calls]
    assert schemas == [True, True, True, False, False, True, True]
    assert not any("discriminator" in one.option("--json-schema") for one in client.calls)


def test_the_client_gets_an_empty_folder_no_tools_and_few_variables(
    home: Path, env: dict[str, str], fake: Fake
) -> None:
    (home / "CLAUDE.md").write_text("obey", "utf-8")
    kept = {"ANTHROPIC_API_KEY": "sk-x-0123456789", "LC_ALL": "C.UTF-8", "HTTPS_PROXY": "http://p"}
    dropped = {"AWS_SECRET_ACCESS_KEY": SECRET, "CLAUDECODE": "1", "CLAUDE_CODE_SESSION_ID": SECRET}
    with fake(in_turn(GOOD)) as client:
        done = run(home, *PLAN, env=client.env({**env, **kept, **dropped}))
    assert done.returncode == 0, done.stderr
    (call,) = client.calls
    assert call.files == []
    assert not Path(call.cwd).exists()
    assert not Path(call.cwd).is_relative_to(home)
    assert call.env.items() >= kept.items()
    ours = {"TMPDIR", "DISABLE_AUTOUPDATER"}
    assert {name for name in call.env if name not in env} - ours - kept.keys() == {
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        "CLAUDE_CODE_MAX_RETRIES",
    }
    assert SECRET not in json.dumps(call.env)
    assert call.option("--tools") == ""
    assert call.option("--output-format") == "json"
    assert {"-p", "--safe-mode", "--strict-mcp-config", "--no-session-persistence"} <= {*call.argv}
    assert "--model" not in call.argv
    assert "--effort" not in call.argv
    assert IDEA in call.prompt
    assert IDEA not in json.dumps(call.argv)
    assert call.system.startswith("# Role\nYou are the Planner")


def test_a_model_of_the_client_is_named_after_a_colon(
    home: Path, env: dict[str, str], fake: Fake
) -> None:
    with fake(in_turn(GOOD)) as client:
        done = run(home, *PLAN[:3], "claude-code:sonnet", env=client.env(env))
    assert done.returncode == 0, done.stderr
    assert client.calls[0].option("--model") == "sonnet"
    assert "price unknown" in done.stdout


def test_what_the_client_measured_is_recorded(home: Path, env: dict[str, str], fake: Fake) -> None:
    with fake(in_turn(GOOD)) as client:
        run(home, *PLAN, env=client.env(env))
    (said,) = answers(home)
    assert (said.by, said.model, said.price) == ("claude-code", "claude-opus-5-5", "0.000600")
    assert said.request_id == "8c6118bf"
    assert said.usage == Usage(
        input=100, output=10, cache_read=40, cache_write_5m=10, cache_write_1h=20
    )


MADE_UP = {
    "inputTokens": 1,
    "outputTokens": 2,
    "cacheReadInputTokens": 0,
    "cacheCreationInputTokens": 0,
}


@pytest.mark.parametrize(
    ("changes", "measured"),
    [
        ({"modelUsage": {}}, False),
        ({"modelUsage": {"claude-opus-5-5": {"inputTokens": 100}}}, False),
        ({"total_cost_usd": None}, True),
        ({"modelUsage": {"llama3": MADE_UP}}, True),
        ({"modelUsage": {"claude-opus-5-5": {**MADE_UP, "costBasis": "unknown"}}}, True),
    ],
    ids=["no usage", "half of it", "no cost", "a model without a price", "a price made up"],
)
def test_what_it_did_not_measure_is_not_made_up(
    home: Path, env: dict[str, str], fake: Fake, changes: dict[str, object], measured: bool
) -> None:
    with fake(in_turn(result("", structured_output=json.loads(ONE), **changes))) as client:
        assert run(home, *PLAN, env=client.env(env)).returncode == 0
    (said,) = answers(home)
    assert (said.usage != UNMEASURED) == measured
    assert said.price == ""


@pytest.mark.parametrize(
    ("says", "stop", "why"),
    [
        (Says("Segmentation fault\n"), "broken", "printed something else"),
        (Says(""), "broken", "printed something else"),
        (Says("[1, 2"), "broken", "printed something else"),
        (result("Here is your plan: soon."), "end", 'name="errors"'),
        (
            failed(None, subtype="error_max_turns", errors=["Reached maximum number of turns (4)"]),
            "broken",
            "maximum number of turns",
        ),
        (failed("API Error: flagged", stop_reason="refusal"), "refused", "a refusal"),
        (failed("API Error: exceeded the 64000 output token maximum."), "cut off", "was cut off"),
        (failed("API Error: reached its context window limit."), "cut off", "was cut off"),
        (result(""), "empty", "was empty"),
    ],
    ids=[
        *("garbage", "nothing", "half", "no JSON", "turns", "refusal", "too long", "no room"),
        "empty",
    ],
)
def test_an_answer_that_is_none_is_asked_for_again_with_the_reason(
    home: Path, env: dict[str, str], fake: Fake, says: Says, stop: str, why: str
) -> None:
    with fake(in_turn(says, GOOD)) as client:
        done = run(home, *PLAN, env=client.env(env))
    assert done.returncode == 0, done.stderr
    assert [one.stop for one in answers(home)] == [stop, "end"]
    assert why in client.calls[1].prompt
    assert why not in client.calls[0].prompt


def test_the_text_is_the_answer_where_the_client_gave_no_object(
    home: Path, env: dict[str, str], fake: Fake
) -> None:
    with fake(in_turn(result(f"Sure:\n```json\n{ONE}\n```"))) as client:
        assert run(home, *PLAN, env=client.env(env)).returncode == 0
    assert len(client.calls) == 1


@pytest.mark.parametrize(
    ("says", "code", "why", "remedy"),
    [
        (failed("Not logged in · Please run /login"), 3, "Not logged in", "log in with /login"),
        (failed("Invalid API key · Fix external API key", status=401), 3, "Invalid", "/login"),
        (failed("Failed to authenticate. API Error: 403 no", status=403), 3, "403", "/login"),
        (Says("Invalid API key · Please run /login\n", code=1), 3, "Invalid API key", "/login"),
        (failed("There's an issue with the selected model (x).", status=404), 3, "(x)", "--model"),
        (Says(stderr="error: unknown option '--safe-mode'\n", code=1), 3, "--safe-mode", "update"),
        (failed("You've hit your session limit", status=429), 7, "session limit", "resume"),
        (failed("API Error: Repeated 529 Overloaded errors."), 7, "529", "resume"),
        (failed("API Error: 400 bad", status=400), 7, "400 bad", "resume"),
        (failed("Credit balance is too low"), 7, "Credit balance", "resume"),
        (Says(stderr="Bun has crashed\n", code=134), 7, "Bun has crashed", "resume"),
        (Says(code=1), 7, "ended with 1 and said nothing", "resume"),
    ],
    ids=lambda given: given if isinstance(given, str) else None,
)
def test_what_asking_again_cannot_mend_stops_the_run_which_goes_on_later(
    home: Path, env: dict[str, str], fake: Fake, says: Says, code: int, why: str, remedy: str
) -> None:
    with fake(in_turn(says, GOOD)) as client:
        done = run(home, *PLAN, env=client.env(env))
        assert done.returncode == code, done.stderr
        assert why in told(done.stderr)[0]
        assert remedy in told(done.stderr)[1]
        assert len(client.calls) == 1
        assert answers(home) == []


def test_a_key_that_the_client_prints_is_not_told(
    home: Path, env: dict[str, str], fake: Fake
) -> None:
    env = {**env, "CLAUDE_CODE_OAUTH_TOKEN": SECRET}
    says = failed(f"API Error: 400 {SECRET} sk-ant-oat01-abcdef", status=400)
    with fake(in_turn(says)) as client:
        done = run(home, *PLAN, env=client.env(env))
    assert told(done.stderr)[0] == "orchestrate: claude: API Error: 400 [key] [key]"


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return False
    return stat.rpartition(") ")[2][0] != "Z"


def test_a_client_that_hangs_is_ended_with_all_that_it_started(
    home: Path, env: dict[str, str], fake: Fake
) -> None:
    (home / "orchestrate.toml").write_text(
        'backend = "claude-code"\ndeadline_seconds = 6\n', "utf-8"
    )
    with fake(in_turn(Says(hang=True))) as client:
        done = run(home, "plan", IDEA, env=client.env(env))
    assert done.returncode == 7, done.stderr
    assert "no answer within the deadline of 6 s" in told(done.stderr)[0]
    pids = client.calls[-1].pids
    assert len(pids) == 2
    assert not any(map(alive, pids))
    assert not Path(client.calls[0].cwd).exists()


def test_without_the_client_it_says_how_to_get_it(home: Path, env: dict[str, str]) -> None:
    paths = [one for one in env["PATH"].split(":") if not Path(one, "claude").exists()]
    done = run(home, *PLAN, env={**env, "PATH": os.pathsep.join(paths)})
    assert done.returncode == 3
    assert "`claude` is not on PATH" in told(done.stderr)[0]
    assert "npm install" in told(done.stderr)[1]


@pytest.mark.parametrize("flag", ["--max-cost", "--max-tokens", "--max-milestone-cost"])
def test_limits_that_the_client_does_not_keep_to_are_refused(
    home: Path, env: dict[str, str], flag: str
) -> None:
    done = run(home, IDEA, "--model", "claude-code", flag, "3", env=env)
    assert done.returncode == 2
    assert f"{flag}: claude-code makes calls of its own" in told(done.stderr)[0]
    assert "--max-calls and --max-time work" in told(done.stderr)[1]
    assert not (home / ".orchestrate").exists()


def test_a_host_is_no_client(home: Path, env: dict[str, str]) -> None:
    done = run(home, "start", IDEA, "--model", "claude-code", env=env)
    assert done.returncode == 2
    assert "model 'claude-code' from flag is a backend" in done.stdout


def test_doctor_names_the_client_and_its_version(
    home: Path, env: dict[str, str], fake: Fake
) -> None:
    def unasked(_call: Call) -> Says:
        raise AssertionError("the doctor asks nothing")

    with fake(unasked) as client:
        chosen = {**client.env(env), "ORCHESTRATE_MODEL": "claude-code:opus"}
        done = run(home, "doctor", env=chosen)
        assert f"ok  claude       2.1.329 (Claude Code), {client.folder}/claude" in done.stdout
    assert "ok  model        claude-code, opus" in done.stdout
    assert "backend            claude-code    ORCHESTRATE_MODEL" in done.stdout
    paths = [one for one in env["PATH"].split(":") if not Path(one, "claude").exists()]
    bare = {**env, "PATH": os.pathsep.join(paths)}
    done = run(home, "doctor", env=bare)
    assert "ok  claude       the program `claude` is not on PATH; only" in done.stdout
    done = run(home, "doctor", env={**bare, "ORCHESTRATE_MODEL": "claude-code"})
    assert done.returncode == 3
    assert "NO  claude       the program `claude` is not on PATH" in done.stdout
