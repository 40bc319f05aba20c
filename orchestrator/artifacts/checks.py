"""Checks: short scenarios that decide a criterion from outside the product."""

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.artifacts.values import AnyCase, Value

Visibility = Annotated[Literal["shown", "held"], AnyCase]
Kind = Literal[
    "crashed", "timed out", "wrong exit code", "wrong output", "wrong status", "wrong body"
]
"""The closed set of ways in which a check can fail. Of a held check nobody learns more than this.
"""


class Match(Value):
    """How a text must look. `equals` compares after both sides lost trailing white space and `\\r`."""  # noqa: E501

    how: Annotated[Literal["equals", "contains", "absent", "matches"], AnyCase]
    text: str


class FileMatch(Value):
    """A file expected after the step, its path relative to the working folder."""

    path: str
    content: tuple[Match, ...]


class Pair(Value):
    name: str
    value: str


class CommandStep(Value):
    """The argv that follows the product's declared command."""

    kind: Literal["command"]
    argv: tuple[str, ...]
    stdin: str
    exit_code: int
    stdout: tuple[Match, ...]
    stderr: tuple[Match, ...]
    files: tuple[FileMatch, ...]


class HttpStep(Value):
    """One exchange with the declared service.

    `body` is sent as it is, with no body and no Content-Type when empty; JSON bodies carry their
    Content-Type in `headers`. `json_subset` is JSON text ("" for none) that must be contained in
    the answer, in which "<any>", "<string>", "<integer>", "<number>", "<boolean>", "<array>",
    "<object>" stand for any value of that type. `captures` name values of the JSON answer by dotted
    path ("items.0.id"), used later as `${name}` in path, headers and body.
    """

    kind: Literal["http"]
    method: str
    path: str
    headers: tuple[Pair, ...]
    body: str
    status: int
    json_subset: str
    body_matches: tuple[Match, ...]
    header_matches: tuple[Pair, ...]
    captures: tuple[Pair, ...]


class RestartStep(Value):
    """The service is stopped and started again on the same state."""

    kind: Literal["restart"]


class Call(Value):
    """One request of a `parallel` step, written as in `http`."""

    method: str
    path: str
    headers: tuple[Pair, ...]
    body: str


class ParallelStep(Value):
    """Requests to the declared service, sent at once, each on a connection of its own.

    `statuses` are the expected ones, as many as requests, compared without order.
    """

    kind: Literal["parallel"]
    requests: tuple[Call, ...]
    statuses: tuple[int, ...]


class ClockStep(Value):
    """The clock that the product's Pythons read goes forward, for the rest of the check."""

    kind: Literal["clock"]
    advance_seconds: int


class PythonStep(Value):
    """A short program run in the project folder with the product importable."""

    kind: Literal["python"]
    source: str
    exit_code: int
    stdout: tuple[Match, ...]


Step = Annotated[
    CommandStep | HttpStep | ParallelStep | RestartStep | ClockStep | PythonStep,
    Field(discriminator="kind"),
]


class Check(Value):
    """Ordered steps in one fresh state. `id` is `<criterion>-<shown|held>-<number>`."""

    id: str
    criterion: str
    visibility: Visibility
    title: str
    steps: tuple[Step, ...]
