"""Impl: specification, architecture and the code as it stands -> a ChangeSet."""

from orchestrator import memory
from orchestrator.agents.base import Asker, Reply
from orchestrator.agents.code import Change, ChangeReader
from orchestrator.agents.room import Material
from orchestrator.agents.state import State
from orchestrator.artifacts.tree import Tree
from orchestrator.verify.environment import Requirements, requirements
from orchestrator.verify.tampering import shadowing

FIRST = (
    "Implement this milestone on the code as it stands. Answer with the changes in marked blocks."
)
AGAIN = (
    "Correct the code as it stands so that every finding is answered; do not start over. Answer "
    "with the changes in marked blocks."
)
WHOLE = " Give each changed file whole, in a FILE block: EDIT blocks are not accepted now."
LOCKED = (
    *("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg"),
    *("conftest.py", "sitecustomize.py", "usercustomize.py"),
)


async def implement(asker: Asker, state: State) -> Reply[Change]:
    """A change that applies to `state.tree` and alters it. Raises NoAnswer."""
    brief = state.brief(
        Material(name="code", content=memory.code(state.tree, state.budget)),
        task=(AGAIN + WHOLE * state.whole_files) if state.findings else FIRST,
    )

    def problems(change: Change) -> tuple[str, ...]:
        if change.tree == state.tree:
            return ("the answer changes nothing: every file is as it was",)
        if state.whole_files and state.findings and change.changes.edits:
            return ("EDIT blocks are not accepted now: give each changed file whole",)
        return objections(change.tree)

    return await asker.ask(
        "impl", brief, schema="", read=ChangeReader(state.tree, may_implement, problems)
    )


def objections(tree: Tree) -> tuple[str, ...]:
    """What is wrong with a tree that Impl would leave, whatever its paths; one line each."""
    asked = requirements(tree)
    refused = () if isinstance(asked, Requirements) else asked.problems
    hidden = (f"{one}: choose another name" for one in shadowing(tree))
    return (*refused, *hidden)


def may_implement(path: str) -> str:
    """Why Impl may not touch `path`: tests are locked, and so is what decides how they run."""
    if memory.is_test(path):
        return "tests are locked, Impl may not change them"
    if path.rsplit("/", 1)[-1].lower() in LOCKED:
        return "it decides how the tests run, Impl may not change it"
    return ""
