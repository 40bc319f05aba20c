"""The command line: a whole run over sockets, and one clear line for whatever is wrong."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from orchestrator import Orchestrator
from orchestrator.cli import main
from tests.command import (
    IDEA,
    KEY,
    PROGRAM,
    Provider,
    Running,
    events_of,
    facts_of,
    git,
    report_of,
    run,
)
from tests.test_kill import FIRST, SCRIPT
from tests.world import PLAN, Scripted

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


@pytest.fixture
def cli(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """The command line in this process, in `home`: exit code, standard output, standard error."""
    monkeypatch.chdir(home)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def refused(err: str) -> str:
    """The one line that says what is wrong; the remedy is the other."""
    lines = err.splitlines()
    assert len(lines) == 2, err
    assert lines[0].startswith("orchestrate: ")
    assert lines[1].startswith("  -> ")
    return err


def test_a_whole_run_over_sockets_is_the_scripted_one_with_its_cost(
    home: Path, env: dict[str, str], tmp_path: Path
) -> None:
    with Provider(SCRIPT) as provider:
        done = run(home, IDEA, env=provider.env({**env, "ORCHESTRATE_ESCALATE": "false"}))
    assert done.returncode == 0, done.stderr
    scripted = tmp_path / "scripted"
    assert Orchestrator(IDEA, folder=scripted, env=env, model=Scripted(SCRIPT)).run().passed
    assert git(home / "greeter", "rev-parse", "main^{tree}") == git(
        scripted / "greeter", "rev-parse", "main^{tree}"
    )
    assert facts_of(home) == facts_of(scripted)
    report = report_of(home)
    costs = {one.agent: one for one in report.costs}
    assert costs["eval"].calls == costs["impl"].calls == 2
    assert costs["eval"].cache_read_tokens > 0
    assert costs["impl"].cache_read_tokens > 0
    assert min(one.input_tokens for one in report.costs) > 0
    assert Decimal(report.total_price) > 0
    assert report.answered_by == ("anthropic",)
    assert report.possibly_billed_twice == 0
    live = done.stderr.splitlines()
    assert re.search(
        r"^\d\d:\d\d +\d+\.\dk \$\d\.\d\d  MERGED milestone-1-mvp", "\n".join(live), re.M
    )
    assert not CONTROL.search("".join(live))
    assert f"ok      {FIRST}: Greet (score 4.00, 2 attempts" in done.stdout
    assert KEY not in done.stdout + done.stderr + everything(home)


def everything(home: Path) -> str:
    """All that the run wrote below its own folder."""
    files = [path for path in (home / ".orchestrate").rglob("*") if path.is_file()]
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in files)


def test_without_a_key_or_an_endpoint_it_names_the_four_ways(
    home: Path, env: dict[str, str]
) -> None:
    done = Running(home, "--quiet", IDEA, env=env)
    assert done.wait() == 3
    said = refused(done.said)
    for way in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "orchestrate start", "orchestrate demo"):
        assert way in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("",), "the idea is empty"),
        (("  \n ",), "the idea is empty"),
        (("tomato",), "one word, 'tomato', is no idea"),
        (("resum",), "did you mean: orchestrate resume?"),
        (("reprot", "--json"), "did you mean: orchestrate report?"),
        (("statsu", "please"), "did you mean: orchestrate status?"),
        (("--frobnicate", "an idea of mine"), "No such option '--frobnicate'"),
        (("resume", "--frobnicate"), "No such option '--frobnicate'"),
        (("an idea of mine", "--max-retries", "many"), "'many' is not a valid integer"),
        (("an idea of mine", "--max-retries", "0"), "greater than or equal to 1"),
        (("an idea of mine", "--threshold", "9"), "threshold '9' from flag is not a score"),
        (("an idea of mine", "--threshold", "inf"), "threshold 'inf' from flag is not a score"),
        (("--file", "absent.md"), "cannot read absent.md: No such file"),
        (("--file", "."), "cannot read .: Is a directory"),
        (("--file", "latin.md"), "latin.md is not UTF-8"),
        (("--file", "long.md"), "204799 bytes, more than 65536"),
        (("caf\udce9 with a menu",), "not valid UTF-8"),
        (("an idea of mine", "--into", "file"), "file is not an empty folder"),
        (("an idea of mine", "--into", "full"), "full is not an empty folder"),
        (("run", "--plan", "absent.json"), "cannot read absent.json"),
        (("run", "--plan", "long.md"), "long.md: the file: Invalid JSON"),
        (("run", "--plan", "cycle.json"), "the dependencies form a cycle"),
        (("run", "--plan", "bare.json"), "bare.json: idea: Field required"),
        (("plan", "an idea of mine", "--out", "nowhere/plan.json"), "lies in no folder"),
        (("plan", "an idea of mine", "--out", "file"), "file exists"),
        (("resume",), "no run in"),
        (("report",), "no run in"),
        (("status", "--run", "x"), "no run in"),
        (("--replay", "full"), "full holds no recording"),
        (("--replay", "absent"), "absent holds no recording"),
        (("--replay", "full", "an idea of mine"), "a recording brings its own idea"),
    ],
)
def test_what_is_wrong_with_the_words_is_said_in_one_line_with_exit_code_2(
    cli: Callable[..., tuple[int, str, str]], home: Path, words: Sequence[str], said: str
) -> None:
    prepare(home)
    code, out, err = cli(*(word for word in words if word != "--json"))
    assert (code, out) == (2, "")
    assert said in refused(err)
    assert not (home / ".orchestrate").exists()
    code, out, err = cli(*words, "--json") if "--json" not in words else cli(*words)
    assert (code, err) == (2, "")
    assert json.loads(out)["exit"] == 2


def prepare(home: Path) -> None:
    (home / "latin.md").write_bytes(b"caf\xe9 with a menu")
    (home / "long.md").write_text("idea " * 40960, "utf-8")
    (home / "file").write_text("", "utf-8")
    (home / "full").mkdir()
    (home / "full" / "mine.txt").write_text("", "utf-8")
    first, second = ({**one} for one in PLAN["milestones"][:2])  # type: ignore[index]
    first["dependencies"] = [second["id"]]
    plan = {**PLAN, "milestones": [first, second]}
    (home / "cycle.json").write_text(json.dumps({"idea": IDEA, "plan": plan}), "utf-8")
    (home / "bare.json").write_text(json.dumps(PLAN), "utf-8")


def test_an_idea_of_200_kb_that_is_no_text_or_none_at_all_from_standard_input(
    home: Path, env: dict[str, str]
) -> None:
    long = run(home, "-", env=env, given=b"x " * 100_000)
    assert long.returncode == 2
    assert "199999 bytes, more than 65536" in refused(long.stderr)
    binary = run(home, "-", env=env, given=b"caf\xe9 with a menu")
    assert binary.returncode == 2
    assert "standard input is not UTF-8" in refused(binary.stderr)
    closed = subprocess.run(
        ["sh", "-c", f"exec {PROGRAM} - <&-"], cwd=home, env=env, capture_output=True, text=True
    )
    assert closed.returncode == 2
    assert "the idea is empty" in refused(closed.stderr)


def test_options_stand_before_the_idea_or_the_command_and_a_value_is_no_command(
    cli: Callable[..., tuple[int, str, str]], home: Path
) -> None:
    (home / "full").mkdir()
    (home / "full" / "x").touch()
    assert "one word" in cli("--quiet", "--into", "status", "tomato")[2]
    assert cli("--json", "runs") == (0, "[]\n", "")
    assert "Read the idea from this file" in cli("idea", "--help")[1]
    assert "Examples:" in cli("an idea of mine", "--help")[1]
    assert "Examples:" in cli("--into", "full", "--help")[1]
    assert "Example: orchestrate resume" in cli("--help", "resume")[1]


def test_a_folder_that_cannot_be_written_is_named(
    cli: Callable[..., tuple[int, str, str]], home: Path
) -> None:
    (home / ".orchestrate").write_text("a file in its place", "utf-8")
    code, _, err = cli(IDEA)
    assert code == 3
    assert f"cannot write {home}/.orchestrate: " in refused(err)


def test_a_run_never_starts_inside_somebodys_repository(
    cli: Callable[..., tuple[int, str, str]], home: Path
) -> None:
    subprocess.run(["git", "init", "-q", str(home)], check=True)
    code, _, err = cli(IDEA)
    assert code == 2
    assert f"{home} lies inside the git repository {home}" in refused(err)
    assert [one.name for one in home.iterdir()] == [".git"]
    below = home / "deep" / "er"
    code, _, err = cli(IDEA, "--into", str(below))
    assert code == 2
    assert f"{below} lies inside the git repository" in refused(err)


def test_a_products_folder_that_is_not_empty_is_left_alone(home: Path, env: dict[str, str]) -> None:
    mine = home / "greeter" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine", "utf-8")
    with Provider() as provider:
        first = Running(home, "--quiet", IDEA, env=provider.env(env))
        assert first.wait() == 2
        assert f"the product's folder {mine.parent} is not empty" in refused(first.said)
        assert mine.read_text("utf-8") == "mine"
        mine.unlink()
        second = Running(home, "resume", "--quiet", env=provider.env(env))
        assert (second.wait(), second.said) == (0, "")
    assert provider.asked.count("run/planner") == 1


def test_without_git_or_bubblewrap_nothing_is_paid_for(home: Path, env: dict[str, str]) -> None:
    with Provider() as provider:
        bare = {**provider.env(env), "PATH": str(home)}
        without = Running(home, IDEA, env=bare)
        assert without.wait() == 3
        assert "git is not installed" in refused(without.said)
        done = subprocess.run(
            [*HIDDEN, str(PROGRAM), "--quiet", IDEA],
            cwd=home, env=provider.env(env), capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 3
        said = refused(done.stderr)
        assert "bubblewrap is not installed" in said
        assert "apt-get install bubblewrap" in said
        assert provider.asked == []


ROOT = os.geteuid() == 0
HIDDEN = (
    *("unshare", "--mount", *(() if ROOT else ("--map-root-user",)), "sh", "-c"),
    "for one in /usr/local/bin/bwrap /usr/bin/bwrap /bin/bwrap; do"
    ' [ ! -e "$one" ] || mount --bind /dev/null "$one"; done; '
    + ('exec "$@"' if ROOT else f'exec unshare --user --map-user={os.geteuid()} "$@"'),
    "sh",
)
"""A command after this finds no bubblewrap where the product looks for it."""


def test_commands_about_runs_name_the_run_that_is_not_there_or_damaged(
    cli: Callable[..., tuple[int, str, str]], home: Path
) -> None:
    assert cli(IDEA, "--quiet")[0] == 3
    (name,) = (one.name for one in (home / ".orchestrate" / "runs").iterdir())
    code, _, err = cli("report")
    assert code == 2
    assert f"{name} has no report yet" in refused(err)
    code, _, err = cli("status", "--run", "yesterday")
    assert code == 2
    assert "no run 'yesterday'" in refused(err)
    assert name in err
    broken = home / ".orchestrate" / "runs" / "20990101-000000-broken"
    broken.mkdir()
    (broken / "start.json").write_text("{", "utf-8")
    assert json.loads(cli("runs", "--json")[1])[0]["run"] == name
    assert cli("status")[1].startswith(f"{name}: ")
    code, _, err = cli("resume", "--quiet", "--run", broken.name)
    assert code == 3
    assert "start.json is damaged" in refused(err)
    settings = home / ".orchestrate" / "runs" / name / "settings.toml"
    settings.write_text("parallel = 0\n", "utf-8")
    code, _, err = cli("resume", "--quiet")
    assert code == 3
    assert "settings.toml: parallel: Input should be greater" in refused(err)
    settings.unlink()
    assert cli("resume", "--quiet")[0] == 3


def test_json_of_every_command_parses_and_quiet_says_nothing(
    home: Path, env: dict[str, str], cli: Callable[..., tuple[int, str, str]]
) -> None:
    with Provider() as provider:
        asked = provider.env(env)
        planned = Running(home, "plan", "a greeter \u2014 for the shell", "--json", env=asked)
        assert (planned.wait(), planned.said) == (0, "")
        assert json.loads(planned.stdout.read_text("utf-8"))["product_name"] == "greeter"
        quiet = Running(home, "run", "--plan", "plan.json", "--quiet", env=asked)
        assert (quiet.wait(), quiet.said, quiet.stdout.read_text("utf-8")) == (0, "", "")
        assert provider.asked.count("run/planner") == 1
        again = Running(home, "resume", "--json", env=asked)
        assert (again.wait(), again.said) == (0, "")
        assert len(provider.asked) == 7
    assert json.loads(again.stdout.read_text("utf-8"))["facts"]["passed"] is True
    assert json.loads(cli("report", "--json")[1])["facts"]["passed"] is True
    stands = json.loads(cli("status", "--json")[1])
    assert stands["state"] == "complete"
    assert stands["milestones"] == [{"id": FIRST, "status": "complete"}]
    assert [one["reported"] for one in json.loads(cli("runs", "--json")[1])] == [False, True]
    assert json.loads(cli("doctor", "--json")[1])["checks"][0]["ok"] is True
    assert cli("report")[1].startswith("# ")
    assert [one["event"] for one in events_of(home)].count("run_ended") == 2
    latin = {**env, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    shown = run(home, "runs", env=latin)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "a greeter \\u2014 for the shell" in shown.stdout


def test_the_command_line_begins_without_its_heavy_libraries() -> None:
    heavy = "pydantic", "rich", "anthropic", "structlog", "genai_prices", "jinja2"
    asked = f"import sys, orchestrator.cli; print([one for one in {heavy!r} if one in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, env={**os.environ}
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_working_folder_that_is_gone_is_missing(
    cli: Callable[..., tuple[int, str, str]], home: Path
) -> None:
    home.rmdir()
    for words in (("runs",), ("resume",), (IDEA,), ("doctor",)):
        code, _, err = cli(*words)
        assert code == 3
        assert "the current folder is gone" in refused(err)
    assert json.loads(cli("next")[1])["error"] == "the current folder is gone"


def test_a_bug_keeps_its_traceback_and_exits_with_70(
    cli: Callable[..., tuple[int, str, str]],
) -> None:
    code, _, err = cli("--file", "no argument of a process\0can be this")
    assert code == 70
    assert err.startswith("Traceback (most recent call last)")
    assert "this is a bug; no answer is lost (ValueError: embedded null byte)" in err
