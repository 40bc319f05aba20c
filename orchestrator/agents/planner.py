"""Planner: the idea -> milestones."""

from orchestrator.agents.base import Asker, Brief, Material, Reply
from orchestrator.agents.judgement import reader, schema_of
from orchestrator.artifacts.plan import Plan, problems

TASK = "Split the idea into milestones. Answer with the plan as one JSON object."


async def plan(asker: Asker, idea: str) -> Reply[Plan]:
    """A plan without problems. Raises NoAnswer."""
    brief = Brief(
        scope="run",
        attempt=1,
        project=(Material(name="idea", content=idea),),
        milestone=(),
        tail=(),
        task=TASK,
    )
    return await asker.ask("planner", brief, schema=schema_of(Plan), read=reader(Plan, problems))
