"""An evaluation's REMOVE/ADD corrections, applied as they stand. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.agents.impl import may_implement, objections
from orchestrator.artifacts.changeset import ChangeSet
from orchestrator.artifacts.evaluation import Finding
from orchestrator.artifacts.tree import Tree
from orchestrator.changes import Refused, apply


@dataclass(frozen=True)
class Refined:
    """A tree with the corrections of the `applied` findings in it, each whole or not at all."""

    tree: Tree
    applied: tuple[str, ...]


def refined(tree: Tree, findings: Mapping[str, Finding]) -> Refined:
    """`tree` with every correction that fits after those before it."""
    applied: list[str] = []
    for name, one in findings.items():
        changes = ChangeSet(files=(), edits=one.edits, deletes=())
        after = apply(changes, tree, may=may_implement)
        if one.edits and not isinstance(after, Refused) and after != tree and not objections(after):
            tree = after
            applied.append(name)
    return Refined(tree, tuple(applied))
