"""A plan as a file that a person edits."""

from pydantic import ValidationError

from orchestrator.artifacts.plan import Plan, problems
from orchestrator.artifacts.values import Value
from orchestrator.errors import Misuse


class PlanFile(Value):
    """A plan as a person edits it, with the idea that it came from."""

    idea: str
    plan: Plan


def text(idea: str, made: Plan) -> str:
    return PlanFile(idea=idea, plan=made).model_dump_json(indent=2) + "\n"


def read(content: str, origin: str) -> tuple[str, Plan]:
    """The idea and plan in `content`. Raises Misuse with every reason why it cannot be run."""
    try:
        found = PlanFile.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise Misuse(
            f"{origin}: {place}: {first['msg']}", "orchestrate plan writes a good one"
        ) from error
    if reasons := problems(found.plan):
        raise Misuse(f"{origin}: {'; '.join(reasons)}", "mend the plan file")
    return found.idea, found.plan
