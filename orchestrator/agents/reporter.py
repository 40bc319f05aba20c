"""Reporter: the facts of a run -> what they mean."""

from orchestrator.agents.base import Asker, Brief, Reply
from orchestrator.agents.judgement import reader, schema_of
from orchestrator.agents.room import Material
from orchestrator.artifacts.assessment import Assessment

TASK = "Assess this run for the person who has to go on with it. Answer with one JSON object."


async def assess(asker: Asker, idea: str, facts: str, *, attempt: int = 1) -> Reply[Assessment]:
    """The assessment of a run from its `facts` (JSON text); the next `attempt` is of a run that
    went on. Raises NoAnswer.
    """
    brief = Brief(
        scope="run",
        attempt=attempt,
        project=(Material(name="idea", content=idea),),
        milestone=(),
        tail=(Material(name="facts", content=facts),),
        task=TASK,
    )
    return await asker.ask("reporter", brief, schema=schema_of(Assessment), read=reader(Assessment))
