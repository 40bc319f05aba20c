"""What a run tells whoever watches: a closed union of values, folded by sinks."""

from typing import Literal, Protocol

from orchestrator.artifacts.caps import Quote
from orchestrator.artifacts.exchange import Usage
from orchestrator.artifacts.values import AgentName, Ending, Stage, Value

Source = Literal["live", "ledger", "recording", "host"]


class RunStarted(Value):
    kind: Literal["run_started"] = "run_started"
    run: str
    idea: str


class Planned(Value):
    kind: Literal["planned"] = "planned"
    product: str
    milestones: tuple[str, ...]


class StageStarted(Value):
    kind: Literal["stage_started"] = "stage_started"
    milestone: str
    attempt: int
    stage: Stage


class StageEnded(Value):
    """`result` is one line for a person."""

    kind: Literal["stage_ended"] = "stage_ended"
    milestone: str
    attempt: int
    stage: Stage
    result: str
    ok: bool


class AgentCall(Value):
    """One call of an agent, or its answer read again. Summaries are the first 200 characters."""

    kind: Literal["agent_call"] = "agent_call"
    agent: AgentName
    milestone: str
    attempt: int
    turn: int
    model: str
    source: Source
    input_summary: str
    output_summary: str
    usage: Usage
    price: str
    duration_ms: int
    timestamp: str
    request_id: str
    by: str


class Rerouted(Value):
    """Routing sent the milestone to `stage`, and why."""

    kind: Literal["rerouted"] = "rerouted"
    milestone: str
    attempt: int
    stage: Stage
    reason: str


class Quoted(Value):
    """What the plan may come to, before anything is built."""

    kind: Literal["quoted"] = "quoted"
    quote: Quote


class Awaited(Value):
    """A person must agree: to the plan (`scope` is "run") or to what a milestone came to."""

    kind: Literal["awaited"] = "awaited"
    scope: str
    question: str


class Heard(Value):
    """A person's word was taken by `scope`."""

    kind: Literal["heard"] = "heard"
    scope: str
    what: Literal["steer", "approve", "cancel", "retry"]
    text: str


class MilestoneEnded(Value):
    kind: Literal["milestone_ended"] = "milestone_ended"
    milestone: str
    title: str
    status: Ending
    score: int
    reason: str


class Scored(Value):
    """A version of the one program of a script run: its score and the one that was expected (-1
    for the first version), both in tenths, and how it ran in a few words.
    """

    kind: Literal["scored"] = "scored"
    version: int
    score: int
    expected: int
    ran: str


class Refined(Value):
    """What became of the corrections of `version`: so many were applied as they are; where there is
    something left, its author is asked.
    """

    kind: Literal["refined"] = "refined"
    version: int
    applied: int
    left: int


class Waiting(Value):
    """The provider asked for patience: `seconds` until the next try."""

    kind: Literal["waiting"] = "waiting"
    seconds: float
    reason: str


class Warned(Value):
    kind: Literal["warned"] = "warned"
    message: str


class RunEnded(Value):
    kind: Literal["run_ended"] = "run_ended"
    run: str
    passed: bool
    report: str


Event = (
    RunStarted
    | Planned
    | StageStarted
    | StageEnded
    | AgentCall
    | Rerouted
    | Quoted
    | Awaited
    | Heard
    | MilestoneEnded
    | Scored
    | Refined
    | Waiting
    | Warned
    | RunEnded
)


class Sink(Protocol):
    def __call__(self, event: Event) -> None: ...
