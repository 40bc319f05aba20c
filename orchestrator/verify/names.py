"""What a Tree's files are by their names, and which tests it should collect."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import TypeGuard

from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree

CONTRACT_TEST = re.compile(r"tests/contract/.+::test_m([1-9][0-9]*)_c([1-9][0-9]*)(?![0-9a-zA-Z])")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def names_criterion(test: str) -> str:
    """`tests/contract/test_a.py::test_m1_c2_adds` -> `M1-C2`; "" for a test that names none."""
    found = CONTRACT_TEST.match(test)
    return f"M{found[1]}-C{found[2]}" if found else ""


def product_files(tree: Tree, layout: Layout = LAYOUT) -> tuple[str, ...]:
    """The product's own Python files: everything that is no test."""
    return tuple(path for path in tree if layout.is_source(path))


def sources(tree: Tree) -> tuple[str, ...]:
    """Every Python file, of the product and of its tests."""
    return tuple(path for path in tree if path.endswith(".py"))


def suite_files(tree: Tree, layout: Layout = LAYOUT) -> tuple[str, ...]:
    return tuple(
        path
        for path in tree
        if layout.is_test(path)
        and any(fnmatch(path.rsplit("/", 1)[-1], name) for name in ("test_*.py", "*_test.py"))
    )


def expected_tests(tree: Tree, layout: Layout = LAYOUT) -> tuple[str, ...]:
    """Node ids, without parameters, of the tests that the test files plainly define, sorted.

    Tests that are inherited, nested in a condition or made at run time are not among them; a file
    that does not parse has none.
    """
    files = suite_files(tree, layout)
    found = {f"{path}::{name}" for path in files for name in _tests(parse(tree, path))}
    return tuple(sorted(found))


def parse(tree: Tree, path: str) -> ast.Module:
    """An empty module when the file does not parse."""
    try:
        return ast.parse(tree[path])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def _tests(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        if _is_test(node):
            yield node.name
        if isinstance(node, ast.ClassDef) and _is_suite(node):
            yield from (f"{node.name}::{one.name}" for one in node.body if _is_test(one))


def _is_test(node: ast.stmt) -> TypeGuard[Function]:
    return (
        isinstance(node, Function)
        and node.name.startswith("test")
        and not any("fixture" in ast.unparse(one) for one in node.decorator_list)
    )


def _is_suite(node: ast.ClassDef) -> bool:
    if any(ast.unparse(base).endswith("TestCase") for base in node.bases):
        return True
    own = {one.name for one in node.body if isinstance(one, Function)}
    return node.name.startswith("Test") and not own & {"__init__", "__new__"}
