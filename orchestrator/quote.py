"""What a plan may come to, before anything is built: a range, with its basis. Pure."""

from collections.abc import Callable
from decimal import Decimal

from orchestrator.artifacts.caps import Quote, Span
from orchestrator.artifacts.plan import Plan
from orchestrator.artifacts.values import STAGES, AgentName
from orchestrator.models.prices import dearest, listed
from orchestrator.settings import Settings

INPUT = Span(least=10_000, most=30_000)
"""Tokens of one request."""
OUTPUT: dict[AgentName, Span] = {
    "spec": Span(least=6_000, most=16_000),
    "arch": Span(least=2_300, most=4_000),
    "impl": Span(least=900, most=8_000),
    "test": Span(least=5_000, most=13_000),
    "eval": Span(least=1_300, most=2_900),
    "reporter": Span(least=1_500, most=2_600),
}
"""Tokens of one answer: the least and the most in the recordings under examples/."""
THINKING = 3
"""An answer with its thinking, at the most, in answers without: an estimate, nobody measured it."""

Priced = Callable[[str, int, int], Decimal | None]
Calls = dict[AgentName, int]
Tokens = dict[AgentName, int]


def quote(plan: Plan, settings: Settings) -> Quote:
    """At the least every milestone passes at once, at the most each spends every attempt and every
    repair, from Spec on.
    """
    count, tries = len(plan.milestones), settings.max_retries
    least: Calls = {**dict.fromkeys(STAGES, count), "reporter": 1}
    most: Calls = {**dict.fromkeys(STAGES, count * tries), "reporter": 1}
    most["impl"] += count * tries * settings.max_repairs
    outputs: Tokens = {name: span.least for name, span in OUTPUT.items()}
    longest: Tokens = {
        name: min(span.most * THINKING, settings.role(name).max_tokens)
        for name, span in OUTPUT.items()
    }
    return Quote(
        calls=Span(least=sum(least.values()), most=sum(most.values())),
        tokens=Span(
            least=_tokens(least, INPUT.least, outputs), most=_tokens(most, INPUT.most, longest)
        ),
        least_cost=_cost(settings, least, INPUT.least, outputs, priced=listed),
        most_cost=_cost(settings, most, INPUT.most, longest, priced=dearest),
        basis=f"{count} milestone{'s' * (count != 1)}; at the least one attempt each, at the most "
        f"{tries} with {settings.max_repairs} repairs each; sizes of recorded runs, thinking "
        "estimated; Anthropic's list prices; answers that must be asked for again not counted",
    )


def _tokens(calls: Calls, read: int, written: Tokens) -> int:
    return sum(number * (read + written[name]) for name, number in calls.items())


def _cost(
    settings: Settings,
    calls: Calls,
    read: int,
    written: Tokens,
    *,
    priced: Priced,
) -> str:
    """As text to the cent, "" when a model's price is unknown."""
    if settings.backend == "claude-code":
        return ""  # which model the client takes is its own choice
    total = Decimal(0)
    for name, number in calls.items():
        one = priced(settings.role(name).model, read, written[name])
        if one is None:
            return ""
        total += number * one
    return f"{total:.2f}"


def told(quoted: Quote) -> str:
    """One line for a person."""
    cost = (
        f"${quoted.least_cost} to ${quoted.most_cost}"
        if quoted.least_cost and quoted.most_cost
        else "price unknown"
    )
    tokens = f"{quoted.tokens.least / 1e6:.1f} to {quoted.tokens.most / 1e6:.1f} million tokens"
    return f"{cost}, {quoted.calls.least} to {quoted.calls.most} calls, {tokens} ({quoted.basis})"
