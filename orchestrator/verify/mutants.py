"""Changed copies of the product: a suite that stays green on a broken one proves nothing."""

import ast
import asyncio
import random
from collections.abc import Callable, Mapping

from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.verdict import Mutant
from orchestrator.verify import names, operators, suite
from orchestrator.verify.bench import Bench

BODIES: Mapping[str, str] = {
    "every body raises": "raise RuntimeError('the body of this function is gone')",
    "every body returns None": "return None",
}
SAME = "_rewritten = None"
"""A local variable more in every function: another text and another bytecode, the same meaning."""
PATIENCE = 5
"""A mutant has as many times the seconds of the unchanged suite, and at least SHORTEST."""
SHORTEST = 20.0


class Gut(ast.NodeTransformer):
    """Puts `body` into every function, after its docstring, in place of its own or before it."""

    def __init__(self, body: str, *, instead: bool) -> None:
        self._body = ast.parse(body).body
        self._instead = instead
        self.changed = False

    def _gut(self, node: names.Function) -> names.Function:
        self.generic_visit(node)
        docs = 1 if ast.get_docstring(node) is not None else 0
        rest = [] if self._instead else node.body[docs:]
        self.changed = True
        node.body = [*node.body[:docs], *self._body, *rest]
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _gut


def mutant(tree: Tree, body: str, layout: Layout = LAYOUT) -> Tree:
    """`tree` with every function of the product gutted; what is too deep to rewrite stays."""
    return _transformed(tree, layout, body, instead=True)


def rewritten(tree: Tree, layout: Layout = LAYOUT) -> Tree:
    """`tree` with the product's text and bytecode changed, and its meaning kept."""
    return _transformed(tree, layout, SAME, instead=False)


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
    began = asyncio.get_running_loop().time()
    same = await _same(tree, bench)
    seconds = max(SHORTEST, PATIENCE * (asyncio.get_running_loop().time() - began))
    seconds = min(seconds, bench.limits.test_seconds)
    tried = [*broken, *single]
    ran = await asyncio.gather(*(suite.quick(one, bench, seconds=seconds) for _, one in tried))
    return (
        *same,
        *(
            Mutant(kind="body" if number < len(broken) else "operator", name=name, outcome=outcome)
            for number, ((name, _), outcome) in enumerate(zip(tried, ran, strict=True))
        ),
    )


async def _same(tree: Tree, bench: Bench) -> tuple[Mutant, ...]:
    other = rewritten(tree, bench.layout)
    if other == tree:
        return ()
    red = await suite.rewritten(other, bench)
    name = "every function is rewritten without a change of meaning"
    told = f"{name} ({red})" if red else name
    return (Mutant(kind="same", name=told, outcome="red" if red else "green"),)


def _transformed(tree: Tree, layout: Layout, body: str, *, instead: bool) -> Tree:
    changed: dict[str, bytes] = {}
    for path in names.product_files(tree, layout):
        gut = Gut(body, instead=instead)
        source = _unparsed(
            lambda path=path, gut=gut: ast.unparse(gut.visit(names.parse(tree, path)))
        )
        if source is not None and gut.changed:
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
