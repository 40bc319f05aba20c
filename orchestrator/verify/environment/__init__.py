"""What a product is run with: its requirements, their lock, and the environment built from it."""

from orchestrator.verify.environment.building import Built, build, provide
from orchestrator.verify.environment.locking import OUR_TOOLS, Locked, lock
from orchestrator.verify.environment.requirements import (
    Refused,
    Requirements,
    refusal,
    requirements,
    unknown,
)
from orchestrator.verify.environment.uv import Uv

__all__ = [
    "OUR_TOOLS",
    "Built",
    "Locked",
    "Refused",
    "Requirements",
    "Uv",
    "build",
    "lock",
    "provide",
    "refusal",
    "requirements",
    "unknown",
]
