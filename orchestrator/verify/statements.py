"""Statement coverage, worked out by us from the product's text: the sandbox only says which lines
ran. Pure.
"""

import ast
from collections.abc import Iterator, Mapping

from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.verify import names

SILENT = (ast.Global, ast.Nonlocal)


def percent(tree: Tree, ran: Mapping[str, frozenset[int]], layout: Layout = LAYOUT) -> int:
    """Whole percent of the product's statements of which a line `ran` (by path), rounded down; -1
    when it has none. No comment excludes anything.
    """
    total = covered = 0
    for path in names.product_files(tree, layout):
        lines = ran.get(path, frozenset[int]())
        for statement in statements(names.parse(tree, path)):
            total += 1
            covered += not lines.isdisjoint(statement)
    return 100 * covered // total if total else -1


def statements(module: ast.Module) -> Iterator[range]:
    """The lines of each statement that Python executes; of a compound one those of its head."""
    for node in ast.walk(module):
        if isinstance(node, ast.stmt) and not _silent(node):
            yield range(_first(node), _last(node) + 1)


def _silent(node: ast.stmt) -> bool:
    """Whether nothing is executed for it: declarations, docstrings, constants, `while True`."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If | ast.While):
        return isinstance(node.test, ast.Constant)
    return isinstance(node, SILENT) or (isinstance(node, ast.AnnAssign) and node.value is None)


def _first(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])


def _last(node: ast.stmt) -> int:
    body: list[ast.stmt] = getattr(node, "body", [])
    if isinstance(node, ast.Match):
        return node.subject.end_lineno or node.lineno
    if body:
        return max(node.lineno, _first(body[0]) - 1)
    return node.end_lineno or node.lineno
