"""Checks that decide nothing, because they answer themselves."""

import pytest

from orchestrator.artifacts.plan import Criterion, Milestone
from orchestrator.artifacts.specification import Specification, problems
from tests.verification import check, python

MILESTONE = Milestone(
    id="milestone-1-mvp",
    title="Sums",
    release="mvp",
    description="",
    acceptance_criteria=(Criterion(id="M1-C1", text="Sums."),),
    dependencies=(),
)


def found(source: str, out: str) -> tuple[str, ...]:
    specification = Specification(
        prd="",
        user_stories=(),
        api_contracts=(),
        data_model=(),
        non_functional_requirements=(),
        checks=(check("shown", python("print(1 + 1)", "2")), check("held", python(source, out))),
        corrections=(),
        supersedes=(),
    )
    return problems(specification, MILESTONE)


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("from lib import add\nassert add(1, 2) == 3\nprint('ok')", "ok"),
        ("from lib import add\nprint(add(1, 2) == 3)", "True"),
        ("import sys\nsys.stdout.write('a\\nb')", "a\nb"),
    ],
)
def test_a_program_that_prints_what_it_expects_is_refused(source: str, out: str) -> None:
    (problem,) = found(source, out)

    assert problem == (
        f"check 'M1-C1-held-1': step 1: its own source prints {out!r}: "
        "print a value that the product computes"
    )


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("from lib import sign, read\nprint(read(sign('bob')))", "bob"),
        ("from lib import add\nprint(add(1, 2))", "3"),
        ("from lib import add\nprint('sum', add(1, 2))", "sum 3"),
        ("from lib import Set\nprint('a' in Set())", "False"),
        ("print('setup')", ""),
        ("print('unfinished", "unfinished"),
    ],
)
def test_a_program_that_prints_what_the_product_says_is_a_check(source: str, out: str) -> None:
    assert found(source, out) == ()
