"""Lint facts: what blocks, what is only evidence, and secrets that are never repeated."""

import asyncio

from orchestrator.artifacts.layout import Layout
from orchestrator.verify import lint
from tests.verification import BIN, tree

PRODUCT = {
    "app.py": "import subprocess\n\nsubprocess.run('ls', shell=True)\neval(input())  # noqa\n",
    "settings.ini": "key = AKIAIOSFODNN7EXAMPLQ\n",
    "tests/test_app.py": "eval('1')\nKEY = 'ghp_" + "a1B2" * 9 + "'\n",
}


def facts(layout: Layout | None = None) -> dict[tuple[str, int, str], bool]:
    given = (layout,) if layout else ()
    found = asyncio.run(lint.facts(tree(PRODUCT), BIN / "ruff", *given))
    return {(one.path, one.line, one.code): one.blocks for one in found}


def test_the_table_blocks_in_the_product_and_not_in_its_tests() -> None:
    found = facts()

    assert found["app.py", 3, "S602"]
    assert found["app.py", 4, "S307"]
    assert found["settings.ini", 1, "secret"]
    assert not found["app.py", 3, "S607"]
    assert not found["tests/test_app.py", 1, "S307"]
    assert not found["tests/test_app.py", 2, "secret"]
    assert list(found.values())[:3] == [True, True, True]


def test_another_layout_says_what_is_a_test() -> None:
    found = facts(Layout(tests=("app.py",)))

    assert not found["app.py", 3, "S602"]
    assert found["tests/test_app.py", 2, "secret"]


def test_a_secret_is_named_by_its_kind_and_not_repeated() -> None:
    found = asyncio.run(lint.facts(tree(PRODUCT), BIN / "ruff"))

    told = {one.message for one in found if one.code == "secret"}
    assert told == {"this looks like an AWS access key", "this looks like a GitHub token"}
    assert not any("AKIA" in one.message for one in found)
