"""What agents get to see: the shape of each material, and what gives way when there is no room."""

import pytest

from orchestrator import findings, memory
from orchestrator.artifacts.architecture import Architecture
from orchestrator.artifacts.evaluation import Finding
from orchestrator.artifacts.plan import Plan
from orchestrator.artifacts.specification import Specification
from orchestrator.artifacts.tree import Tree
from tests.world import PLAN, architecture, found, scored, specification, tried

SOURCE = '''"""Module text."""

import os

LIMIT = 40
SIZE: int = 7


@cached(1)
class Store(Base):
    """Keeps
    things.
    """

    path: str = "secret"

    @property
    async def load(self, name: str = "x", *rest: int, deep: bool) -> dict[str, int]:
        """Reads."""
        return {"secret": SIZE}


def bare(a, /, b, **more):
    hidden = 1
    def inner(): return hidden
    return inner
'''
OUTLINE = """SIZE: int
class Store(Base):
    # Keeps
    # things.
    path: str
    @property
    async def load(self, name: str='x', *rest: int, deep: bool) -> dict[str, int]: ...
        # Reads.
def bare(a, /, b, **more): ...
"""


def tree(**files: str) -> Tree:
    """`a__b` stands for `a/b.py`."""
    return Tree({f"{name.replace('__', '/')}.py": text.encode() for name, text in files.items()})


def test_signatures_have_names_and_docstrings_but_no_bodies() -> None:
    shown = memory.outline(SOURCE)
    assert [line.strip() for line in shown.splitlines()] == [
        line.strip() for line in OUTLINE.splitlines()
    ]
    assert "secret" not in shown
    assert "hidden" not in shown


@pytest.mark.parametrize(
    "source",
    ["def broken(:", "x = '\0'", "\ufffd\ufffd", "-" * 99_999 + "1", "x" + ".y" * 30_000],
    ids=["syntax", "null", "binary", "stack", "depth"],
)
def test_a_file_that_does_not_parse_is_said_to_be_so(source: str) -> None:
    assert memory.outline(source) == "(this file does not parse)\n"
    assert "(this file does not parse)" in memory.tests(tree(tests__test_a=source), 100)


def test_code_is_the_product_in_full_and_tests_are_names_alone() -> None:
    files = tree(
        app__b="b = 1", app__a="a = 1\n\nlast", tests__unit__test_a="def test_a():\n    secret = 1"
    )
    assert memory.code(files, 100) == (
        "=== app/a.py ===\na = 1\n\nlast\n\n=== app/b.py ===\nb = 1\n"
    )
    assert memory.code(files, 100, numbered=True) == (
        "=== app/a.py ===\n   1| a = 1\n   2| \n   3| last\n\n=== app/b.py ===\n   1| b = 1\n"
    )
    assert memory.tests(files, 100) == "=== tests/unit/test_a.py ===\ntest_a\n"
    assert memory.signatures(files, 100) == "=== app/a.py ===\n\n\n=== app/b.py ===\n\n"
    assert memory.sources(files, ("tests/unit/test_a.py", "gone.py"), 100).count("===") == 2
    assert memory.code(Tree(), 100) == "(no files yet)"


def test_what_has_no_room_is_named_as_left_out() -> None:
    files = tree(a="x" * 30, b="y" * 300, c="z" * 300)
    shown = memory.code(files, 20)
    assert "x" * 30 in shown
    assert shown.endswith("(left out for want of room: b.py, c.py)")
    assert memory.tokens(shown) < 40


@pytest.mark.parametrize(("text", "count"), [("", 0), ("abc", 1), ("abcd", 2), ("ä" * 3, 2)])
def test_tokens_are_counted_locally(text: str, count: int) -> None:
    assert memory.tokens(text) == count


def built(number: int) -> memory.Built:
    plan = Plan.model_validate(PLAN)
    word = ("greet", "shout", "whisper")[number - 1]
    return memory.Built(
        milestone=plan.milestones[number - 1],
        specification=Specification.model_validate_json(specification(str(number), word)),
        architecture=Architecture.model_validate_json(architecture(str(number), word)),
    )


def test_merged_milestones_are_remembered_newest_first() -> None:
    every = tuple(map(built, (1, 2, 3)))
    whole = memory.project(every, 10_000)
    assert [line for line in whole.splitlines() if line.startswith("## ")] == [
        "## milestone-1-mvp: Greet",
        "## milestone-2-shout: Shout",
        "## milestone-3-whisper: Whisper",
    ]
    assert "Run as a cli: python -m greeter; module greeter" in whole
    assert "- standard library: enough" in whole
    assert "Lovelace" not in whole
    room = memory.tokens(whole) - 1
    trimmed = memory.project(every, room)
    assert trimmed.startswith("(1 earlier milestones left out for want of room)\n\n## milestone-2")
    assert memory.project((), 100).startswith("(nothing is merged yet")


def test_the_oldest_feedback_gives_way() -> None:
    assert memory.feedback(("first", "second"), 100) == "first\n\nsecond"
    assert memory.feedback(("f" * 300, "second"), 50) == (
        "(1 earlier entries left out for want of room)\n\nsecond"
    )
    assert memory.feedback((), 100) == ""


def test_history_has_every_attempts_scores_and_findings() -> None:
    finding = Finding(
        dimension="security",
        severity="high",
        path="a.py",
        line=3,
        problem="It leaks.",
        remedy="Mend it.",
        edits=(),
    )
    low = scored(3, 3, 1, 3, 3).model_copy(update={"findings": (finding,)})
    attempts = (tried(1, found("tests/unit/a.py::test_a")), tried(2, found(), low))
    assert memory.history(attempts, 1000) == (
        "## attempt 1: turned down\nnot evaluated:\n- it is a fail\n- not evaluated\n\n"
        "## attempt 2: turned down\nweighted 2.60: correctness 3, code_quality 3, security 1, "
        "maintainability 3, scalability 3\n- F1 [security, high] a.py:3: It leaks.\n\n"
        "Open: F1"
    )
    assert memory.history(attempts, 62).startswith("(1 earlier attempts left out")


def test_failures_tell_traces_and_details_but_of_held_checks_only_the_kind() -> None:
    red = found("tests/unit/a.py::test_a", shown="wrong output", held="crashed")
    told = memory.failures(red, 1000)
    assert told == (
        "test tests/unit/a.py::test_a failed:\nE   tests/unit/a.py::test_a broke\n\n"
        "shown check M1-C1-shown-1 (M1-C1): wrong output\nexpected 1\n\n"
        "held checks of M1-C1: crashed\n\nin short:\n- it is a fail"
    )
    assert memory.failures(red, 30).endswith("(3 more left out for want of room)")
    report = memory.report(red)
    assert "check M1-C1-shown-1 (shown, M1-C1): wrong output" in report
    assert "held checks of M1-C1: crashed" in report
    assert "M1-C1-held" not in report + told
    assert memory.lint(red) == "(none)"


def test_findings_say_why_and_how_with_what_was_judged() -> None:
    told = findings.of((tried(3, found(), scored(3, 3, 3, 3, 3, unmet=("M1-C1",))),), 1000)
    assert told.startswith(
        "Attempt 3 was turned down:\n- weighted score 3.00 is below 3.50\n"
        "- criterion M1-C1 judged not met: no"
    )
    assert "in short" in findings.of((tried(1, found("tests/unit/a.py::test_a")),), 1000)
