"""One program by the short loop: what is wanted, and what its judge says of a version."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Base64Bytes, BeforeValidator, Field, PlainSerializer

from orchestrator.artifacts.values import Value

MOST = 100
"""The highest score, in tenths."""


def tenths(given: object) -> int:
    """9.6 -> 96. Raises ValueError for what is no number from 0 to 10 with one digit at most."""
    try:
        exact = Decimal(str(given)) * 10
    except ArithmeticError:
        exact = Decimal("NaN")
    if isinstance(given, bool) or not exact.is_finite() or not 0 <= exact <= MOST:
        raise ValueError(f"{given!r} is no number from 0 to 10")
    if exact != int(exact):
        raise ValueError(f"{given!r} has more than one digit after the point")
    return int(exact)


def _points(value: int) -> float:
    return value / 10


Points = Annotated[int, PlainSerializer(_points, return_type=float)]
"""Tenths of a point inside, points (9.6) as JSON."""
Tenths = Annotated[Points, BeforeValidator(tenths)]
"""The same, also read as points."""


def shown(value: int) -> str:
    """Tenths as people read them: 96 is 9.6."""
    return f"{value // 10}.{value % 10}"


class Wanted(Value):
    """What is asked of a program, beside the prompt. The person's `arguments` and `stdin` are given
    to it whenever it runs, for at most `seconds`. `bar` is the score that accepts it.
    """

    bar: Tenths
    refinements: int = Field(ge=0, le=20)
    seconds: float = Field(gt=0, le=3600)
    arguments: tuple[str, ...] = ()
    stdin: Base64Bytes = b""


class Evidence(Value):
    """What is there in a line of the program, for or against it."""

    line: int
    text: str


class Correction(Value):
    """REMOVE/ADD: `remove` is whole lines that stand exactly once in the program, `add` takes their
    place. `gain` is by how much the score would rise by this alone.
    """

    problem: str
    remove: str
    add: str
    gain: Tenths


class Weakness(Value):
    """What no few lines repair. `line` is 0 when it is about no single one."""

    line: int
    problem: str
    remedy: str
    gain: Tenths


class Judgement(Value):
    """A score from 0 to 10 with one digit after the point, and what would raise it."""

    score: Tenths
    evidence: tuple[Evidence, ...]
    corrections: tuple[Correction, ...]
    weaknesses: tuple[Weakness, ...]
    summary: str


class VersionScore(Value):
    """A version in the score history. `expected` is null for the first; of its corrections
    `applied` were made as they are, `left` things were left to Script.
    """

    version: int
    by: Literal["script", "corrections"]
    score: Points
    expected: Points | None
    applied: int
    left: int
    ran: str


class Ran(Value):
    """How the accepted program ran in the end; the streams are untrusted text."""

    outcome: Literal["exited", "timed out", "killed", "too much output"]
    returncode: int
    ended: str
    stdout: str
    stderr: str

    @property
    def passed(self) -> bool:
        return self.outcome == "exited" and self.returncode == 0


class Scripted(Value):
    """What a script run came to. `program` is the path of the best version; it is run when it is
    accepted. `price` is US dollars, "" when unknown.
    """

    run: str
    prompt: str
    accepted: bool
    bar: Points
    score: Points
    best: int
    program: str
    reason: str
    versions: tuple[VersionScore, ...]
    ran: Ran | None
    calls: int
    price: str
    sandbox: str

    @property
    def passed(self) -> bool:
        """Accepted, and it ran to a good end."""
        return self.accepted and self.ran is not None and self.ran.passed
