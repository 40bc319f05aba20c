"""Changed copies of the product: a suite that stays green on a broken one proves nothing."""

import ast
import asyncio
import random
import time
from collections.abc import Callable, Mapping

from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.verdict import Mutant
from orchestrator.verify import expectations, names, operators, suite
from orchestrator.verify.bench import Bench

BODIES: Mapping[str, str] = {
    "every body raises": "raise RuntimeError('the body of this function is gone')",
    "every body returns None": "return None",
}
PATIENCE = 5
"""A mutant has as many times the seconds of the unchanged suite, and at least SHORTEST."""
SHORTEST = 20.0


class Gut(ast.NodeTransformer):
    """Puts `body` in the place of every function's own, after its docstring."""

    def __init__(self, body: str) -> None:
        self._body = ast.parse(body).body
        self.changed = False

    def _gut(self, node: names.Function) -> names.Function:
        docs = 1 if ast.get_docstring(node) is not None else 0
        self.changed = True
        node.body = [*node.body[:docs], *self._body]
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _gut


class Rewriter(ast.NodeTransformer):
    """Another text and another bytecode, the same meaning: every function has a local variable
    more, and names what it returns. `name` is the one for it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.changed = False

    def _rewrite(self, node: names.Function) -> names.Function:
        self.generic_visit(node)
        docs = 1 if ast.get_docstring(node) is not None else 0
        self.changed = True
        node.body = [*node.body[:docs], *ast.parse(f"{self._name} = None").body, *node.body[docs:]]
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _rewrite

    def visit_Return(self, node: ast.Return) -> ast.stmt | list[ast.stmt]:
        if node.value is None:
            return node
        target = ast.Name(id=self._name, ctx=ast.Store())
        named = ast.Assign(targets=[target], value=node.value, lineno=node.lineno)
        return [named, ast.Return(value=ast.Name(id=self._name, ctx=ast.Load()))]


def mutant(tree: Tree, body: str, layout: Layout = LAYOUT) -> Tree:
    """`tree` with every function of the product gutted; what is too deep to rewrite stays."""
    return _transformed(tree, layout, lambda: Gut(body))


def rewritten(tree: Tree, layout: Layout = LAYOUT) -> Tree:
    """`tree` with the product's text and bytecode changed, and its meaning kept."""
    name = f"_{random.Random(tree.digest).randbytes(4).hex()}"
    return _transformed(tree, layout, lambda: Rewriter(name))


def unbreakable(tree: Tree, layout: Layout = LAYOUT) -> tuple[str, ...]:
    """Product files with functions that no mutant can be made of: nothing says what tests them."""
    broken = mutant(tree, BODIES["every body raises"], layout)
    return tuple(
        path
        for path in names.product_files(tree, layout)
        if broken[path] == tree[path]
        and any(isinstance(one, names.Function) for one in ast.walk(names.parse(tree, path)))
    )


def chosen(tree: Tree, number: int, layout: Layout = LAYOUT) -> tuple[tuple[str, Tree], ...]:
    """At most `number` single-operator mutants, by name, drawn by the tree's own digest."""
    places = [
        site
        for path in names.product_files(tree, layout)
        for site in operators.sites(path, names.parse(tree, path))
    ]
    drawn = random.Random(tree.digest).sample(places, min(number, len(places)))
    made: list[tuple[str, Tree]] = []
    for site in sorted(drawn, key=lambda one: (one.path, one.line, one.number, one.change)):
        source = _unparsed(lambda site=site: operators.mutated(names.parse(tree, site.path), site))
        if source is not None:
            name = f"{site.path}:{site.line}: {site.title}"
            made.append((name, tree.having({site.path: source})))
    return tuple(made)


async def strength(tree: Tree, bench: Bench) -> tuple[Mutant, ...]:
    """What the suite of `tree`, which is green, does on its mutants; none when there is no function
    and no operator. Raises Missing when the sandbox does not work.
    """
    layout = bench.layout
    bodies = {name: mutant(tree, body, layout) for name, body in BODIES.items()}
    broken = [(name, one) for name, one in bodies.items() if one != tree]
    single = chosen(tree, bench.limits.mutants, layout)
    began = time.monotonic()
    same = await _same(tree, bench)
    seconds = max(SHORTEST, PATIENCE * (time.monotonic() - began))
    seconds = min(seconds, bench.limits.test_seconds)
    tried = [*broken, *single]
    ran = await asyncio.gather(*(suite.quick(one, bench, seconds=seconds) for _, one in tried))
    return (
        *same,
        *await _expected(tree, bench),
        *(
            Mutant(kind="body" if number < len(broken) else "operator", name=name, outcome=outcome)
            for number, ((name, _), outcome) in enumerate(zip(tried, ran, strict=True))
        ),
    )


async def _expected(tree: Tree, bench: Bench) -> tuple[Mutant, ...]:
    """Green when most tests still pass though they expect something else."""
    changed = expectations.wronged(tree, bench.layout)
    if not changed.tests:
        return ()
    found = await suite.only(tree.having(changed.files), bench, changed.tests)
    red = {name.split("[", 1)[0] for name, one in found.items() if one != "passed"}
    green = [name for name in changed.tests if name not in red]
    name = f"{len(changed.tests)} tests expect another value"
    outcome = "green" if 2 * len(green) > len(changed.tests) else "red"
    return (Mutant(kind="expected", name=name, outcome=outcome),)


async def _same(tree: Tree, bench: Bench) -> tuple[Mutant, ...]:
    other = rewritten(tree, bench.layout)
    if other == tree:
        return ()
    red = await suite.rewritten(other, bench)
    name = "every function is rewritten without a change of meaning"
    told = f"{name} ({red})" if red else name
    return (Mutant(kind="same", name=told, outcome="red" if red else "green"),)


def _transformed(tree: Tree, layout: Layout, make: Callable[[], Gut | Rewriter]) -> Tree:
    changed: dict[str, bytes] = {}
    for path in names.product_files(tree, layout):
        change = make()
        module = names.parse(tree, path)
        source = _unparsed(
            lambda change=change, module=module: ast.unparse(
                ast.fix_missing_locations(change.visit(module))
            )
        )
        if source is not None and change.changed:
            changed[path] = source
    return tree.having(changed)


def _unparsed(make: Callable[[], str]) -> bytes | None:
    """The source that `make` gives; None when it cannot be written, or would not parse again."""
    try:
        source = make().encode()
        ast.parse(source)
    except (RecursionError, ValueError, SyntaxError):
        return None
    return source
