"""Summariser: what no longer fits of earlier attempts -> a few lines."""

from orchestrator import memory
from orchestrator.agents.base import Asker, Brief, Invalid, Reply
from orchestrator.agents.room import Material, clip
from orchestrator.agents.state import State
from orchestrator.artifacts.exchange import Answer

TASK = "Summarise what these attempts were told. Answer with the summary as plain text."


async def summarise(
    asker: Asker, state: State, entries: tuple[str, ...], budget: int
) -> Reply[str]:
    """`entries`, oldest first, in at most `budget` tokens. Raises NoAnswer."""
    brief = Brief(
        scope=state.milestone.id,
        attempt=state.attempt,
        project=(),
        milestone=(),
        tail=(Material(name="feedback", content=clip("\n\n".join(entries), 6 * state.budget)),),
        task=f"{TASK} At most {budget * memory.BYTES_PER_TOKEN} characters.",
    )

    def read(answer: Answer) -> str:
        text = answer.text.strip()
        if memory.tokens(text) > budget:
            raise Invalid(f"the summary has {len(text)} characters: too many")
        return text

    return await asker.ask("summariser", brief, schema="", read=read)
