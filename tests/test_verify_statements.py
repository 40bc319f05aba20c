"""Statement coverage: every statement counts once, and none that Python does not execute."""

import ast
import sys
from types import FrameType

import pytest

from orchestrator.artifacts.layout import Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.verify.statements import percent, statements

EVERYTHING = '''"""Docs."""
from __future__ import annotations

import asyncio
from contextlib import suppress

TOTAL: int = 0
later: int


def twice(function):
    return lambda *a: (
        function(*a),
        function(*a),
    )


@twice
@staticmethod
def shouted(
    text: str,
    mark: str = "!",
) -> str:
    """Docs."""
    global TOTAL
    TOTAL += (
        1
    )
    return text.upper() + mark


class Shape:
    """Docs."""

    sides: int
    names = [one for one in
             "ab"]

    def area(self):
        def inner():
            nonlocal size
            size = 2
            ...
        size = 1
        inner()
        del self
        assert size == 2, (
            "two"
        )
        return size


def walk(kind):
    while True:
        for number in (1, 2, 3):
            if number == 2:
                continue
            elif (
                number == 3
            ):
                break
            else:
                pass
        break
    try:
        with suppress(
            KeyError
        ):
            raise KeyError
        int("x")
    except ValueError as error:
        str(error)
    finally:
        number = 0
    match kind:
        case [first, *_] if (
            first
        ):
            return first
        case _:
            return number


async def slow():
    async with asyncio.Lock():
        await asyncio.sleep(0)
    return [one async for one in stream()]


async def stream():
    yield 1


if (value := len("abc")) > 2 and (
    value < 9
):
    print(value)
shouted("a")
Shape().area()
walk([1])
walk(None)
asyncio.run(slow())
'''


def traced(source: str) -> frozenset[int]:
    """The lines of `source` that run."""
    lines: set[int] = set()

    def trace(frame: FrameType, event: str, _: object):
        if frame.f_code.co_filename != "product.py":
            return None
        if event == "line":
            lines.add(frame.f_lineno)
        return trace

    code = compile(source, "product.py", "exec")
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        exec(code, {"__name__": "product"})
    finally:
        sys.settrace(before)
    return frozenset(lines)


def test_of_a_program_that_runs_whole_everything_is_covered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran = traced(EVERYTHING)

    missed = [one for one in statements(ast.parse(EVERYTHING)) if ran.isdisjoint(one)]
    assert [f"{one.start}-{one.stop - 1}" for one in missed] == []
    assert len(list(statements(ast.parse(EVERYTHING)))) == 49
    assert capsys.readouterr().out == "3\n"


@pytest.mark.parametrize(
    ("source", "covered"),
    [
        ("def f():  # pragma: no cover\n    return 1\n", 50),
        ("if 1 > 2:\n    x = 1\nelse:\n    x = 2\n", 66),
        ("try:\n    x = 1\nexcept OSError:\n    x = 2\n    x = 3\n", 50),
        ("for x in ():\n    print(x)\n", 50),
        ("x = [\n    1,\n    2,\n]\n", 100),
        ('"""Only words."""\n', -1),
        ("", -1),
    ],
)
def test_what_did_not_run_is_missed(source: str, covered: int) -> None:
    tree = Tree({"a.py": source.encode()})

    assert percent(tree, {"a.py": traced(source)}) == covered


def test_files_that_nothing_imports_count_and_tests_do_not() -> None:
    tree = Tree({"a.py": b"x = 1\n", "b.py": b"x = 1\n", "tests/test_a.py": b"x = 1\n"})

    assert percent(tree, {"a.py": frozenset({1})}) == 50
    assert percent(tree, {"a.py": frozenset({1})}, Layout(tests=("tests/", "b.py"))) == 100
