"""One milestone's attempts: stages, verification with repairs, evaluation, gate, routing."""

from orchestrator.milestone.attempts import CANCELLED, Attempts, Ended
from orchestrator.milestone.parts import Parts

__all__ = ["CANCELLED", "Attempts", "Ended", "Parts"]
