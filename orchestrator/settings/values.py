"""What a person can choose."""

import re
from decimal import Decimal
from typing import Annotated, Literal, cast

from packaging.utils import InvalidName, canonicalize_name
from pydantic import BeforeValidator, Field, field_validator, model_validator

from orchestrator.artifacts.caps import Caps
from orchestrator.artifacts.values import AgentName, Value
from orchestrator.settings.roles import BUILDERS, PRESETS, Preset, Role, Roles

Backend = Literal["anthropic", "claude-code", "host", "replay"]
SandboxName = Literal["bubblewrap", "process"]
Approval = Literal["plan", "milestone"]
TIME = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")
"""As people write it: 90 (seconds), 45m, 1h30m."""


def _unlimited(given: object) -> object:
    """A limit that is taken back is `none`."""
    return None if given == "none" else given


def _seconds(given: object) -> object:
    if not isinstance(given, str):
        return given
    found = TIME.fullmatch(given)
    if found is None or not given:
        raise ValueError("a time is seconds, or as in 45m or 1h30m")
    hours, minutes, seconds = (int(one or 0) for one in found.groups())
    return 3600 * hours + 60 * minutes + seconds


_None = BeforeValidator(_unlimited)
Dollars = Annotated[Decimal | None, Field(gt=0, allow_inf_nan=False), _None]
Count = Annotated[int | None, Field(gt=0), _None]
Time = Annotated[int | None, Field(gt=0), BeforeValidator(_seconds), _None]


class Limits(Value):
    """What generated code may use: seconds, MiB, processes, KiB of output."""

    test_seconds: int = Field(default=120, gt=0)
    mutants: int = Field(default=8, ge=0, le=200)
    """Single-operator mutants of the product that each suite is tried on."""
    step_seconds: int = Field(default=10, gt=0)
    memory_mib: int = Field(default=1024, gt=0)
    processes: int = Field(default=128, gt=0)
    output_kib: int = Field(default=1024, gt=0)


class Settings(Value):
    """The effective settings of a run. `threshold` is in hundredths: 350 is 3.50."""

    backend: Backend = "anthropic"
    preset: Preset = "balanced"
    """Which model each role speaks to, where `roles` does not say otherwise."""
    model: str = ""
    """One model for every role, "" for each role's own."""
    base_url: str = ""
    max_retries: int = Field(default=3, ge=1, le=20)
    """Attempts in all."""
    max_repairs: int = Field(default=2, ge=0, le=10)
    """Within an attempt, from red verification straight back, before an Eval is paid for."""
    max_reasks: int = Field(default=2, ge=0, le=10)
    """After an answer that is not valid."""
    max_conflicts: int = Field(default=2, ge=0, le=10)
    routing: Literal["rules", "planner"] = "rules"
    """Who chooses the stage of a retry: the rules, or an agent within their limits."""
    refine: bool = True
    """Whether an evaluation's REMOVE/ADD corrections that keep verification green are applied
    without a call.
    """
    history: bool = True
    """Whether agents are told of every earlier attempt, or of the last one alone."""
    summarise: bool = True
    """Whether what does not fit of it is summarised instead of left out."""
    every_stage: bool = False
    """Whether each retry asks all five agents again."""
    whole_files: bool = False
    """Whether code is given as whole files alone, without edits."""
    critic: bool = False
    """Whether a review against the architecture comes before the evaluation."""
    refactor: bool = False
    """Whether what passed is made simpler, and kept where it still passes with no lower score."""
    escalate: bool = True
    """Whether failed attempts are followed by stronger models, and a budget that runs out by
    cheaper ones.
    """
    threshold: int = Field(default=350, ge=100, le=500)
    floor: int = Field(default=2, ge=1, le=5)
    """No dimension may score below it."""
    parallel: int = Field(default=2, ge=1, le=1000)
    """Milestones worked on at once."""
    model_calls: int = Field(default=16, ge=1, le=1000)
    """In flight at once."""
    sandboxes: int = Field(default=0, ge=0, le=64)
    """Verifications at once, 0 for as many as there are cores."""
    sandbox: SandboxName = "bubblewrap"
    allow_packages: tuple[str, ...] = ()
    """Packages beside the well-known ones that a product may ask for, by canonical name."""
    deadline_seconds: int = Field(default=1800, gt=0)
    """For one model call, over all of its retries."""
    context_tokens: int = Field(default=60_000, gt=1000)
    """For the code and memory in one request, by the local counter."""
    max_cost: Dollars = None
    """US dollars for the whole run; None is no limit, here and below."""
    max_tokens: Count = None
    max_calls: Count = None
    max_time: Time = None
    """Seconds of model time and verification time, added up."""
    max_milestone_cost: Dollars = None
    max_milestone_tokens: Count = None
    max_milestone_calls: Count = None
    max_milestone_time: Time = None
    approve: tuple[Approval, ...] = ()
    """What a person must approve: the plan before it is built, each milestone before it lands."""
    limits: Limits = Limits()
    roles: Roles = Roles()

    @model_validator(mode="before")
    @classmethod
    def _roles(cls, given: object) -> object:
        if not isinstance(given, dict) or "roles" in given:
            return cast(object, given)
        values = cast("dict[str, object]", given)
        chosen = PRESETS.get(cast(Preset, values.get("preset")))
        return values if chosen is None else values | {"roles": chosen}

    @field_validator("approve", mode="before")
    @classmethod
    def _approvals(cls, given: object) -> object:
        """A text, as in an environment variable, separates them by commas."""
        return tuple(given.split(",")) if isinstance(given, str) else given

    @field_validator("allow_packages", mode="before")
    @classmethod
    def _packages(cls, given: object) -> object:
        """A text, as in an environment variable, separates them by commas."""
        names = given.split(",") if isinstance(given, str) else given
        if not isinstance(names, list | tuple):
            return names
        every = [one for one in cast("list[object] | tuple[object, ...]", names) if one != ""]
        return tuple(dict.fromkeys(_canonical(one) for one in every))

    @property
    def request_tokens(self) -> int:
        """The most of material that any request has, by the same counter."""
        return 3 * self.context_tokens

    def caps(self) -> Caps:
        """For the whole run."""
        return Caps(
            cost=self.max_cost,
            tokens=self.max_tokens,
            calls=self.max_calls,
            seconds=self.max_time,
        )

    def milestone_caps(self) -> Caps:
        """For each milestone."""
        return Caps(
            cost=self.max_milestone_cost,
            tokens=self.max_milestone_tokens,
            calls=self.max_milestone_calls,
            seconds=self.max_milestone_time,
        )

    def role(self, agent: AgentName, rungs: int = 0) -> Role:
        """A builder's is moved by `rungs`, though never to Eval's model."""
        role = self.roles.of(agent)
        if self.model:
            role = role.model_copy(update={"model": self.model})
        if not rungs or not self.escalate or agent not in BUILDERS:
            return role
        moved = role.moved(rungs, keep=bool(self.model))
        return role if role.model != moved.model == self.role("eval").model else moved


def _canonical(name: object) -> object:
    try:
        return canonicalize_name(name.strip(), validate=True) if isinstance(name, str) else name
    except InvalidName as error:
        raise ValueError(f"{name!r} is not the name of a package") from error
