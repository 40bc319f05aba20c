"""The settings that a run may change on its way: limits, kept as decisions."""

import json
from collections.abc import Mapping
from typing import cast

from orchestrator import settings
from orchestrator.artifacts.caps import Caps
from orchestrator.artifacts.values import AgentName
from orchestrator.errors import Misuse
from orchestrator.ledger import Ledger
from orchestrator.models.prices import dearest
from orchestrator.settings import Role, Roles, Settings

COSTS = ("max_cost", "max_milestone_cost")
COUNTED = (*COSTS, "max_tokens", "max_milestone_tokens")
"""What a host agent does not tell, and a client does not keep to."""
PLACE = "run/flags"


def chosen(begun: Settings, ledger: Ledger, flags: Mapping[str, str]) -> Settings:
    """The settings of a run that `begun` with others, with every change since; `flags` are the
    newest, recorded when they are good. Raises Misuse when they are not.
    """
    now, number = begun, 1
    while (said := ledger.decision(f"{PLACE}/{number}")) is not None:
        now = settings.over(now, json.loads(said))
        number += 1
    if not flags:
        return now
    changed = settings.over(now, flags)
    payable(changed)
    ledger.decide(f"{PLACE}/{number}", json.dumps(dict(flags), sort_keys=True))
    return changed


def payable(chosen: Settings) -> None:
    """Raises Misuse when a limit cannot be kept: of what nobody tells or nobody knows."""
    asked = [name for name in COUNTED if getattr(chosen, name) is not None]
    flags = ", ".join(f"--{name.replace('_', '-')}" for name in asked)
    if chosen.backend == "host" and asked:
        raise Misuse(
            f"{flags}: a host agent does not say what its answers cost",
            "leave it out; --max-calls and --max-time work",
        )
    if chosen.backend == "claude-code" and asked:
        raise Misuse(
            f"{flags}: claude-code makes calls of its own, which no limit of ours can stop",
            "leave it out; --max-calls and --max-time work",
        )
    if chosen.backend != "anthropic" or not any(name in COSTS for name in asked):
        return
    for name in Roles.model_fields:
        model = role(chosen, name).model
        if dearest(model, 1, 1) is None:
            raise Misuse(
                f"{flags}: the price of {model!r} is unknown",
                "leave it out; --max-tokens, --max-calls and --max-time work",
            )


def role(chosen: Settings, agent: str) -> Role:
    return chosen.role(cast(AgentName, agent))


def none() -> tuple[Caps, Caps]:
    return Caps(), Caps()
