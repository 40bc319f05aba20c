"""Answers that cannot be used: each is kept, told exactly what is wrong, and asked for again."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from orchestrator.agents.judgement import json_text
from orchestrator.artifacts.exchange import Answer
from tests.world import (
    MAIN,
    ONE,
    Override,
    Played,
    answer,
    architecture,
    check,
    code,
    edit,
    evaluation,
    file,
    module,
    play,
    specification,
    suite,
    turns,
)

MVP = "milestone-1-mvp"
Bad = tuple[str | Answer, str]
"""A bad answer, and what its author must be told; a reason that ends in `...` is a beginning."""


def spec(**changes: object) -> str:
    return json.dumps({**json.loads(specification("1", "greet")), **changes})


def checks(**changes: object) -> list[dict[str, object]]:
    """The good checks, the held one with `changes`."""
    return [check("1", "greet", "shown", "Bob"), {**check("1", "greet", "held", "Al"), **changes}]


def arch(**changes: object) -> str:
    given = json.loads(architecture("1", "greet"))
    return json.dumps({**given, "launch": {**given["launch"], **changes}})


def judged(at: int, **changes: object) -> str:
    """A good evaluation, its score number `at` with `changes`."""
    given = json.loads(evaluation("1", "greet"))
    given["scores"][at] |= changes
    return json.dumps(given)


PLANNER: list[Bad] = [
    ("First greet, then shout.", "the answer is not one JSON object: ..."),
    ("[1, 2]", "Input should be an object"),
    ('{"product_name": "x"}', "Field required (at summary)\nField required (at milestones)"),
    (json.dumps({**json.loads(ONE), "more": 1}), "Extra inputs are not permitted (at more)"),
    ("", "the answer was empty"),
    (" \n", "the answer was empty"),
    (answer("No.", stop="refused", stop_detail="policy"), "the answer was a refusal (policy)"),
    (answer("", stop="refused"), "the answer was a refusal (no reason given)"),
    (
        answer(ONE[:100], stop="cut off"),
        "the answer was cut off at the token limit: give the whole object again, more briefly\n"
        "the answer is not one JSON object: ...",
    ),
    ('{"a":' * 100_000, "the answer is not one JSON object: ..."),
]
SPEC: list[Bad] = [
    (spec(checks=checks()[:1]), "criterion 'M1-C1' has no held check"),
    (spec(checks=checks()[1:]), "criterion 'M1-C1' has no shown check"),
    (
        spec(checks=checks(criterion="M2-C1")),
        "check 'M1-C1-held-1' names criterion 'M2-C1', not one of this milestone\n"
        "criterion 'M1-C1' has no held check",
    ),
    (spec(checks=checks(steps=[])), "check 'M1-C1-held-1': it has no steps"),
    (
        spec(checks=checks(id="M1-C1-held-one")),
        "check id 'M1-C1-held-one' is not of the form 'M1-C1-held-1'",
    ),
    (spec(checks=[*checks(), checks()[1]]), "check id 'M1-C1-held-1' is used 2 times"),
    (
        spec(supersedes=[{"test": "M1-C1", "reason": "it is hard"}]),
        "supersedes 'M1-C1': it is no criterion of a merged milestone",
    ),
    (
        spec(supersedes=[{"test": "tests/unit/test_a.py::test_a", "reason": "it is hard"}]),
        "supersedes 'tests/unit/test_a.py::test_a': it is no test of a merged milestone",
    ),
]
ARCH: list[Bad] = [
    (
        arch(command=["greeter"]),
        "launch.command ['greeter'] must start with 'python' and name what to run",
    ),
    (arch(kind="library"), "launch.command of a library must be empty"),
    (arch(module="greet-er"), "launch.module 'greet-er' is not an importable module name"),
]
IMPL: list[Bad] = [
    ("I would write a module.", "the answer has no block; ..."),
    (
        module("greet") + file("../evil.py", "x = 1") + file("/etc/passwd", "x"),
        "'../evil.py': the path has the segment '..'\n"
        "'/etc/passwd': the path is absolute; name it from the project's folder",
    ),
    (
        module("greet") + file("tests/unit/test_x.py", "def test_x(): pass"),
        "'tests/unit/test_x.py': tests are locked, Impl may not change them",
    ),
    (
        module("greet") + file("pytest.ini", "[pytest]") + file("greeter/conftest.py", "x = 1"),
        "'greeter/conftest.py': it decides how the tests run, Impl may not change it\n"
        "'pytest.ini': it decides how the tests run, Impl may not change it",
    ),
    (
        file("requirements.txt", "evil @ https://example.org/evil.whl") + code("1", "greet"),
        "requirements.txt line 1: 'evil @ https://example.org/evil.whl' names a URL or a path; "
        "only packages of the index are allowed",
    ),
    (
        answer(file("greeter/greet.py", "lost = 1") + "=== FILE greeter/__ini", stop="cut off"),
        "the answer was cut off; these blocks are complete and kept: greeter/greet.py. "
        "Give only the blocks that are still missing.",
    ),
    (
        file("tests/x.py", "x = 1"),
        "'tests/x.py': tests are locked, Impl may not change them\n"
        "the blocks that were kept are dropped with it: give every block again",
    ),
]
CUT: list[Bad] = [
    (
        answer(
            file("greeter/greet.py", 'line = "hello".format\nline = "hello".format')
            + "=== FILE greeter/__init__.py ===\nhalf",
            stop="cut off",
        ),
        "the answer was cut off; these blocks are complete and kept: greeter/greet.py. "
        "Give only the blocks that are still missing.",
    ),
    (
        file("greeter/__init__.py", '"""A greeter."""') + "=== FILE greeter/__main__.py ===\nhalf",
        "the answer was cut off; these blocks are complete and kept: greeter/__init__.py, "
        "greeter/greet.py. Give only the blocks that are still missing.",
    ),
]
REPAIR: list[Bad] = [
    (
        edit("greeter/greet.py", "line = 'hello'.format", "x = 1"),
        "'greeter/greet.py': REMOVE text was found 0 times; the nearest lines are 1-1:...",
    ),
    (
        edit("greeter/greet.py", 'line = "hello".format', "x = 1"),
        "'greeter/greet.py': REMOVE text was found 2 times (lines 1, 2); ...",
    ),
    (edit("greeter/gone.py", "x", "y"), "'greeter/gone.py': there is no such file"),
    (
        file("greeter/__init__.py", '"""A greeter."""'),
        "the answer changes nothing: every file is as it was",
    ),
]
WEAK = file("tests/contract/test_m1_weak.py", "def test_m1_c1_nothing():\n    assert True")
TEST: list[Bad] = [
    (
        suite("1", "greet") + module("greet"),
        "'greeter/greet.py': Test may write under tests/ only",
    ),
    (
        suite("1", "greet").replace("test_m1_c1_greets", "test_greets"),
        "no test under tests/contract/ names criterion M1-C1 (test_m1_c1_...)",
    ),
    (
        WEAK + file("tests/unit/test_m1_x.py", "def test_x(:\n    pass"),
        "tests/unit/test_m1_x.py does not parse (line 1)",
    ),
    (
        WEAK + file("tests/conftest.py", "def pytest_runtest_makereport(item, call): pass"),
        "tests/conftest.py: pytest_runtest_makereport: this can change results...",
    ),
]
ADDED: list[Bad] = [
    (
        suite("1", "greet") + file("tests/contract/test_m1_weak.py", "x = 1"),
        "'tests/contract/test_m1_weak.py': this test file is locked; add a new file instead",
    ),
    (
        suite("1", "greet") + "=== DELETE tests/contract/test_m1_weak.py ===\n",
        "'tests/contract/test_m1_weak.py': this test file is locked; add a new file instead",
    ),
]
EVAL: list[Bad] = [
    (
        judged(1, dimension="correctness"),
        "dimension correctness is scored 2 times, it must be once\n"
        "dimension code_quality is scored 0 times, it must be once",
    ),
    (
        judged(2, score=6, evidence=[]),
        "security scores 6, it must be from 1 to 5\nsecurity is scored without evidence",
    ),
    (
        judged(3, evidence=["it is tidy"]),
        "maintainability: evidence 'it is tidy' does not begin with path:line",
    ),
    (
        judged(3, evidence=["greeter/nope.py:1: tidy"]),
        "maintainability: evidence greeter/nope.py:1 cites a file that is not in the code",
    ),
    (
        judged(3, evidence=["greeter/greet.py:99: tidy"]),
        "maintainability: evidence greeter/greet.py:99 cites a line that is not there (the file "
        "has 6)",
    ),
    (
        judged(3, evidence=["greeter/greet.py:0: tidy"]),
        "maintainability: evidence greeter/greet.py:0 cites a line that is not there (the file "
        "has 6)",
    ),
    (
        judged(3, evidence=[f"greeter/greet.py:{'9' * 5000}: tidy"]),
        "maintainability: evidence ...",
    ),
    (evaluation("1", "greet", criteria=[]), "criterion M1-C1 is judged 0 times"),
    (
        evaluation("7", "greet"),
        "criterion M1-C1 is judged 0 times\ncriterion 'M7-C1' is not one of this milestone",
    ),
    (
        evaluation(
            "1",
            "greet",
            findings=[
                {
                    "dimension": "security",
                    "severity": "low",
                    "path": "greeter/gone.py",
                    "line": 3,
                    "problem": "It leaks.",
                    "remedy": "Mend it.",
                    "edits": [],
                }
            ],
        ),
        "finding 'It leaks.': greeter/gone.py:3 cites a file that is not in the code",
    ),
]


def given(bad: Iterable[Bad], *good: Override) -> tuple[Override, ...]:
    return (*(one for one, _ in bad), *good)


def test_every_unusable_answer_is_kept_and_asked_again_with_the_exact_reason(
    home: Path, env: dict[str, str]
) -> None:
    """One attempt in which every agent is wrong in every way that it can be."""
    said: dict[str, tuple[list[Bad], tuple[Override, ...]]] = {
        "run/planner/1": (PLANNER, given(PLANNER, f"\ufeffHere:\n```json\n{ONE}\n```\nDone.")),
        f"{MVP}/spec/1": (SPEC, given(SPEC, "```\n" + specification("1", "greet") + "\n```")),
        f"{MVP}/arch/1": (ARCH, given(ARCH, "Here: " + architecture("1", "greet") + " {so}")),
        f"{MVP}/impl/1": (
            IMPL + CUT + [("", "")] + REPAIR,
            given(IMPL + CUT, file("greeter/__main__.py", MAIN)) + given(REPAIR, module("greet")),
        ),
        f"{MVP}/test/1": (
            [*TEST, ("", ""), *ADDED],
            given(TEST, WEAK) + given(ADDED, suite("1", "greet")),
        ),
        f"{MVP}/eval/1": (EVAL, given(EVAL, evaluation("1", "greet"))),
    }
    overrides: dict[str, Override] = {}
    for place, (_, answers) in said.items():
        overrides |= turns(place, *answers)
    played = play(home, env, overrides, max_reasks=10, max_retries=1)
    assert played.done.passed, played.done.facts.milestones[0].reason
    assert len(played.done.facts.milestones[0].attempts) == 1
    for place, (bad, answers) in said.items():
        assert sum(one.startswith(f"{place}/") for one in played.ids) == len(answers)
        for turn, (_, reasons) in enumerate(bad, 2):
            assert_told(played, f"{place}/{turn}", reasons)
    assert played.git("show", "main:greeter/__init__.py") == '"""A greeter."""'
    assert "lost" not in played.git("log", "--all", "-p")

    kept = {one.id: one.answer.text for one in played.ledger.answers()}
    assert set(kept) == set(played.ids)
    for place, (_, answers) in said.items():
        for turn, one in enumerate(answers, 1):
            assert kept[f"{place}/{turn}"] == (one.text if isinstance(one, Answer) else one)


def assert_told(played: Played, name: str, reasons: str) -> None:
    """That request `name` shows each line of `reasons` as an error, and no other."""
    told = played.told(name, "errors")
    wanted = reasons.splitlines()
    given = told.removeprefix("- ").split("\n- ") if told else []
    assert len(given) == len(wanted), (name, told)
    for got, line in zip(given, wanted, strict=True):
        same = got.startswith(line[:-3]) if line.endswith("...") else got == line
        assert same, (name, told)


def test_an_agent_without_a_valid_answer_costs_an_attempt_and_is_asked_anew(
    home: Path, env: dict[str, str]
) -> None:
    """Each stage in turn stays silent for a whole attempt."""
    bad = {
        place: ("no", "no", "no")
        for place in (
            f"{MVP}/spec/1",
            f"{MVP}/arch/2",
            f"{MVP}/impl/3",
            f"{MVP}/test/4",
            f"{MVP}/eval/5",
        )
    }
    overrides: dict[str, Override] = {}
    for place, answers in bad.items():
        overrides |= turns(place, *answers)
    played = play(home, env, overrides, max_retries=6)
    attempts = played.done.facts.milestones[0].attempts
    assert played.done.passed
    assert [one.entry for one in attempts] == ["spec", "spec", "arch", "impl", "test", "eval"]
    for one, stage in zip(attempts, ("spec", "arch", "impl", "test", "eval"), strict=False):
        assert one.reasons[0].startswith(f"{stage}: ")
        assert one.score == ""
        ids = [name for name in played.ids if f"/{stage}/{one.number}/" in name]
        assert ids == [f"{MVP}/{stage}/{one.number}/{turn}" for turn in (1, 2, 3)]
    assert [one.verdict for one in attempts] == ["none"] * 4 + ["pass", "pass"]
    assert played.ids[-3:] == [f"{MVP}/eval/5/3", f"{MVP}/eval/6/1", "run/reporter/1/1"]
    assert "eval: the answer is not" in played.told(f"{MVP}/eval/6/1", "findings")
    ended = [one for one in played.of("stage_ended") if not getattr(one, "ok", True)]
    assert [(getattr(one, "stage", ""), getattr(one, "attempt", 0)) for one in ended] == [
        ("spec", 1),
        ("arch", 2),
        ("impl", 3),
        ("test", 4),
        ("eval", 5),
    ]


def test_a_verdict_outlives_a_repair_that_was_not_answered(home: Path, env: dict[str, str]) -> None:
    """The next attempt is told what was red, not only that nobody answered."""
    overrides: dict[str, Override] = {
        **turns(f"{MVP}/impl/1", code("1", "greet", "name"), "no"),
        f"{MVP}/impl/2/1": module("greet"),
    }
    played = play(home, env, overrides, max_retries=2, max_reasks=0)
    assert played.done.passed
    first = played.done.facts.milestones[0].attempts[0]
    assert (first.verdict, first.repairs) == ("fail", 1)
    assert first.reasons[0].startswith("impl: the answer has no block")
    told = played.told(f"{MVP}/impl/2/1", "findings")
    assert "assert 'Eve\\n' == 'Hello, Eve!\\n'" in told


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('\ufeff{"a": 1}', '{"a": 1}'),
        ('  \n{"a": 1}\n\n', '{"a": 1}'),
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('```\r\n{"a": 1}\r\n```\r\n', '{"a": 1}'),
        ('Here you are:\n\n```json\n{"a": 1}\n```\nI hope so.', '{"a": 1}'),
        ('Sure. {"a": {"b": "}"}} And more {.', '{"a": {"b": "}"}}'),
        ('{"a": "```\\n"} trailing', '{"a": "```\\n"}'),
        ('{"a": 1', '{"a": 1'),
        ("nothing", "nothing"),
        ("[1]", "[1]"),
    ],
)
def test_json_is_found_in_what_models_write_around_it(text: str, found: str) -> None:
    assert json_text(text) == found
