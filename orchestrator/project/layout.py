"""Where a person's project keeps its tests and its sources, by its files' names."""

import re
from fnmatch import fnmatch

from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree

TEST_FOLDERS = ("tests", "test")
TEST_FILES = ("test_*.py", "*_test.py")
IMPORTS_SRC = re.compile(rb"^[ \t]*(?:from|import)[ \t]+src\b", re.MULTILINE)


def layout(tree: Tree) -> Layout:
    """`tests/` (or `test/`) when tests are in it; else every folder of these names and every file
    that pytest would collect. A conftest.py belongs to the tests wherever it lies.
    """
    return Layout(tests=_tests(tree), sources=_sources(tree))


def _tests(tree: Tree) -> tuple[str, ...]:
    folders = _folders(tree)
    files = [path for path in tree if _matches(path, *TEST_FILES)]
    chosen = [
        f"{name}/" for name in TEST_FOLDERS if any(one.startswith(f"{name}/") for one in files)
    ][:1]
    beside = [path for path in tree if _matches(path, "conftest.py")]
    if not chosen:
        chosen, beside = folders, beside + files
    strays = sorted(path for path in beside if not path.startswith(tuple(chosen)))
    return (*chosen, *strays) or LAYOUT.tests


def _folders(tree: Tree) -> list[str]:
    """The outermost folders that are named like one of tests."""
    found: set[str] = set()
    for path in tree:
        parts = path.split("/")[:-1]
        at = next((number for number, part in enumerate(parts) if part in TEST_FOLDERS), -1)
        if at >= 0:
            found.add("/".join(parts[: at + 1]) + "/")
    return sorted(found)


def _matches(path: str, *patterns: str) -> bool:
    return any(fnmatch(path.rsplit("/", 1)[-1], pattern) for pattern in patterns)


def _sources(tree: Tree) -> tuple[str, ...]:
    python = [path for path in tree if path.endswith(".py")]
    inside = any(path.startswith("src/") for path in python)
    named = any(IMPORTS_SRC.search(tree[path]) for path in python)
    return ("src", "") if inside and not named else ("",)
