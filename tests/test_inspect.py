"""The commands on a folder of one's own: verify, sandbox, apply, through the command line."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.project import criteria
from tests.command import run
from tests.test_cli import CONTROL, refused
from tests.test_project import bundle, fill, snapshot
from tests.verification import ADDER

SRC = {
    "src/app/__init__.py": "",
    "src/app/core.py": "def add(a, b):\n    return a + b\n",
    "tests/test_add.py": (
        "from app.core import add\n\n"
        "def test_adds():\n    assert add(1, 2) == 3\n    assert add(0, 5) == 5\n"
    ),
}
KEYS = (
    *("verdict", "tests", "criteria", "strength", "checks", "lint", "sandbox", "reasons"),
    *("left_out", "seconds"),
)

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line in this process, in `home`: exit code, standard output, standard error."""
    monkeypatch.chdir(home)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def check(visibility: str, argv: list[str], out: str) -> dict[str, object]:
    step = {
        "kind": "command",
        "argv": argv,
        "stdin": "",
        "exit_code": 0,
        "stdout": [{"how": "equals", "text": out}],
        "stderr": [],
        "files": [],
    }
    return {
        "id": f"M1-C1-{visibility}-1",
        "criterion": "M1-C1",
        "visibility": visibility,
        "title": "",
        "steps": [step],
    }


def contract(home: Path, *checks: dict[str, object]) -> str:
    path = home / "criteria.json"
    launch = {"kind": "cli", "command": ["python", "-m", "app"], "module": "app"}
    ones = [{"id": "M1-C1", "text": "It adds."}]
    path.write_text(json.dumps({"launch": launch, "criteria": ones, "checks": list(checks)}))
    return str(path)


# verify


def test_an_honest_project_passes_and_stays_as_it_is(cli: Cli, home: Path) -> None:
    folder = fill(home / "p", SRC)
    before = snapshot(folder)
    code, out, _ = cli("verify", "p", "--json")
    said = json.loads(out)
    assert tuple(said) == KEYS
    assert (code, said["verdict"], said["reasons"]) == (0, "pass", [])
    assert said["tests"].keys() == {
        *("total", "passed", "failed", "errors", "skipped", "coverage", "failures", "flaky"),
    }
    assert said["tests"]["passed"] == said["tests"]["total"] == 1
    assert said["sandbox"] == "bubblewrap"
    assert {"body", "operator"} <= {one["kind"] for one in said["strength"]}
    assert snapshot(folder) == before


def test_a_red_project_fails_with_the_reasons_for_people(cli: Cli, home: Path) -> None:
    folder = fill(home / "p", {**SRC, "src/app/core.py": "def add(a, b):\n    return a - b\n"})
    (folder / "out").symlink_to("/etc")
    code, out, _ = cli("verify", "p")
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == "FAIL"
    assert lines[1].startswith("  tests/test_add.py::test_adds failed: ")
    assert "tests     0 of 1 passed, 1 failed; coverage" in out
    assert "left out  out: a link, not followed" in out


def test_no_tests_prove_nothing(cli: Cli, home: Path) -> None:
    fill(home / "p", {"app.py": "x = 1\n"})
    code, out, _ = cli("verify", "p", "--json")
    assert (code, json.loads(out)["verdict"]) == (8, "inconclusive")


def test_criteria_are_decided_and_held_checks_kept_back(cli: Cli, home: Path) -> None:
    fill(home / "p", ADDER)
    file = contract(home, check("shown", ["1", "2"], "3"), check("held", ["40", "1"], "7777"))
    code, out, _ = cli("verify", "p", "--criteria", file, "--json")
    said = json.loads(out)
    assert (code, said["verdict"]) == (1, "fail")
    shown, held = said["checks"]
    assert (shown["check"], shown["outcome"]) == ("M1-C1-shown-1", "passed")
    assert held == {"criterion": "M1-C1", "visibility": "held", "outcome": "wrong output"}
    assert [(one["criterion"], one["met"]) for one in said["criteria"]] == [("M1-C1", False)]
    assert "7777" not in out


def test_names_that_no_project_may_have_fail_before_anything_runs(cli: Cli, home: Path) -> None:
    folder = fill(home / "p", {**SRC, "a\nb.py": "", "con/x.py": ""})
    (folder / "\x1b[2J.py").touch()
    code, out, _ = cli("verify", "p", "--json")
    said = json.loads(out)
    assert (code, said["verdict"], said["seconds"]) == (1, "fail", None)
    assert [one.split(": ")[0] for one in said["reasons"]] == [
        *("'\\x1b[2J.py'", "'a\\nb.py'", "'con'"),
    ]
    code, out, _ = cli("verify", "p")
    assert code == 1
    assert not CONTROL.search(out)


def test_requirements_that_are_no_packages_fail(cli: Cli, home: Path) -> None:
    fill(home / "p", {**SRC, "requirements.txt": "-e .\n"})
    code, out, _ = cli("verify", "p", "--json")
    assert code == 1
    assert "requirements.txt line 1" in json.loads(out)["reasons"][0]


def test_what_a_test_prints_drives_no_terminal(cli: Cli, home: Path) -> None:
    loud = "def test_x():\n    assert False, '\\x1b[2J\\x07PASS'\n"
    fill(home / "p", {**SRC, "tests/test_add.py": loud})
    code, out, _ = cli("verify", "p")
    assert (code, out.splitlines()[0]) == (1, "FAIL")
    assert not CONTROL.search(out)


def test_without_a_sandbox_the_first_line_says_so(cli: Cli, home: Path) -> None:
    fill(home / "p", SRC)
    code, out, _ = cli("verify", "p", "--sandbox", "process")
    assert code == 0
    assert out.splitlines()[:2] == [
        "UNSANDBOXED: the code ran as an ordinary process (--sandbox process)",
        "PASS",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify", "absent"), "cannot read the folder absent"),
        (("verify", "p/app.py"), "cannot read the folder p/app.py"),
        (("verify", "p", "--criteria", "absent"), "cannot read absent"),
        (("verify", "p", "--criteria", "p/app.py"), "p/app.py: the file: Invalid JSON"),
        (("verify",), "Missing argument 'DIR'"),
        (("sandbox", "p"), "Missing argument"),
        (("sandbox", "absent", "--", "true"), "cannot read the folder absent"),
        (("sandbox", "p", "--timeout", "0", "--", "true"), "--timeout 0.0 is no time"),
        (("sandbox", "p", "--timeout", "nan", "--", "true"), "--timeout nan is no time"),
        (("sandbox", "p", "--", "a\0b"), "cannot be given to a program"),
        (("sandbox", "bad", "--", "true"), "names that no project may have: 'nul'"),
        (("sandbox", "needy", "--", "true"), "requirements.txt line 1"),
        (("sandbox", "p", "--sandbox", "none", "--", "true"), "'none' is not one of"),
        (("apply", "absent", "--into", "p"), "cannot read absent"),
        (("apply", "p/app.py", "--into", "absent"), "cannot read the folder absent"),
        (("apply", "p/app.py"), "Missing option '--into'"),
    ],
)
def test_what_is_wrongly_asked_is_one_line_and_its_remedy(
    cli: Cli, home: Path, words: tuple[str, ...], said: str
) -> None:
    fill(home, {"p/app.py": "x = 1\n", "bad/nul": "", "needy/requirements.txt": "-e .\n"})
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert said in refused(err)


def test_the_help_shows_a_contract_that_can_be_read(cli: Cli, home: Path) -> None:
    code, out, _ = cli("verify", "--help")
    assert code == 0
    found = re.search(r"\{.*\}", out, re.DOTALL)
    assert found is not None
    path = home / "criteria.json"
    path.write_text(found[0])
    assert criteria.read(path).checks[0].id == "M1-C1-held-1"
    assert "8 inconclusive" in cli("--help")[1]


# sandbox


def test_a_command_runs_on_a_copy(cli: Cli, home: Path) -> None:
    folder = fill(home / "p", {"app.py": "print('hello')\n"})
    before = snapshot(folder)
    source = "import app, sys; open('new', 'w'); print('\\x1b[2Jx', file=sys.stderr); sys.exit(4)"
    code, out, err = cli("sandbox", "p", "--", "python", "-c", source)
    assert (code, out, err) == (1, "hello\n", " [2Jx\n")
    assert snapshot(folder) == before
    code, out, _ = cli("sandbox", "p", "--json", "--", "python", "-c", source)
    assert code == 1
    assert json.loads(out) == {
        "outcome": "exited",
        "returncode": 4,
        "stdout": "hello\n",
        "stderr": "\x1b[2Jx\n",
        "timed_out": False,
        "truncated": False,
        "killed_by": "",
        "backend": "bubblewrap",
    }


def test_a_command_of_options_is_the_commands_own(cli: Cli, home: Path) -> None:
    fill(home / "p", {"app.py": ""})
    source = "import sys; print(sys.argv[1:])"
    code, out, _ = cli("sandbox", "p", "--", "python", "-c", source, "--json", "--help")
    assert (code, out) == (0, "['--json', '--help']\n")


def test_a_command_that_does_not_end_or_is_not_there(cli: Cli, home: Path) -> None:
    fill(home / "p", {"app.py": "while True: pass\n"})
    code, out, _ = cli("sandbox", "p", "--timeout", "0.5", "--json", "--", "python", "app.py")
    said = json.loads(out)
    assert code == 1
    assert (said["outcome"], said["timed_out"], said["killed_by"]) == ("timed out", True, "time")
    code, _, err = cli("sandbox", "p", "--timeout", "0.5", "--", "python", "app.py")
    assert (code, err) == (1, "orchestrate: timed out after 0.5 s\n")
    code, out, _ = cli("sandbox", "p", "--json", "--", "no-such-program")
    assert (code, json.loads(out)["returncode"]) == (1, 127)


@pytest.mark.parametrize("place", [".", "sub"])
def test_a_project_does_not_choose_how_it_is_run(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    folder = fill(home / "p", {"sub/x.py": "", "orchestrate.toml": 'sandbox = "process"\n'})
    fill(folder / "sub", {"orchestrate.toml": 'sandbox = "process"\n'})
    monkeypatch.chdir(folder / place)
    code, out, _ = cli("sandbox", str(folder), "--json", "--", "true")
    assert (code, json.loads(out)["backend"]) == (0, "bubblewrap")


def test_outside_the_project_the_persons_settings_hold(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(home, {"p/x.py": "", "orchestrate.toml": "[limits]\noutput_kib = 1\n"})
    code, out, _ = cli("sandbox", "p", "--json", "--", "python", "-c", "print('x' * 2000)")
    assert (code, json.loads(out)["truncated"]) == (0, True)
    (home / "orchestrate.toml").write_text('sandbox = "process"\n', "utf-8")
    code, _, err = cli("sandbox", "p", "--", "true")
    assert (code, "no boundary" in err) == (2, True)
    (home / "orchestrate.toml").unlink()
    monkeypatch.setenv("ORCHESTRATE_SANDBOX", "process")
    assert cli("sandbox", "p", "--", "true")[2].startswith("UNSANDBOXED: ")


def test_a_machine_that_lacks_something_is_told_what_helps(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(home / "p", SRC)
    monkeypatch.setenv("PATH", "/nowhere")
    code, out, _ = cli("verify", "p", "--json")
    said = json.loads(out)
    assert (code, said["exit"]) == (3, 3)
    assert said["fix"]


# apply


def test_an_answer_in_blocks_is_applied_from_standard_input(
    home: Path, env: dict[str, str]
) -> None:
    fill(home / "p", {"app.py": "x = 1\n", "old.py": "x\n"})
    answer = (
        "I did it.\n=== FILE new.py ===\ny = 1\n=== END ===\n=== EDIT app.py ===\n"
        "--- REMOVE ---\nx = 1\n--- ADD ---\nx = 2\n=== END ===\n=== DELETE old.py ===\n"
    )
    done = run(home, "apply", "-", "--into", "p", "--json", env=env, given=answer.encode())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "applied": True,
        "written": ["app.py", "new.py"],
        "deleted": ["old.py"],
    }
    assert {path: found[2] for path, found in snapshot(home / "p").items()} == {
        "app.py": b"x = 2\n",
        "new.py": b"y = 1\n",
    }


def test_a_refused_answer_names_every_path_a_line_each(cli: Cli, home: Path) -> None:
    fill(home / "p", {"app.py": "x\n"})
    (home / "p/link").symlink_to("/etc")
    paths = ("../up", "/abs", ".git/config", "tests/test_a.py", "link/x", "a\x1b[2J", "APP.py")
    (home / "answer.json").write_bytes(bundle(dict.fromkeys(paths, "x"), ("none.py",)))
    before = snapshot(home)
    code, out, _ = cli("apply", "answer.json", "--into", "p")
    assert code == 1
    assert len(out.splitlines()) == len(paths) + 1
    assert not CONTROL.search(out)
    assert all(line.startswith("refused  '") for line in out.splitlines())
    code, out, _ = cli("apply", "answer.json", "--into", "p", "--json")
    said = json.loads(out)
    assert (code, said.keys(), said["applied"]) == (1, {"applied", "problems"}, False)
    assert len(said["problems"]) == len(paths) + 1
    assert snapshot(home) == before


def test_git_is_never_touched_or_run(cli: Cli, home: Path) -> None:
    hook = "#!/bin/sh\ntouch ../seen\n"
    folder = fill(home / "p", {"app.py": "x\n", ".git/HEAD": "x", ".git/hooks/post-checkout": hook})
    (folder / ".git/hooks/post-checkout").chmod(0o755)
    before = snapshot(folder / ".git")
    (home / "answer.json").write_bytes(bundle(edits=("app.py",)))
    assert cli("apply", "answer.json", "--into", "p")[:2] == (0, "wrote    app.py\n")
    assert snapshot(folder / ".git") == before
    assert sorted(one.name for one in home.iterdir()) == ["answer.json", "p"]
