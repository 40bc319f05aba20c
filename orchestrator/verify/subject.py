"""What is verified."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, cast

from pydantic import BeforeValidator, ConfigDict, PlainSerializer

from orchestrator.artifacts.architecture import Launch
from orchestrator.artifacts.checks import Check
from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.settings import Limits, SandboxName


def _packed(tree: Tree) -> dict[str, str]:
    return {path: base64.b64encode(content).decode("ascii") for path, content in tree.items()}


def _unpacked(given: object) -> object:
    if isinstance(given, Tree) or not isinstance(given, Mapping):
        return cast(object, given)
    files = cast("Mapping[str, str]", given)
    return Tree({path: base64.b64decode(content) for path, content in files.items()})


Packed = Annotated[Tree, BeforeValidator(_unpacked), PlainSerializer(_packed, when_used="json")]
"""In JSON a mapping of paths to base64."""


class Subject(Value):
    """What is verified: the criteria are the ids that must be met now."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    tree: Packed
    criteria: tuple[str, ...]
    checks: tuple[Check, ...]
    launch: Launch | None
    """None where it is not declared: then the product is not started, and no check can be run."""
    lock: str
    layout: Layout = LAYOUT

    def key(self, version: str, sandbox: SandboxName, limits: Limits) -> str:
        """SHA-256 over everything that a verdict depends on, hexadecimal."""
        parts = [
            version,
            sandbox,
            limits.model_dump(),
            self.tree.digest,
            self.criteria,
            [one.model_dump() for one in self.checks],
            self.launch.model_dump() if self.launch else None,
            self.layout.model_dump(),
            self.lock,
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
