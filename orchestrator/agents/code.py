"""Answers that are code: a ChangeSet in marked blocks, applied to the tree or refused whole."""

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.agents.base import Invalid
from orchestrator.artifacts.changeset import ChangeSet
from orchestrator.artifacts.exchange import Answer
from orchestrator.artifacts.tree import Tree
from orchestrator.changes import Refused, apply, parse

DROPPED = "the blocks that were kept are dropped with it: give every block again"


@dataclass(frozen=True)
class Change:
    """A ChangeSet that applies, and the tree with it applied."""

    changes: ChangeSet
    tree: Tree


class ChangeReader:
    """Reads one agent's answers; of a cut-off one it keeps the complete blocks and asks for the
    rest.

    `may` gives the reason why a path is not this agent's to touch, "" when it is; `problems` names
    what else is wrong with the tree that would result.
    """

    def __init__(
        self,
        tree: Tree,
        may: Callable[[str], str],
        problems: Callable[[Change], tuple[str, ...]],
        *,
        may_decline: bool = False,
    ) -> None:
        self._tree = tree
        self._may = may
        self._problems = problems
        self._may_decline = may_decline
        self._kept: tuple[ChangeSet, ...] = ()

    def __call__(self, answer: Answer) -> Change:
        """Raises Invalid with every reason at once."""
        parsed = parse(answer.text)
        if self._may_decline and parsed.complete and parsed.changes.empty and answer.stop == "end":
            return Change(ChangeSet(files=(), edits=(), deletes=(), note=answer.text), self._tree)
        if parsed.problems:
            raise Invalid(*parsed.problems)
        changes = _joined((*self._kept, parsed.changes))
        if answer.stop == "cut off" or not parsed.complete:
            self._kept = (*self._kept, parsed.changes)
            done = ", ".join(changes.paths) or "none"
            raise Invalid(
                f"the answer was cut off; these blocks are complete and kept: {done}. "
                "Give only the blocks that are still missing."
            )
        dropped = (DROPPED,) if self._kept else ()
        self._kept = ()
        applied = apply(changes, self._tree, may=self._may)
        if isinstance(applied, Refused):
            raise Invalid(*applied.problems, *dropped)
        change = Change(changes, applied)
        if found := self._problems(change):
            raise Invalid(*found, *dropped)
        return change


def _joined(parts: tuple[ChangeSet, ...]) -> ChangeSet:
    return ChangeSet(
        files=tuple(file for part in parts for file in part.files),
        edits=tuple(edit for part in parts for edit in part.edits),
        deletes=tuple(path for part in parts for path in part.deletes),
        note="\n".join(part.note for part in parts if part.note),
    )
