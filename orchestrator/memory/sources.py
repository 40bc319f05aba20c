"""The product's files as agents see them: in full, as signatures, as names of tests."""

import ast
from collections.abc import Iterable

from orchestrator.artifacts.tree import Tree
from orchestrator.memory.counting import tokens

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python raises for a source that it cannot parse, or that is nested too deeply."""


def is_test(path: str) -> bool:
    return path.startswith("tests/")


def code(tree: Tree, budget: int, *, numbered: bool = False) -> str:
    """The product's files in full, sorted by path; those past `budget` tokens are named as left
    out.
    """
    write = _numbered if numbered else _plain
    return _listing(((path, write(tree.text(path))) for path in tree if not is_test(path)), budget)


def signatures(tree: Tree, budget: int) -> str:
    """Names, parameters and docstrings of the product's Python files, without bodies."""
    files = (path for path in tree if path.endswith(".py") and not is_test(path))
    return _listing(((path, outline(tree.text(path))) for path in files), budget)


def tests(tree: Tree, budget: int) -> str:
    """The test files and the names of the tests in them."""
    files = (path for path in tree if path.endswith(".py") and is_test(path))
    return _listing(((path, _test_names(tree.text(path))) for path in files), budget)


def sources(tree: Tree, paths: Iterable[str], budget: int) -> str:
    """The named files in full."""
    return _listing(((path, _plain(tree.text(path))) for path in paths if path in tree), budget)


def _listing(files: Iterable[tuple[str, str]], budget: int) -> str:
    parts: list[str] = []
    left_out: list[str] = []
    used = 0
    for path, text in files:
        part = f"=== {path} ===\n{text}"
        used += tokens(part)
        if used > budget:
            left_out.append(path)
        else:
            parts.append(part)
    if left_out:
        parts.append(f"(left out for want of room: {', '.join(left_out)})")
    return "\n".join(parts) or "(no files yet)"


def _plain(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def _numbered(text: str) -> str:
    return "".join(f"{number:4d}| {line}\n" for number, line in enumerate(text.splitlines(), 1))


def outline(source: str) -> str:
    """Signatures and docstrings of `source`; a note where it does not parse."""
    try:
        module = ast.parse(source)
    except UNREADABLE:
        return "(this file does not parse)\n"
    return "\n".join(_outlined(module.body, "")) + "\n"


def _outlined(body: list[ast.stmt], indent: str) -> list[str]:
    lines: list[str] = []
    for node in body:
        if isinstance(node, ast.ClassDef):
            bases = ", ".join(ast.unparse(base) for base in node.bases)
            lines.append(
                f"{indent}class {node.name}({bases}):" if bases else f"{indent}class {node.name}:"
            )
            lines += _docstring(node, indent)
            lines += _outlined(node.body, f"{indent}    ")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines += [f"{indent}@{ast.unparse(one)}" for one in node.decorator_list]
            returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
            word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
            lines.append(f"{indent}{word} {node.name}({ast.unparse(node.args)}){returns}: ...")
            lines += _docstring(node, indent)
        elif isinstance(node, ast.AnnAssign):
            lines.append(f"{indent}{ast.unparse(node.target)}: {ast.unparse(node.annotation)}")
    return lines


def _docstring(
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, indent: str
) -> list[str]:
    text = ast.get_docstring(node)
    return [f"{indent}    # {line}" for line in text.splitlines()] if text else []


def _test_names(source: str) -> str:
    try:
        module = ast.parse(source)
    except UNREADABLE:
        return "(this file does not parse)\n"
    names = [
        node.name
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    ]
    return "".join(f"{name}\n" for name in names)
