"""Eval's judgement: advice that the gate reads after the facts."""

import re
from typing import Annotated, Literal

from pydantic import Field
from pydantic.config import JsonDict

from orchestrator.artifacts.values import AnyCase, Dimension, Stage, Value


def _asked(schema: JsonDict) -> None:
    schema.pop("default", None)


CITED = re.compile(r"([^\s:]+):([0-9]{1,9})")
"""How evidence begins: `path:line`."""
ASKED = Field(json_schema_extra=_asked)
"""In every answer that is asked for now; recordings of before it do not have it."""


class Score(Value):
    """1 (unacceptable) to 5 (exemplary), with evidence as `path:line: what is there`."""

    dimension: Dimension
    score: int
    evidence: tuple[str, ...]


class CriterionJudgement(Value):
    criterion: str
    met: bool
    evidence: str


class Edit(Value):
    """REMOVE/ADD: `remove` stands exactly once in the file and `add` takes its place."""

    path: str
    remove: str
    add: str


class Finding(Value):
    dimension: Dimension
    severity: Annotated[Literal["low", "medium", "high"], AnyCase]
    path: str
    line: int
    """0 when the finding is about no single line."""
    problem: str
    remedy: str
    edits: tuple[Edit, ...]
    known: Annotated[str, ASKED] = ""
    """The id under which `history` lists it, "" when it is new."""
    gain: Annotated[int, ASKED] = 0
    """By how many points its dimension's score would rise if this alone were mended, 0 to 4."""


class Review(Value):
    """What Critic says: no scores, and nothing that is only taste."""

    findings: tuple[Finding, ...]
    summary: str


class Exemption(Value):
    """A lint fact that blocks and is no defect here: `path:line` and `code` name it."""

    code: str
    path: str
    line: int
    reason: str


class Evaluation(Value):
    scores: tuple[Score, ...]
    criteria: tuple[CriterionJudgement, ...]
    findings: tuple[Finding, ...]
    culprit: Stage
    """The stage whose artifact must change first."""
    summary: str
    exemptions: Annotated[tuple[Exemption, ...], ASKED] = ()
    resolved: Annotated[tuple[str, ...], ASKED] = ()
    """Ids of the findings in `history` that are mended now."""

    def score(self, dimension: Dimension) -> int:
        return next(one.score for one in self.scores if one.dimension == dimension)
