"""How what came is held against what was expected."""

import json

import pytest

from orchestrator.artifacts import specification
from orchestrator.artifacts.checks import (
    CommandStep,
    FileMatch,
    HttpStep,
    Match,
    Pair,
    RestartStep,
    Step,
)
from orchestrator.artifacts.plan import Criterion, Milestone
from orchestrator.artifacts.specification import Specification
from orchestrator.verify import compare
from orchestrator.verify.compare import Answered, Json, Mismatch, Ran, Together
from orchestrator.verify.pattern import search
from tests.verification import call, check, clock, http, parallel, python

TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no\n'


@pytest.mark.parametrize(
    ("how", "text", "got", "agrees"),
    [
        ("equals", "a\n", "a", True),
        ("equals", "a\r\nb", "a\nb \n\n", True),
        ("equals", "a", " a", False),
        ("equals", "a\nb", "a \nb", False),
        ("equals", "", "\n", True),
        ("contains", "b\nc", "a\nb\r\nc", False),
        ("contains", "b\r\nc", "a\nb\r\nc", True),
        ("absent", "\r", "a\nb\n", True),
        ("absent", "\r", "a\r\nb\n", False),
        ("matches", r"\r$", "a\r\nb\n", True),
        ("contains", "B", "abc", False),
        ("absent", "b", "abc", False),
        ("absent", "d", "abc", True),
        ("matches", r"^id: \d+$", "one\nid: 42\nend", True),
        ("matches", r"^\d+$", "id: 42", False),
    ],
)
def test_a_match(how: str, text: str, got: str, agrees: bool) -> None:
    assert compare.agrees(Match.model_validate({"how": how, "text": text}), got, search) is agrees


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^b$", "a\nb\n", True),
        (r"\Ab", "a\nb\n", False),
        ("é\ud800", "é\ud800", True),
        ("[[a]", "[", True),
        ("(a+)+$", "a" * 40 + "b", None),
    ],
)
def test_a_pattern_is_tried_in_a_process_that_may_be_ended(
    pattern: str, text: str, found: bool | None
) -> None:
    assert search(pattern, text) is found


def test_a_pattern_that_comes_to_no_end_is_a_wrong_output_that_says_so() -> None:
    endless = step(stdout=(Match(how="matches", text="(a+)+$"),))

    found = compare.ran(endless, Ran(out="a" * 40 + "b"), lambda *_: None)

    assert found is not None
    assert found.kind == "wrong output"
    assert "the pattern '(a+)+$' ran out of time on 'aaaa" in found.text


@pytest.mark.parametrize(
    ("expected", "got", "where"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, ""),
        ({"a": {"b": "<string>"}}, {"a": {"b": "x"}}, ""),
        ({"a": "<any>"}, {"a": None}, ""),
        ({"a": "<any>"}, {}, "the body: there is no 'a'"),
        ({"a": "<integer>"}, {"a": 1}, ""),
        ({"a": "<integer>"}, {"a": 1.5}, "a: expected <integer>, got 1.5"),
        ({"a": "<integer>"}, {"a": True}, "a: expected <integer>, got true"),
        ({"a": "<number>"}, {"a": 1.5}, ""),
        ({"a": "<boolean>"}, {"a": False}, ""),
        ({"a": "<array>", "b": "<object>"}, {"a": [], "b": {}}, ""),
        ({"a": 1}, {"a": True}, "a: expected 1, got true"),
        ({"a": 1}, {"a": 1.0}, ""),
        ({"a": None}, {"a": 0}, "a: expected null, got 0"),
        ([{"id": 1}], [{"id": 1, "x": 2}], ""),
        ([{"id": 1}], [{"id": 1}, {"id": 2}], "the body: expected"),
        ([1, 2], [2, 1], "0: expected 1, got 2"),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "a.0.b: expected 1, got 2"),
        ({"a": 1}, [1], 'the body: expected {"a": 1}, got [1]'),
        ("<object>", {}, ""),
    ],
)
def test_a_json_subset(expected: Json, got: Json, where: str) -> None:
    found = compare.differs(expected, got)

    assert found.startswith(where)
    assert bool(found) is bool(where)


def step(**changed: object) -> CommandStep:
    plain = {"kind": "command", "argv": (), "stdin": "", "exit_code": 0}
    return CommandStep.model_validate({**plain, "stdout": (), "stderr": (), "files": (), **changed})


@pytest.mark.parametrize(
    ("expected", "came", "kind"),
    [
        (step(), Ran(), ""),
        (step(exit_code=2), Ran(exit_code=2, err="usage"), ""),
        (step(exit_code=1), Ran(exit_code=1, err=TRACEBACK), ""),
        (step(), Ran(exit_code=2), "wrong exit code"),
        (step(), Ran(exit_code=1, err=TRACEBACK), "crashed"),
        (step(exit_code=2), Ran(exit_code=1, err=TRACEBACK), "crashed"),
        (step(), Ran(exit_code=-11), "crashed"),
        (step(), Ran(trouble="timed out"), "timed out"),
        (step(), Ran(trouble="not started"), "crashed"),
        (step(exit_code=1), Ran(exit_code=1, err="/e/bin/python: No module named a"), "crashed"),
        (step(), Ran(exit_code=2, err="python: can't open file 'a.py'"), "crashed"),
        (step(stdout=(Match(how="equals", text="a"),)), Ran(out="b"), "wrong output"),
        (step(stderr=(Match(how="contains", text="a"),)), Ran(err="b"), "wrong output"),
        (step(), Ran(truncated=True), "wrong output"),
        (step(files=(FileMatch(path="a", content=()),)), Ran(files={"a": None}), "wrong output"),
        (step(files=(FileMatch(path="a", content=()),)), Ran(files={"a": ""}), ""),
    ],
)
def test_a_command_that_came_to_its_end(expected: CommandStep, came: Ran, kind: str) -> None:
    found = compare.ran(expected, came, search)

    assert (found.kind if found else "") == kind


def exchange(**changed: object) -> HttpStep:
    plain = {"kind": "http", "method": "GET", "path": "/", "headers": (), "body": "", "status": 200}
    more = {"json_subset": "", "body_matches": (), "header_matches": (), "captures": ()}
    return HttpStep.model_validate({**plain, **more, **changed})


@pytest.mark.parametrize(
    ("expected", "came", "kind"),
    [
        (exchange(), Answered(status=200), ""),
        (exchange(), Answered(status=500), "wrong status"),
        (exchange(json_subset='{"a": 1}'), Answered(status=200, body="<html>"), "wrong body"),
        (exchange(json_subset='{"a": "${id}"}'), Answered(status=200, body='{"a": 7}'), ""),
        (
            exchange(json_subset='{"a": "${id}"}'),
            Answered(status=200, body='{"a": "7"}'),
            "wrong body",
        ),
        (exchange(json_subset='"no ${id}"'), Answered(status=200, body='"no 7"'), ""),
        (
            exchange(header_matches=(Pair(name="content-type", value="application/json"),)),
            Answered(status=200, headers=(("Content-Type", "Application/JSON; charset=utf-8"),)),
            "",
        ),
        (
            exchange(header_matches=(Pair(name="Location", value=""),)),
            Answered(status=200),
            "wrong output",
        ),
        (exchange(), Answered(trouble="timed out"), "timed out"),
        (exchange(), Answered(trouble="it does not listen"), "timed out"),
        (exchange(), Answered(trouble="dropped", reason="ConnectionResetError"), "crashed"),
        (exchange(), Answered(trouble="it exited"), "crashed"),
    ],
)
def test_an_answer(expected: HttpStep, came: Answered, kind: str) -> None:
    found = compare.answered(expected, came, {"id": 7}, search)

    assert (found.kind if found else "") == kind


@pytest.mark.parametrize(
    ("came", "kind", "said"),
    [
        ((201, 409, 409), "", ""),
        ((409, 409, 201), "", ""),
        ((201, 201, 409), "wrong status", "expected statuses 201, 409, 409 in any order, got 201,"),
        ((409, 409), "wrong status", "got 409, 409"),
        (("timed out", 201, 409), "timed out", "no answer in time"),
        ((201, "dropped", 409), "crashed", "dropped"),
        (("it exited",), "crashed", "it exited"),
    ],
)
def test_requests_at_once(came: tuple[int | str, ...], kind: str, said: str) -> None:
    same = (call("POST", "/users"),) * 3
    answers = [{"status": one} if isinstance(one, int) else {"trouble": one} for one in came]

    found = compare.together(
        parallel(*same, statuses=(201, 409, 409)), Together.model_validate({"answers": answers})
    )

    assert (found.kind if found else "") == kind
    assert said in (found.text if found else "")


def test_values_are_captured_by_dotted_path_and_filled_in() -> None:
    pairs = (Pair(name="id", value="items.1.id"), Pair(name="token", value="token"))
    body = json.dumps({"items": [{"id": 1}, {"id": 22}], "token": "abc"})

    kept = compare.captures(exchange(captures=pairs), Answered(status=200, body=body))

    assert kept == {"id": 22, "token": "abc"}
    assert compare.fill("/items/${id}?t=${token}&x=${unknown}", kept) == (
        "/items/22?t=abc&x=${unknown}"
    )


@pytest.mark.parametrize("body", ["{}", "not json", '{"items": {}}'])
def test_a_value_that_is_not_there_is_a_wrong_body(body: str) -> None:
    pairs = (Pair(name="id", value="items.0.id"),)

    found = compare.captures(exchange(captures=pairs), Answered(status=200, body=body))

    assert isinstance(found, Mismatch)
    assert found.kind == "wrong body"


def told(*steps: Step) -> tuple[str, ...]:
    """What is refused of a Specification with these steps in its shown check."""
    milestone = Milestone(
        id="milestone-1-mvp",
        title="",
        release="mvp",
        description="",
        acceptance_criteria=(Criterion(id="M1-C1", text="It works."),),
        dependencies=(),
    )
    contract = Specification(
        prd="",
        user_stories=(),
        api_contracts=(),
        data_model=(),
        non_functional_requirements=(),
        checks=(check("shown", *steps), check("held", python("", ""))),
        corrections=(),
        supersedes=(),
    )
    return specification.problems(contract, milestone)


POST = call("POST", "/users")
PLAIN = http("GET", "/")
TEN_YEARS = 10 * 365 * 24 * 3600


def matching(pattern: str) -> CommandStep:
    return step(stdout=(Match(how="matches", text=pattern),))


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((clock(1), PLAIN, clock(TEN_YEARS - 1), PLAIN), ""),
        ((clock(0), PLAIN), "step 1: advance_seconds is 0; the clock only goes forward"),
        ((clock(-5), PLAIN), "step 1: advance_seconds is -5; the clock only goes forward"),
        (
            (clock(TEN_YEARS), clock(1), PLAIN),
            "its clock moves 315360001 seconds, more than 315360000 (10 years)",
        ),
        ((clock(5), RestartStep(kind="restart")), "none of its steps expects anything"),
        ((), "it has no steps"),
        ((parallel(POST, POST, statuses=(201, 409)),), ""),
        ((parallel(POST, statuses=(201,)),), "step 1: 1 requests, not 2 to 20"),
        ((parallel(*(POST,) * 21, statuses=(201,) * 21),), "step 1: 21 requests, not 2 to 20"),
        ((parallel(POST, POST, statuses=(201,)),), "step 1: 2 requests but 1 statuses"),
        (
            (parallel(POST, call("GET", "users"), statuses=(201, 200)),),
            "step 1: path 'users' does not start with '/'",
        ),
        ((http("GET", "users"),), "step 1: path 'users' does not start with '/'"),
        ((http("G T", "/"),), "step 1: method 'G T' is not a word of ASCII letters"),
        (
            (http("GET", "/", token="a\nb"),),
            "step 1: header 'Authorization': 'a\\nb' cannot be sent",
        ),
        ((http("GET", "/", token="Bearer ${token}"),), ""),
        ((http("GET", "/", subset="[" * 99999),), "step 1: json_subset is not JSON (maximum"),
        ((matching("a" * 500),), ""),
        ((matching("a" * 501),), f"step 1: pattern '{'a' * 500}' is longer than 500 characters"),
        ((matching("[[a]"),), ""),
        ((matching("(a"),), "step 1: pattern '(a' is not a regular expression (missing )"),
        ((matching("a{9999999999}"),), "step 1: pattern 'a{9999999999}' is not a regular expr"),
        ((matching("(" * 500),), "step 1: pattern '(((((((((("),
        ((python("print('\0')", ""),), "step 1: it holds a NUL character, which no process can"),
        ((python("print('\\\\u0000 \\u0000')", ""),), ""),
    ],
)
def test_what_a_step_may_be(steps: tuple[Step, ...], said: str) -> None:
    found = told(*steps)

    assert len(found) == bool(said)
    assert "".join(found).startswith(f"check 'M1-C1-shown-1': {said}" if said else "")
