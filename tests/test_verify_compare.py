"""How what came is held against what was expected."""

import json

import pytest

from orchestrator.artifacts.checks import CommandStep, FileMatch, HttpStep, Match, Pair
from orchestrator.verify import compare
from orchestrator.verify.compare import Answered, Json, Mismatch, Ran

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
    assert compare.agrees(Match.model_validate({"how": how, "text": text}), got) is agrees


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
    found = compare.ran(expected, came)

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
    found = compare.answered(expected, came, {"id": 7})

    assert (found.kind if found else "") == kind


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
