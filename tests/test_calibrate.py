"""`orchestrate calibrate`: what Eval is shown, what is counted, and that nothing is asked twice."""

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from orchestrator import calibrating
from orchestrator.artifacts.exchange import Request
from orchestrator.artifacts.values import DIMENSIONS, Dimension
from orchestrator.calibrating import specimens
from orchestrator.calibration import Label, Scored, tables
from orchestrator.cli import main
from tests.command import Provider, Running, material, run
from tests.examples import copied
from tests.test_calibration_set import PLANTED, SET

FEW = ("calibrate", "--project", "throttle", "--half", "tune")
HOST = (*FEW, "--host")
FOUND, MISSED = "the-farthest-hop-is-believed", "refused-requests-gain"
READ = "a-rate-read-by-hand"
CODE = {"code", "test_report", "lint"}
Call = Callable[..., str]


def evaluation(**scores: int) -> str:
    """A valid answer to any request of the project; 4 where nothing else is said."""
    given = {name: scores.get(name, 4) for name in DIMENSIONS}
    cited = "throttle/__init__.py:1: is there"
    return json.dumps(
        {
            "scores": [
                {"dimension": name, "score": score, "evidence": [cited]}
                for name, score in given.items()
            ],
            "criteria": [
                {"criterion": f"M1-C{number}", "met": True, "evidence": cited}
                for number in range(1, 6)
            ],
            "findings": [],
            "culprit": "impl",
            "exemptions": [],
            "resolved": [],
            "summary": "Read.",
        }
    )


KEY = {
    one.name: one.label.id if one.label else ""
    for one in specimens.read(SET, ("throttle",), ("tune",))
}
ANSWERS = {
    "": evaluation(),
    FOUND: evaluation(security=2),
    MISSED: evaluation(correctness=5),
    READ: evaluation(code_quality=1),
}
"""By defect: one found, one missed that passes, and one found that does not pass."""


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which every project is verified, and no request answered."""
    home = tmp_path_factory.mktemp("verified") / "home"
    home.mkdir()
    (home / "orchestrate.toml").write_text("[limits]\nmutants = 0\n", "utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATE_")}
    done = run(home, *HOST, env=env)
    assert done.returncode == 0, done.stderr
    assert "4 answers are missing" in done.stdout
    return home


@pytest.fixture
def home(verified: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(verified, tmp_path / "home"))


@pytest.fixture
def call(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    monkeypatch.chdir(home)

    def called(*words: str, code: int = 0) -> str:
        assert main(list(words)) == code
        return capsys.readouterr()[0 if code == 0 else 1]

    return called


def waiting(home: Path) -> dict[str, Path]:
    """The request files by id, of those without an answer."""
    (inbox,) = (home / ".orchestrate" / "inbox").iterdir()
    found = {
        re.findall(r"^# Request (\S+)$", path.read_text("utf-8"), re.MULTILINE)[0]: path
        for path in inbox.glob("*.request.md")
    }
    return {name: path for name, path in found.items() if not answer_file(path).exists()}


def answer_file(request: Path) -> Path:
    return request.with_name(request.name.replace(".request.md", ".answer.json"))


def answer(home: Path, answers: Mapping[str, str] = ANSWERS) -> int:
    """Writes the answer files that are missing; how many there were."""
    asked = waiting(home)
    for name, path in asked.items():
        answer_file(path).write_text(answers[KEY[re.split(r"[-/]", name)[0]]], "utf-8")
    return len(asked)


def test_a_host_answers_files_and_gets_the_table(home: Path, call: Call) -> None:
    said = json.loads(call(*HOST, "--json"))
    assert said["status"] == "waiting"
    assert {Path(one["request_file"]) for one in said["requests"]} == set(waiting(home).values())
    assert answer(home) == 4
    told = call(*HOST)
    assert (
        "correctness     0/1 0 %       1/1           1/1            4.00   5.00       0.00" in told
    )
    assert (
        "security        1/1 100 %     0/1           1/1            4.00   2.00       0.00" in told
    )
    assert (
        "code_quality    1/1 100 %     0/1           0/1            4.00   1.00       0.00" in told
    )
    assert (
        "all             2/3 67 %      1/3           2/3            4.00   2.67       0.00" in told
    )
    assert f"throttle/{MISSED} (subtle): in order 0/1, clean 4.00, defective 5.00" in told
    assert f"throttle/{FOUND}" not in told
    assert "clean projects pass the gate 1 of 1 times" in told
    assert call(*HOST) == told
    assert "no score below 2" in told
    again = call(*HOST, "--threshold", "1")
    assert "at 1.00" in again, "another gate needs no other answers"


def test_an_answer_that_is_not_valid_is_asked_again_and_then_given_up(
    home: Path, call: Call
) -> None:
    bad = evaluation().replace("throttle/__init__.py:1", "throttle/nothing.py:1")
    answer(home, {**ANSWERS, FOUND: bad, "": "I would give it a 4."})
    call(*HOST)
    again = waiting(home)
    assert {(KEY[name.split("/")[0]], name.split("/", 1)[1]) for name in again} == {
        (FOUND, "eval/1/2"),
        ("", "eval/1/2"),
    }
    told = {KEY[name.split("/")[0]]: path.read_text("utf-8") for name, path in again.items()}
    assert "cites a file that is not in the code" in material(told[FOUND], "errors")
    assert "is not one JSON object" in material(told[""], "errors")
    assert answer(home, {**ANSWERS, FOUND: bad}) == 2
    assert "1 answers are missing" in call(*HOST)
    assert answer(home, {**ANSWERS, FOUND: bad}) == 1
    said = call(*HOST)
    assert f"no valid answer: throttle/{FOUND}" in said
    assert re.search(r"^security +0/1 0 %", said, re.M), "what has no score is not in order"


def test_requests_tell_nothing_but_the_code_and_its_facts(home: Path, call: Call) -> None:
    call(*HOST)
    texts = {
        KEY[name.split("/")[0]]: path.read_text("utf-8") for name, path in waiting(home).items()
    }
    assert set(texts) == {"", FOUND, MISSED, READ}
    names = {"idea", "plan", "project", "milestone", "specification", *CODE}
    for text in texts.values():
        materials = set(re.findall(r'<material-\w+ name="(\w+)">', text))
        assert materials == names, "as at a first attempt"
        for name in names - CODE:
            assert material(text, name) == material(texts[""], name)
        assert _without_code(text) == _without_code(texts[""])
        assert "37 passed" in material(text, "test_report")
        for one in PLANTED:
            assert not any(one.defect[part] in text for part in ("id", "title", "why"))
        assert not re.search(
            r"planted|calibrat|specimen|\btune\b|blatant|subtle|labelled", text.lower()
        )
    assert len({material(text, "code") for text in texts.values()}) == 4


def _without_code(text: str) -> str:
    """Less the material that may differ, the names of files and marks of material."""
    for name in CODE:
        text = re.sub(rf'<material-(\w+) name="{name}">.*?</material-\1>', name, text, flags=re.S)
    return re.sub(r"C[0-9a-f]{8}(/eval/1/1|\.eval\.1\.1-[0-9a-f]{8})", "NAME", text)


def test_recorded_answers_give_the_same_table_without_a_model(
    home: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(home)
    told = call(*HOST)
    (folder,) = (home / ".orchestrate" / "calibration").iterdir()
    recording = tmp_path / "2026-11-26"
    copied(folder, recording)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    again = call(*FEW, "--replay", str(recording))
    assert again.splitlines()[:-1] == told.splitlines()[:-1], "but for where it is kept"
    assert call(*FEW, "--replay", str(recording)) == again
    assert "has no answer to C" in call(*FEW, "--repeats", "2", "--replay", str(recording), code=3)


def scripted(request: Request) -> str:
    """What a provider answers, who is told no name: the code alone."""
    code = material(request.prompt, "code")
    for one in specimens.read(SET, ("throttle",), ("tune",)):
        if all(line in code for path in one.tree for line in _lines(one.tree.text(path), path)):
            return ANSWERS[one.label.id if one.label else ""]
    raise AssertionError(code)


def _lines(text: str, path: str) -> list[str]:
    if path.startswith("tests/"):
        return []
    return [f"{number:4d}| {line}\n" for number, line in enumerate(text.splitlines(), 1)]


def test_a_calibration_that_is_cut_off_goes_on_and_asks_nothing_twice(
    home: Path, env: dict[str, str]
) -> None:
    def command(*more: str, code: int = 0) -> str:
        running = Running(home, *FEW, *more, env=provider.env(env))
        assert running.wait() == code, running.said
        return running.said + running.stdout.read_text("utf-8")

    with Provider(scripted) as provider:
        known = {path.name for path in home.rglob("verdicts/*.json")}
        assert "the same command with --max-calls 6" in command("--max-calls", "3", code=4)
        assert {path.name for path in home.rglob("verdicts/*.json")} == known, "known already"
        assert len(provider.asked) == 3
        done = command("--max-calls", "6")
        assert (len(provider.asked), provider.twice) == (4, 0)
        assert f"throttle/{MISSED} (subtle): in order 0/1" in done
        found = calibrating.Calibration.model_validate_json(command("--quiet", "--json"))
        assert (len(provider.asked), found.tables[0].rows[-1].in_order) == (4, 2)
        twice = command("--repeats", "2", "--max-calls", "none")
        assert len(provider.asked) == 8
        assert re.search(r"^all +8/12 67 %", twice, re.MULTILINE)
    recorded = sorted((home / ".orchestrate" / "calibration").glob("eval-anthropic-*/ledger/a*/*"))
    assert [path.name for path in recorded] == sorted([*KEY, *(f"{name}-2" for name in KEY)])


def test_what_cannot_be_is_refused(home: Path, call: Call) -> None:
    assert "there are: linkboard" in call("calibrate", "--project", "none", "--host", code=2)
    assert "exclude" in call("calibrate", "--host", "--replay", str(home), code=2)
    assert "holds no recording" in call("calibrate", "--replay", str(home), code=2)
    assert "--max-cost" in call("calibrate", "--host", "--max-cost", "1", code=2)


def label(name: str, dimension: Dimension, half: str = "tune") -> Label:
    return Label.model_validate(
        {"id": name, "project": "p", "dimension": dimension, "severity": "clear", "half": half}
    )


def scored(defect: str, repeat: int = 1, *, passed: bool = True, **scores: int) -> Scored:
    given: dict[Dimension, int] = {name: scores.get(name, 4) for name in DIMENSIONS}
    return Scored(project="p", defect=defect, repeat=repeat, scores=given, passed=passed)


def test_every_repeat_of_the_clean_project_is_compared_with_each_of_the_defective() -> None:
    found = [
        scored("", 1, security=4),
        scored("", 2, security=3),
        scored("hole", 1, security=3),
        scored("hole", 2, security=2, passed=False),
    ]
    (table,) = tables([label("hole", "security")], found)
    row, every = table.rows
    assert (row.in_order, row.pairs, row.false_passes) == (3, 4, 1)
    assert (row.passed, row.evaluations) == (1, 2)
    assert (row.clean, row.defective, row.spread) == (3.5, 2.5, 1.0)
    assert every.model_copy(update={"dimension": "security"}) == row
    (missed,) = table.missed
    assert (missed.in_order, missed.pairs) == (3, 4)
    assert (table.clean_passed, table.clean_evaluations) == (2, 2)


def test_halves_are_told_apart_and_share_the_clean_projects() -> None:
    labels = [label("a", "security", "report"), label("b", "scalability", "tune")]
    found = [scored(""), scored("a", security=4), scored("b", scalability=1), scored("other")]
    tune, report = tables(labels, found)
    assert (tune.half, report.half) == ("tune", "report")
    assert [row.dimension for row in tune.rows] == ["scalability", "all"]
    assert (tune.rows[-1].in_order, report.rows[-1].in_order) == (1, 0)
    assert [one.label.id for one in report.missed] == ["a"]
    assert tune.missed == ()


def test_what_was_not_answered_counts_against_the_evaluator() -> None:
    nothing = scored("hole", passed=False).model_copy(update={"scores": None})
    (table,) = tables([label("hole", "security")], [scored(""), nothing])
    row = table.rows[0]
    assert (row.in_order, row.pairs, row.false_passes, row.defective) == (0, 1, 0, None)
    assert table.unanswered == ("p/hole",)
    assert tables([], [scored("")]) == ()


def test_the_shipped_answers_give_the_committed_table(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATE_")}
    done = run(tmp_path, "calibrate", "--replay", "2026-11-26", env=env)
    assert done.returncode == 0, done.stderr
    kept = (SET / "answers" / "2026-11-26.txt").read_text("utf-8")
    assert done.stdout.partition("kept in ")[0] == kept
