"""Planner: the idea -> milestones."""

from orchestrator.agents.base import Asker, Brief, Reply
from orchestrator.agents.judgement import reader, schema_of
from orchestrator.agents.room import Material
from orchestrator.agents.state import spoken
from orchestrator.artifacts.plan import Plan, problems

TASK = "Split the idea into milestones. Answer with the plan as one JSON object."
AGAIN = (
    "Plan again: change the plan under previous_plan where the person who ordered the product "
    "wants it otherwise, and keep the rest. Answer with the whole plan as one JSON object."
)


async def plan(
    asker: Asker,
    idea: str,
    earlier: Plan | None = None,
    words: tuple[str, ...] = (),
    *,
    attempt: int = 1,
) -> Reply[Plan]:
    """A plan without problems; `words` are what a person wants of it that was not so in the
    `earlier` one. Raises NoAnswer.
    """
    before = earlier.model_dump_json(indent=1) if earlier else ""
    brief = Brief(
        scope="run",
        attempt=attempt,
        project=(Material(name="idea", content=idea),),
        milestone=(),
        tail=(Material(name="previous_plan", content=before),),
        task=f"{AGAIN if earlier else TASK}{spoken(words)}",
    )
    return await asker.ask("planner", brief, schema=schema_of(Plan), read=reader(Plan, problems))
