"""Two broken copies of the whole product: a suite that stays green on one proves nothing."""

import ast
import asyncio
from typing import Literal

from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.verdict import Mutant
from orchestrator.verify import names
from orchestrator.verify.bench import Bench
from orchestrator.verify.suite import turns_red

Name = Literal["every body raises", "every body returns None"]
BODIES: tuple[tuple[Name, str], ...] = (
    ("every body raises", "raise RuntimeError('the body of this function is gone')"),
    ("every body returns None", "return None"),
)


class Gut(ast.NodeTransformer):
    """Replaces the body of every function, but keeps its docstring."""

    def __init__(self, body: str) -> None:
        self._body = ast.parse(body).body
        self.changed = False

    def _gut(self, node: names.Function) -> names.Function:
        kept = node.body[:1] if ast.get_docstring(node) is not None else []
        self.changed = True
        node.body = [*kept, *self._body]
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _gut


def mutant(tree: Tree, body: str) -> Tree:
    """`tree` with every function of the product gutted; what is too deep to rewrite stays."""
    changed: dict[str, bytes] = {}
    for path in names.product_files(tree):
        gut = Gut(body)
        try:
            source = ast.unparse(gut.visit(names.parse(tree, path)))
        except RecursionError:
            continue
        if gut.changed:
            changed[path] = source.encode()
    return tree.having(changed)


async def strength(tree: Tree, bench: Bench) -> tuple[Mutant, ...]:
    """Both mutants against the suite of `tree`, which is green; none when there is no function.

    Raises Missing when the sandbox does not work.
    """
    tried: dict[Name, Tree]
    tried = {name: broken for name, body in BODIES if (broken := mutant(tree, body)) != tree}
    reds = await asyncio.gather(*(turns_red(broken, bench) for broken in tried.values()))
    return tuple(Mutant(name=name, killed=red) for name, red in zip(tried, reds, strict=True))
