"""Tests with a wrong expectation: what equals anything, or asserts nothing, does not mind them."""

import ast
import random
from collections.abc import Iterator

from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.verify import names

MOST = 10


class Wronged(Value):
    """`files` are test files in which the first expected value of each of `tests` is another."""

    files: dict[str, bytes]
    tests: tuple[str, ...]
    """Node ids, without parameters, sorted."""


def wronged(tree: Tree, layout: Layout = LAYOUT) -> Wronged:
    """At most ten tests with an `assert ... == CONSTANT` of their own, drawn by the tree's digest,
    and their files with these constants changed.
    """
    places = [
        (path, name)
        for path in names.suite_files(tree, layout)
        for name, _ in _asserting(names.parse(tree, path))
    ]
    drawn = random.Random(tree.digest).sample(places, min(MOST, len(places)))
    files: dict[str, bytes] = {}
    for path in sorted({path for path, _ in drawn}):
        module = names.parse(tree, path)
        wanted = {name for one, name in drawn if one == path}
        for name, constant in _asserting(module):
            if name in wanted:
                constant.value = _another(constant.value)
        try:
            files[path] = ast.unparse(module).encode()
        except (RecursionError, ValueError):
            continue
    tests = sorted(f"{path}::{name}" for path, name in drawn if path in files)
    return Wronged(files=files, tests=tuple(tests))


def _asserting(module: ast.Module) -> Iterator[tuple[str, ast.Constant]]:
    """Name and first expected constant of each test function at the top level of a file."""
    for node in module.body:
        if not isinstance(node, names.Function) or not node.name.startswith("test"):
            continue
        found = next((one for line in node.body if (one := _expected(line))), None)
        if found is not None:
            yield node.name, found


def _expected(node: ast.stmt) -> ast.Constant | None:
    """The constant that `node` asserts something to be equal to."""
    if not isinstance(node, ast.Assert) or not isinstance(node.test, ast.Compare):
        return None
    compared = node.test
    if len(compared.ops) != 1 or not isinstance(compared.ops[0], ast.Eq):
        return None
    sides = [compared.left, compared.comparators[0]]
    constants = [one for one in sides if isinstance(one, ast.Constant)]
    known = len(constants) == 1 and _another(constants[0].value) is not None
    return constants[0] if known else None


def _another(value: object) -> str | bytes | int | float | None:
    """Something of the same type that is not equal to `value`; None where there is no saying."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return f"not {value}"
    if isinstance(value, bytes):
        return b"not " + value
    if isinstance(value, int):
        return value + 17
    if isinstance(value, float):
        return 17.5 if value != 17.5 else 0.5
    return None
