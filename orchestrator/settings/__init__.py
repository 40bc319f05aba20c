"""What a person can choose, and where each value came from: file, then environment, then flags."""

from orchestrator.settings.reading import FILE, Loaded, dump, load, over, parse
from orchestrator.settings.values import (
    Approval,
    Backend,
    Limits,
    Role,
    Roles,
    SandboxName,
    Settings,
)

__all__ = [
    "FILE",
    "Approval",
    "Backend",
    "Limits",
    "Loaded",
    "Role",
    "Roles",
    "SandboxName",
    "Settings",
    "dump",
    "load",
    "over",
    "parse",
]
