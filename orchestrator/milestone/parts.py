"""The live objects of a run."""

from dataclasses import dataclass
from pathlib import Path

from orchestrator.agents.base import Asker
from orchestrator.events import Sink
from orchestrator.ledger import Ledger
from orchestrator.people import People
from orchestrator.repo import Repo
from orchestrator.settings import Settings
from orchestrator.slots import Slots
from orchestrator.verification import Verification


@dataclass(frozen=True)
class Parts:
    """What every milestone works with."""

    asker: Asker
    verification: Verification
    repo: Repo
    ledger: Ledger
    people: People
    sink: Sink
    settings: Settings
    traces: Path
    """Where a person finds in full what agents are shown in short."""
    slots: Slots
    """One is held for a stage, never while waiting."""
