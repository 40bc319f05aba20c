"""Which model each agent speaks to: presets, and the rungs between which a role moves."""

from typing import Literal

from pydantic import Field

from orchestrator.artifacts.exchange import Effort
from orchestrator.artifacts.values import AgentName, Value

Preset = Literal["balanced", "cheap", "best", "local"]
HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
FABLE = "claude-fable-5-2"
LOCAL = "local"
"""The name that servers of one local model accept; `--model` names another."""
EFFORTS: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")
LADDER: tuple[tuple[str, Effort], ...] = (
    (HAIKU, "medium"),
    (SONNET, "medium"),
    (SONNET, "high"),
    (OPUS, "medium"),
    (OPUS, "high"),
    (OPUS, "xhigh"),
    (FABLE, "high"),
)
"""From the cheapest to the strongest."""


BUILDERS: tuple[AgentName, ...] = ("spec", "arch", "impl", "test", "refactor", "script")
"""The roles that move: who judges stays who it is, or scores could not be compared."""


class Role(Value):
    """Which model an agent speaks to, how hard it thinks, and the most it may write."""

    model: str
    effort: Effort
    max_tokens: int = Field(gt=0)

    def moved(self, rungs: int, *, keep: bool = False) -> "Role":
        """`rungs` up the ladder, or down where negative, as far as it goes. A model that is not on
        it, or is to be kept, moves in effort.
        """
        here = (self.model, self.effort)
        on = [place for place, (model, _) in enumerate(LADDER) if model == self.model]
        if keep or not on:
            place = EFFORTS.index(self.effort) + rungs
            return self.model_copy(update={"effort": EFFORTS[_within(place, len(EFFORTS))]})
        place = LADDER.index(here) if here in LADDER else _nearest(self.effort, on)
        model, effort = LADDER[_within(place + rungs, len(LADDER))]
        return self.model_copy(update={"model": model, "effort": effort}) if rungs else self


def _within(place: int, length: int) -> int:
    return max(0, min(length - 1, place))


def _nearest(effort: Effort, on: list[int]) -> int:
    wanted = EFFORTS.index(effort)
    return min(on, key=lambda place: abs(EFFORTS.index(LADDER[place][1]) - wanted))


def _role(model: str, effort: Effort, thousands: int) -> Role:
    return Role(model=model, effort=effort, max_tokens=thousands * 1000)


class Roles(Value):
    """Eval is on another line than Impl, so that no model judges its own work; so is Judge."""

    planner: Role = _role(OPUS, "high", 32)
    spec: Role = _role(OPUS, "high", 64)
    arch: Role = _role(OPUS, "high", 32)
    impl: Role = _role(OPUS, "high", 64)
    test: Role = _role(SONNET, "high", 64)
    critic: Role = _role(SONNET, "high", 32)
    eval: Role = _role(SONNET, "high", 32)
    refactor: Role = _role(OPUS, "medium", 64)
    router: Role = _role(HAIKU, "medium", 16)
    summariser: Role = _role(HAIKU, "low", 16)
    script: Role = _role(OPUS, "high", 64)
    judge: Role = _role(SONNET, "high", 32)
    reporter: Role = _role(SONNET, "medium", 32)

    def of(self, agent: AgentName) -> Role:
        return getattr(self, agent)


def _preset(building: tuple[str, Effort], judging: tuple[str, Effort], small: str) -> Roles:
    default = Roles()
    judges = ("critic", "eval", "judge")
    little = ("router", "summariser")

    def of(name: str) -> Role:
        role: Role = getattr(default, name)
        if name in little:
            return role.model_copy(update={"model": small})
        model, effort = judging if name in judges else building
        return role.model_copy(update={"model": model, "effort": effort})

    return Roles(**{name: of(name) for name in Roles.model_fields})


PRESETS: dict[Preset, Roles] = {
    "balanced": Roles(),
    "cheap": _preset((SONNET, "medium"), (HAIKU, "high"), HAIKU),
    "best": _preset((FABLE, "high"), (OPUS, "high"), SONNET),
    "local": _preset((LOCAL, "medium"), (LOCAL, "medium"), LOCAL),
}
