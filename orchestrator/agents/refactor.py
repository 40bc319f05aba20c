"""Refactor: code that passed -> the same behaviour, easier to read."""

from orchestrator import memory
from orchestrator.agents.base import Asker, Reply
from orchestrator.agents.code import Change, ChangeReader
from orchestrator.agents.impl import may_implement, objections
from orchestrator.agents.room import Material
from orchestrator.agents.state import State

TASK = (
    "Simplify the code without changing what it does. Answer with the changes in marked blocks, or "
    "with one line of prose when it is simple enough."
)


async def simplify(asker: Asker, state: State) -> Reply[Change]:
    """A change that applies; none where the agent declines. Raises NoAnswer."""
    brief = state.brief(
        Material(name="code", content=memory.code(state.tree, state.budget)), task=TASK
    )

    def problems(change: Change) -> tuple[str, ...]:
        return objections(change.tree)

    read = ChangeReader(state.tree, may_implement, problems, may_decline=True)
    return await asker.ask("refactor", brief, schema="", read=read)
