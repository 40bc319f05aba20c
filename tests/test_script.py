"""`orchestrate script`: one program by the short loop, through the command line, really run."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from orchestrator.artifacts.exchange import Request
from orchestrator.cli import main
from tests.command import KEY, Provider, Running, answered, events_of, folder_of, material
from tests.test_cli import refused
from tests.world import edit, file

PROMPT = "say hello to each name that is given"
OUT = "say-hello-to-each-name-t.py"
HELLO = '''"""Says hello to each name."""

import sys


def main(names: list[str]) -> int:
    """Prints a line for each name."""
    for name in names:
        print("Hello, " + name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
'''
FIX = {
    "problem": "The name is joined by hand.",
    "remove": '        print("Hello, " + name)',
    "add": '        print(f"Hello, {name}!")',
    "gain": 1.4,
}
STRAY = {**FIX, "problem": "It greets too loudly.", "remove": "    shout(name)\n", "gain": 0.3}


def program(source: str) -> str:
    return file("program.py", source)


def judgement(score: float, *corrections: dict[str, object], **changes: object) -> str:
    given: dict[str, object] = {
        "score": score,
        "evidence": [{"line": 1, "text": "a docstring"}],
        "corrections": corrections,
        "weaknesses": [],
        "summary": "Fine.",
    }
    if score < 10 and not corrections:
        given["weaknesses"] = [
            {"line": 0, "problem": "It is plain.", "remedy": "Adorn it.", "gain": 0.1}
        ]
    return json.dumps(given | changes)


class Cast:
    """A scripted Script and Judge: the answers of each in order. Keeps every prompt."""

    def __init__(self, programs: list[str], judgements: list[str]) -> None:
        self.left = {"script": programs, "judge": judgements}
        self.prompts: dict[str, list[str]] = {"script": [], "judge": []}

    def __call__(self, request: Request) -> str:
        self.prompts[request.agent].append(request.prompt)
        return self.left[request.agent].pop(0)


def once(source: str, score: float = 9.8) -> Cast:
    return Cast([program(source)], [judgement(score)])


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def run(folder: Path, *words: str, env: dict[str, str]) -> Done:
    """The command to its end, in a process that had its imports done."""
    running = Running(folder, *words, env=env)
    code = running.wait()
    return Done(code, running.stdout.read_text("utf-8"), running.said)


def asked(provider: Provider) -> list[str]:
    return [place.partition("/")[2] for place in provider.asked]


def test_an_accepted_program_is_written_and_really_run(home: Path, env: dict[str, str]) -> None:
    cast = once(HELLO)
    with Provider(cast) as provider:
        done = run(home, "script", PROMPT, "--", "Ann", "--Bo", env=provider.env(env))
    assert (done.returncode, done.stdout) == (0, "Hello, Ann\nHello, --Bo\n"), done.stderr
    assert asked(provider) == ["script", "judge"]
    assert (home / OUT).read_text("utf-8") == HELLO
    assert "accepted version 1, score 9.8" in done.stderr
    (judged,) = cast.prompts["judge"]
    assert "   9|         print(" in material(judged, "program")
    assert "exit code 0" in material(judged, "run")
    assert "Hello, Ann" in material(judged, "run")
    assert '["Ann", "--Bo"]' in material(judged, "call")
    kept = [one for one in (home / ".orchestrate").rglob("*") if one.is_file()]
    assert [one for one in kept if KEY.encode() in one.read_bytes()] == []


def test_corrections_that_fit_are_applied_without_a_call(home: Path, env: dict[str, str]) -> None:
    cast = Cast([program(HELLO)], [judgement(8.3, FIX), judgement(9.6)])
    with Provider(cast) as provider:
        done = run(home, "script", PROMPT, "--json", "--", "Ann", env=provider.env(env))
    said = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert asked(provider) == ["script", "judge", "judge"]
    assert (said["accepted"], said["score"], said["best"]) == (True, 9.6, 2)
    assert said["ran"]["stdout"] == "Hello, Ann!\n"
    first, second = said["versions"]
    assert (first["score"], first["expected"], first["applied"], first["left"]) == (8.3, None, 1, 0)
    assert (second["by"], second["score"], second["expected"]) == ("corrections", 9.6, 9.7)
    history = material(cast.prompts["judge"][1], "history")
    assert "version 1 (written): score 8.3" in history
    assert "correction (expected gain 1.4): The name is joined by hand. [applied]" in history
    steps = [one for one in events_of(home) if one["event"] in ("scored", "refined")]
    assert [one["event"] for one in steps] == ["scored", "refined", "scored"]
    assert (steps[1]["applied"], steps[1]["left"]) == (1, 0)


def test_what_does_not_apply_goes_to_the_author(home: Path, env: dict[str, str]) -> None:
    broken = {**FIX, "problem": "No colon.", "remove": "    for name in names:", "add": "    for x"}
    adorned = edit("program.py", "    return 0", "    return 0 if names else 2")
    cast = Cast([program(HELLO), adorned], [judgement(8.0, STRAY, FIX, broken), judgement(9.9)])
    with Provider(cast) as provider:
        done = run(home, "script", PROMPT, "--", "Ann", env=provider.env(env))
    assert (done.returncode, done.stdout) == (0, "Hello, Ann!\n"), done.stderr
    assert asked(provider) == ["script", "judge", "script", "judge"]
    wish = cast.prompts["script"][1]
    assert 'print(f"Hello, {name}!")' in material(wish, "program")
    found = material(wish, "findings")
    assert "It greets too loudly." in found
    assert "REMOVE text was found 0 times" in found
    assert "program.py:8: " in found  # the line that would no longer compile
    assert "The name is joined by hand." not in found
    assert "return 0 if names else 2" in (home / OUT).read_text("utf-8")


def test_below_the_bar_the_best_version_is_kept_and_not_run(
    home: Path, env: dict[str, str]
) -> None:
    worse = {**FIX, "add": '        print("hello", name)', "remove": FIX["add"]}
    cast = Cast([program(HELLO)], [judgement(8.0, FIX), judgement(9.0, worse), judgement(7.0)])
    with Provider(cast) as provider:
        done = run(home, "script", PROMPT, "--max-refinements", "2", env=provider.env(env))
        assert (done.returncode, done.stdout) == (1, "")
        assert "NOT ACCEPTED: the best is version 2, score 9.0; 9.6 accepts" in done.stderr
        assert 'print(f"Hello, {name}!")' in (home / OUT).read_text("utf-8")
        asked_before = len(provider.asked)
        again = run(home, "resume", "--json", env=provider.env(env))
        assert (again.returncode, len(provider.asked)) == (1, asked_before)
    assert [one["score"] for one in json.loads(again.stdout)["versions"]] == [8.0, 9.0, 7.0]
    report = run(home, "report", env=env)
    assert (report.returncode, report.stderr) == (0, "")
    assert "NOT ACCEPTED" in report.stdout
    status = run(home, "status", env=env)
    assert "ended, not passed" in status.stdout
    retry = run(home, "retry", "milestone-1-mvp", env=env)
    assert retry.returncode == 2
    assert "is a script run, which has no milestones" in refused(retry.stderr)


@pytest.mark.parametrize("place", ["run/script", "run/judge"])
def test_killed_it_goes_on_and_asks_nothing_twice(
    home: Path, env: dict[str, str], place: str
) -> None:
    cast = Cast([program(HELLO)], [judgement(8.3, FIX), judgement(9.7)])
    with Provider(cast) as provider:
        running: list[Running] = []

        def end(at: str) -> None:
            if at == place and running:
                running.pop().signal(signal.SIGKILL)

        victim = Running(home, "script", PROMPT, "--", "Ann", env=provider.env(env))
        running.append(victim)
        provider.on_request = end
        assert victim.wait() == -signal.SIGKILL
        before = answered(home)
        cast.left["script"][:] = cast.left["script"] or [program(HELLO)]
        if len(cast.left["judge"]) < 2:
            cast.left["judge"][:] = [judgement(8.3, FIX), judgement(9.7)]
        second = run(home, "resume", env=provider.env(env))
        assert (second.returncode, second.stdout) == (0, "Hello, Ann!\n"), second.stderr
        assert sum(before.values()) <= 1
        assert answered(home) == {"run/script": 1, "run/judge": 2}
        assert provider.twice <= 1  # the call that was cut
        count = len(provider.asked)
        third = run(home, "resume", "--quiet", env=provider.env(env))
        assert (third.returncode, third.stdout, third.stderr) == (0, "Hello, Ann!\n", "")
        assert len(provider.asked) == count


REACH = """import socket
import sys
from pathlib import Path

for what in ("network", "home"):
    try:
        if what == "network":
            socket.create_connection(("ADDRESS", PORT), timeout=5)
        else:
            print(Path("SECRET").read_text())
        print(what, "reached")
    except OSError as error:
        print(what, "stopped", type(error).__name__)
"""


def test_the_sandbox_stops_the_network_and_reading_the_home_folder(
    home: Path, env: dict[str, str]
) -> None:
    (home / "secret.txt").write_text("my secret", "utf-8")
    source = REACH.replace("SECRET", str(home / "secret.txt"))
    with Provider(None) as provider:
        address, _, port = provider.server.url.rpartition("//")[2].partition(":")
        source = source.replace("ADDRESS", address).replace("PORT", port.rstrip("/"))
        provider.script = once(source)
        done = run(home, "script", PROMPT, "--quiet", env=provider.env(env))
    assert done.returncode == 0
    assert "network stopped" in done.stdout
    assert "home stopped" in done.stdout
    assert "my secret" not in done.stdout


def test_a_program_that_never_ends_is_not_accepted_whatever_its_score(
    home: Path, env: dict[str, str]
) -> None:
    cast = once("import time\n\nprint('on and on', flush=True)\ntime.sleep(600)\n", 10)
    words = ("script", PROMPT, "--timeout", "1", "--max-refinements", "0")
    with Provider(cast) as provider:
        done = run(home, *words, env=provider.env(env))
    assert (done.returncode, done.stdout) == (1, "")
    assert "timed out" in done.stderr
    assert "NOT ACCEPTED" in done.stderr
    assert "timed out" in material(cast.prompts["judge"][0], "run")


def test_a_crash_goes_to_the_author_and_an_exit_code_is_told(
    home: Path, env: dict[str, str]
) -> None:
    crash = "import sys\n\nprint(sys.argv[9])\n"
    wrong = "import sys\n\nprint(sys.stdin.read())\nsys.exit(3)\n"
    cast = Cast([program(crash), program(wrong)], [judgement(10), judgement(9.7)])
    (home / "in.txt").write_text("given", "utf-8")
    with Provider(cast) as provider:
        done = run(home, "script", PROMPT, "--stdin", "in.txt", env=provider.env(env))
    assert (done.returncode, done.stdout) == (1, "given\n"), done.stderr
    assert "IndexError" in material(cast.prompts["script"][1], "findings")
    assert "orchestrate: the program ended badly: exit code 3" in done.stderr


def test_a_crash_that_corrections_mend_takes_no_call(home: Path, env: dict[str, str]) -> None:
    crash = HELLO.replace('"Hello, " + name', '"Hello, " + nmae')
    mend = {**FIX, "remove": '        print("Hello, " + nmae)\n'}
    cast = Cast([program(crash)], [judgement(9.9, mend), judgement(9.6)])
    with Provider(cast) as provider:
        done = run(home, "script", PROMPT, "--quiet", "--", "Ann", env=provider.env(env))
    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello, Ann!\n", "")
    assert asked(provider) == ["script", "judge", "judge"]
    assert "uncaught exception" in material(cast.prompts["judge"][0], "run")


def test_what_cannot_be_run_is_asked_again_with_the_reason(home: Path, env: dict[str, str]) -> None:
    strange = program("import requests\n")
    cast = Cast([program("def\n"), strange, program(HELLO)], [judgement(9.65), judgement(9.6)])
    with Provider(cast) as provider:
        done = run(home, "script", PROMPT, "--quiet", env=provider.env(env))
    assert (done.returncode, done.stderr) == (0, "")
    assert "program.py:1: invalid syntax" in material(cast.prompts["script"][1], "errors")
    assert "'requests' is not in the standard" in material(cast.prompts["script"][2], "errors")
    assert "more than one digit" in material(cast.prompts["judge"][1], "errors")


def test_a_recording_is_replayed_and_really_run_again(
    home: Path, env: dict[str, str], tmp_path: Path
) -> None:
    with Provider(once(HELLO)) as provider:
        assert run(home, "script", PROMPT, "--", "Ann", env=provider.env(env)).returncode == 0
    other = tmp_path / "other"
    other.mkdir()
    recording = str(folder_of(home).path)
    done = run(other, "script", "--replay", recording, "--out", "hello.py", env=env)
    assert (done.returncode, done.stdout) == (0, "Hello, Ann\n"), done.stderr
    assert [one.name for one in other.iterdir() if one.suffix] == ["hello.py"]
    tried = [*(folder_of(other).ledger / "decisions").glob("script+trial+*")]
    assert len(tried) == 1
    bare = run(other, "--replay", recording, "--json", env=env)
    assert json.loads(bare.stdout)["program"] == str(other / OUT)


def test_a_cap_holds_and_resume_goes_on(home: Path, env: dict[str, str]) -> None:
    with Provider(once(HELLO)) as provider:
        first = run(home, "script", PROMPT, "--max-calls", "1", "--quiet", env=provider.env(env))
        assert first.returncode == 4
        assert "orchestrate resume --max-calls 2" in refused(first.stderr)
        second = run(home, "resume", "--max-calls", "2", env=provider.env(env))
        assert second.returncode == 0
        assert asked(provider) == ["script", "judge"]


Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    """The command line in this process, in `home`: exit code, standard output, standard error."""
    monkeypatch.chdir(home)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_a_host_answers_by_files_and_resume_or_submit_goes_on(cli: Cli, home: Path) -> None:
    code, out, _ = cli("script", PROMPT, "--host", "--json", "--", "Ann")
    first = json.loads(out)
    assert (code, first["status"], first["id"]) == (0, "request", "run/script/1/1")
    assert "You are Script" in Path(first["request_file"]).read_text("utf-8")
    assert json.loads(cli("resume", "--json")[1]) == first
    Path(first["answer_file"]).write_text(program(HELLO), "utf-8")
    second = json.loads(cli("resume", "--json")[1])
    assert second["id"] == "run/judge/1/1"
    assert json.loads(cli("next")[1])["id"] == second["id"]
    Path(second["answer_file"]).write_text(judgement(9.9), "utf-8")
    code, out, err = cli("submit", second["id"])
    done = json.loads(out)
    assert (code, err, done["status"], done["score"]) == (0, "", "done", "9.9")
    assert done["program"] == str(home / OUT)
    assert cli("resume", "--quiet") == (0, "Hello, Ann\n", "")
    assert "score  version 1: 9.9  exit code 0" in cli("watch")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--min-score", "9.65"), "'9.65' has more than one digit after the point"),
        (("--min-score", "11"), "'11' is no number from 0 to 10"),
        (("--min-score", "good"), "'good' is no number from 0 to 10"),
        (("--min-score", "nan"), "'nan' is no number from 0 to 10"),
        (("--max-refinements", "-1"), "-1 is not in the range"),
        (("--timeout", "0"), "--timeout 0.0 is no time"),
        (("--timeout", "1e9"), "--timeout: Input should be less than or equal to 3600"),
        (("--stdin", "absent"), "cannot read absent: No such file"),
        (("--out", "mine.py"), "mine.py exists"),
        (("--out", "no/where.py"), "no/where.py lies in no folder"),
        (("--out", "."), ". is a folder"),
        (("--host", "--max-cost", "1"), "a host agent does not say what its answers cost"),
        (("--replay", "absent"), "a recording brings its own prompt"),
        (("--", "\udcff"), "cannot be given to a program"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_begun(
    cli: Cli, home: Path, words: tuple[str, ...], said: str
) -> None:
    (home / "mine.py").write_text("mine", "utf-8")
    code, out, err = cli("script", PROMPT, *words)
    assert (code, out) == (2, "")
    assert said in refused(err)
    assert (home / "mine.py").read_text("utf-8") == "mine"
    assert not (home / ".orchestrate").exists()


def test_a_file_is_replaced_with_force_alone_and_never_again_once_changed(
    home: Path, env: dict[str, str]
) -> None:
    (home / OUT).write_text("mine", "utf-8")
    with Provider(once(HELLO)) as provider:
        kept = run(home, "script", PROMPT, env=provider.env(env))
        assert kept.returncode == 2
        assert f"{home / OUT} exists" in refused(kept.stderr)
        assert (provider.asked, (home / OUT).read_text("utf-8")) == ([], "mine")
        done = run(home, "script", PROMPT, "--force", env=provider.env(env))
        assert (done.returncode, (home / OUT).read_text("utf-8")) == (0, HELLO)
        (home / OUT).write_text("changed", "utf-8")
        again = run(home, "resume", env=provider.env(env))
    assert again.returncode == 0
    assert "was changed since; it is left as it is" in again.stderr
    assert (home / OUT).read_text("utf-8") == "changed"
