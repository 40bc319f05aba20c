"""What every artifact is: a frozen, closed pydantic value."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Value(BaseModel):
    """Immutable and closed: an unknown field is an error, never silently dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


AnyCase = BeforeValidator(_lower)
"""Structured outputs do not guarantee the casing of an enum."""

Stage = Annotated[Literal["spec", "arch", "impl", "test", "eval"], AnyCase]
AgentName = Literal[
    "planner",
    "spec",
    "arch",
    "impl",
    "test",
    "critic",
    "eval",
    "refactor",
    "router",
    "summariser",
    "script",
    "judge",
    "reporter",
]
"""`router` chooses the stage of a retry where the settings say so; `script` writes one program and
`judge` scores it.
"""
AGENTS: tuple[AgentName, ...] = get_args(AgentName)
Ending = Literal["complete", "failed_after_retries", "blocked", "cancelled"]
Cause = Literal["start", "retry", "conflict", "person", "refactor"]
"""What began an attempt: "refactor" where one that passed was made simpler, "person" where
somebody asked for it after the milestone had ended, or before it landed.
"""
Release = Annotated[Literal["mvp", "v1", "v2"], AnyCase]
Dimension = Annotated[
    Literal["correctness", "code_quality", "security", "maintainability", "scalability"], AnyCase
]

STAGES: tuple[Stage, ...] = ("spec", "arch", "impl", "test", "eval")
DIMENSIONS: tuple[Dimension, ...] = (
    "correctness",
    "code_quality",
    "security",
    "maintainability",
    "scalability",
)
