"""Critic: code that passes its tests, read against its architecture before anybody scores it."""

from orchestrator import memory
from orchestrator.agents.base import Asker, Reply
from orchestrator.agents.eval import absent
from orchestrator.agents.judgement import reader, schema_of
from orchestrator.agents.room import Material
from orchestrator.agents.state import State
from orchestrator.artifacts.evaluation import Review
from orchestrator.artifacts.verdict import Verdict

TASK = "Review this code against its architecture. Answer with the review as one JSON object."


async def review(asker: Asker, state: State, verdict: Verdict) -> Reply[Review]:
    """A review whose places exist. Raises NoAnswer."""
    brief = state.brief(
        Material(name="code", content=memory.code(state.tree, state.budget, numbered=True)),
        Material(name="lint", content=memory.lint(verdict)),
        task=TASK,
    )

    def problems(given: Review) -> tuple[str, ...]:
        return absent(given.findings, state.tree)

    return await asker.ask("critic", brief, schema=schema_of(Review), read=reader(Review, problems))
