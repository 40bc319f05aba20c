"""The Reporter's prose: what the facts mean, without any number of its own."""

from typing import Annotated, Literal

from orchestrator.artifacts.values import AnyCase, Value


class Risk(Value):
    title: str
    detail: str
    severity: Annotated[Literal["low", "medium", "high"], AnyCase]
    mitigation: str


class Debt(Value):
    shortcut: str
    consequence: str
    remedy: str


class Step(Value):
    """One step of the next iteration; 1 is the most urgent `priority`."""

    priority: int
    title: str
    why: str


class Assessment(Value):
    summary: str
    risks: tuple[Risk, ...]
    failure_modes: tuple[Risk, ...]
    tech_debt: tuple[Debt, ...]
    roadmap: tuple[Step, ...]
