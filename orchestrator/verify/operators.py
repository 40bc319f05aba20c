"""Single-operator mutants: the places where one small change should matter, and the change."""

import ast
from collections.abc import Callable, Iterator

from orchestrator.artifacts.values import Value

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
}
SIGNS: dict[type[ast.AST], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.And: "and",
    ast.Or: "or",
}


class Site(Value):
    """One possible change: the `number`th node of the file's walk, and which of its changes."""

    path: str
    line: int
    number: int
    change: int
    title: str
    """What becomes of what: "+ becomes -"."""


class Change(Value):
    title: str
    make: Callable[[], None]
    """Changes the node in place."""


def sites(path: str, module: ast.Module) -> Iterator[Site]:
    """Every change that `mutated` can make in `module`, in the order of its walk."""
    passed_over = _passed_over(module)
    for number, node in enumerate(ast.walk(module)):
        if id(node) in passed_over:
            continue
        for index, change in enumerate(_changes(node)):
            line = getattr(node, "lineno", 0)
            yield Site(path=path, line=line, number=number, change=index, title=change.title)


def mutated(module: ast.Module, site: Site) -> str:
    """The source of `module`, which is used up, with the change of `site` made."""
    node = next(node for number, node in enumerate(ast.walk(module)) if number == site.number)
    list(_changes(node))[site.change].make()
    return ast.unparse(ast.fix_missing_locations(module))


def _passed_over(module: ast.Module) -> frozenset[int]:
    """Nodes whose change no test could see: annotations, decorators, `__name__ == "__main__"`."""
    tops: list[ast.AST] = []
    for node in ast.walk(module):
        tops += [*getattr(node, "decorator_list", [])]
        tops += [one for name in ("annotation", "returns") if (one := getattr(node, name, None))]
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            tops += [node, node.test]
    below = {id(one) for top in tops if not isinstance(top, ast.If) for one in ast.walk(top)}
    return frozenset(below | {id(top) for top in tops})


def _changes(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield from _replaced(node.ops, 0, COMPARISONS.get(type(node.ops[0])))
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        yield from _operator(node)
    elif isinstance(node, ast.BoolOp):
        yield from _boolean(node)
    elif isinstance(node, ast.Return) and node.value is not None:
        yield from _return(node)
    elif isinstance(node, ast.If):
        yield _negated(node)


def _replaced(ops: list[ast.cmpop], index: int, other: type[ast.cmpop] | None) -> Iterator[Change]:
    if other is not None:
        title = f"{SIGNS[type(ops[index])]} becomes {SIGNS[other]}"
        yield Change(title=title, make=lambda: ops.__setitem__(index, other()))


def _operator(node: ast.BinOp | ast.AugAssign) -> Iterator[Change]:
    other = ARITHMETIC.get(type(node.op))
    sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)
    if other is None or any(isinstance(side, ast.JoinedStr) or _text(side) for side in sides):
        return
    title = f"{SIGNS[type(node.op)]} becomes {SIGNS[other]}"
    yield Change(title=title, make=lambda: setattr(node, "op", other()))


def _boolean(node: ast.BoolOp) -> Iterator[Change]:
    other = ast.Or if isinstance(node.op, ast.And) else ast.And
    title = f"{SIGNS[type(node.op)]} becomes {SIGNS[other]}"
    yield Change(title=title, make=lambda: setattr(node, "op", other()))


def _return(node: ast.Return) -> Iterator[Change]:
    value = node.value
    if isinstance(value, ast.Constant) and isinstance(value.value, bool):
        turned = not value.value
        title = f"return {value.value} becomes return {turned}"
        yield Change(title=title, make=lambda: setattr(node, "value", ast.Constant(turned)))
    elif not (isinstance(value, ast.Constant) and value.value is None):
        yield Change(
            title="the returned value becomes None",
            make=lambda: setattr(node, "value", ast.Constant(None)),
        )


def _negated(node: ast.If) -> Change:
    turned = ast.UnaryOp(op=ast.Not(), operand=node.test)
    return Change(title="if becomes if not", make=lambda: setattr(node, "test", turned))


def _text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
