"""Arch: a specification -> how it is built and run."""

from orchestrator import memory
from orchestrator.agents.base import Asker, Reply
from orchestrator.agents.judgement import reader, schema_of
from orchestrator.agents.room import Material
from orchestrator.agents.state import State
from orchestrator.artifacts.architecture import Architecture, problems

FIRST = "Design this milestone. Answer with the architecture as one JSON object."
AGAIN = (
    "Revise the architecture so that the findings are answered. Answer with the whole architecture "
    "as one JSON object."
)


async def design(asker: Asker, state: State) -> Reply[Architecture]:
    """An architecture without problems. Raises NoAnswer."""
    brief = state.brief(
        Material(name="signatures", content=memory.signatures(state.tree, state.budget)),
        task=AGAIN if state.architecture else FIRST,
    )
    read = reader(Architecture, problems)
    return await asker.ask("arch", brief, schema=schema_of(Architecture), read=read)
