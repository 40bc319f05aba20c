"""What each agent gets to see of the project, trimmed to a token budget. Pure.

Three namespaces: an agent's own last artifacts are in its state; `past` has the milestone's
attempts and the project; `sources` and `facts` are the code and the verdict as they stand.
"""

from orchestrator.memory.counting import BYTES_PER_TOKEN, tokens
from orchestrator.memory.facts import failures, lint, report, trace
from orchestrator.memory.past import Built, feedback, history, overflow, project
from orchestrator.memory.sources import (
    UNREADABLE,
    code,
    is_test,
    outline,
    signatures,
    sources,
    tests,
)

__all__ = [
    "BYTES_PER_TOKEN",
    "UNREADABLE",
    "Built",
    "code",
    "failures",
    "feedback",
    "history",
    "is_test",
    "lint",
    "outline",
    "overflow",
    "project",
    "report",
    "signatures",
    "sources",
    "tests",
    "tokens",
    "trace",
]
