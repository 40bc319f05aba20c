"""`${x*200}` in a step: the character before the star, as many times as the number says."""

import re
from typing import cast

from pydantic import TypeAdapter

from orchestrator.artifacts.checks import PythonStep, Step

REPEAT = re.compile(r"\$\{(.)\*([1-9][0-9]{0,4})\}", re.DOTALL)
STEPS: TypeAdapter[Step] = TypeAdapter(Step)


def expanded(step: Step) -> Step:
    """`step` with every repeat written out; a program's source can do that for itself."""
    if isinstance(step, PythonStep):
        stdout = _expanded(step.model_dump()["stdout"])
        return STEPS.validate_python({**step.model_dump(), "stdout": stdout})
    return STEPS.validate_python(_expanded(step.model_dump()))


def _expanded(value: object) -> object:
    if isinstance(value, str):
        return REPEAT.sub(lambda match: match[1] * int(match[2]), value)
    if isinstance(value, dict):
        known = cast("dict[str, object]", value)
        return {name: _expanded(one) for name, one in known.items()}
    if isinstance(value, tuple):
        return [_expanded(one) for one in cast("tuple[object, ...]", value)]
    return value
