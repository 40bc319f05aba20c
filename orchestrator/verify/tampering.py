"""What in a Tree could change its own results, by what its source says. Pure."""

import ast
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.verify import names

HARMLESS_HOOKS = frozenset({"pytest_configure", "pytest_addoption", "pytest_generate_tests"})
INNARDS = frozenset({"_pytest", "pluggy", "_coverage"})
REGISTERING = frozenset(
    {"pytest_plugins", "pluginmanager", "hookimpl"}
    | {"get_referrers", "get_objects", "_getframe", "currentframe", "f_back", "f_globals"}
)
OUR_TOOLS = frozenset(
    {"pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "coverage"}
    | {"sitecustomize", "usercustomize"}
)
ORDINARY = frozenset({"test", "this", "antigravity", "idlelib", "turtledemo", "__main__"})
"""Names of the standard library that nothing imports, and that projects use."""


def meddling(tree: Tree, layout: Layout = LAYOUT) -> tuple[str, ...]:
    """`path: what` of everything by which a result could be changed: hooks, plugins and pytest's
    innards in tests, modules that take the place of the standard library's or of pytest's, and
    product code that hides among the tests.
    """
    hooks = [
        f"{path}: {what}"
        for path in tree
        if layout.is_test(path) and path.endswith(".py")
        for what in dict.fromkeys(_reaching(names.parse(tree, path)))
    ]
    return (*hooks, *_borrowing(tree, layout), *shadowing(tree, layout))


def _borrowing(tree: Tree, layout: Layout) -> Iterator[str]:
    """Product files that import what lies among the tests, where nothing is broken on purpose."""
    tests = {path.removesuffix(".py").replace("/", ".") for path in tree if layout.is_test(path)}
    tests |= {name.removesuffix(".__init__") for name in tests}
    for path in names.product_files(tree, layout):
        for node in ast.walk(names.parse(tree, path)):
            imported = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported = [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
            for name in tests.intersection(imported):
                yield f"{path}: imports {name} from the tests"


def shadowing(tree: Tree, layout: Layout = LAYOUT) -> tuple[str, ...]:
    """`path: what` of modules that are found in the place of others, once each."""
    taken = (set(sys.stdlib_module_names) | OUR_TOOLS) - ORDINARY
    found: dict[str, None] = {}
    for path in tree:
        name = _top(path, layout)
        if name in taken:
            found[f"{path}: shadows the module {name}"] = None
    return tuple(found)


def _top(path: str, layout: Layout) -> str:
    """The module that `path` is, or starts, at one of the import roots; "" for any other."""
    for root in layout.sources:
        prefix = f"{root}/" if root else ""
        if path.startswith(prefix) and path.endswith(".py"):
            parts = PurePosixPath(path.removeprefix(prefix)).parts
            if len(parts) == 1 or (len(parts) == 2 and parts[1] == "__init__.py"):
                return parts[0].removesuffix(".py")
    return ""


def _reaching(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, names.Function) and _is_hook(node.name):
            yield node.name
        elif isinstance(node, ast.Name) and _is_plugged(node):
            yield node.id
        elif isinstance(node, ast.Attribute) and node.attr in REGISTERING:
            yield node.attr
        elif isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.split(".")[0] in INNARDS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in INNARDS:
            yield node.module or ""


def _is_plugged(node: ast.Name) -> bool:
    assigned = isinstance(node.ctx, ast.Store)
    return node.id in REGISTERING or (assigned and _is_hook(node.id))


def _is_hook(name: str) -> bool:
    return name.startswith("pytest_") and name not in HARMLESS_HOOKS
