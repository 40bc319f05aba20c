"""The milestone orchestrator: a product idea becomes a working, tested project."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.api import Orchestrator

__all__ = ["Orchestrator"]


def __getattr__(name: str) -> object:
    """`Orchestrator` is imported on first use: the command line must not pay for it."""
    if name in __all__:
        return getattr(import_module("orchestrator.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
