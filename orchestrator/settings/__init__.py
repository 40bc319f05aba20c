"""What a person can choose, and where each value came from: file, then environment, then flags."""

from orchestrator.settings.reading import FILE, Loaded, dump, load, over, parse
from orchestrator.settings.roles import PRESETS, Preset, Role, Roles
from orchestrator.settings.values import Approval, Backend, Limits, SandboxName, Settings

__all__ = [
    "FILE",
    "PRESETS",
    "Approval",
    "Backend",
    "Limits",
    "Loaded",
    "Preset",
    "Role",
    "Roles",
    "SandboxName",
    "Settings",
    "dump",
    "load",
    "over",
    "parse",
]
