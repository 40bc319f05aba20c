"""Limits on what may be spent, and what a plan may cost."""

from decimal import Decimal

from orchestrator.artifacts.values import Value


class Caps(Value):
    """At most so much. `cost` is in US dollars; `seconds` are worked ones: model time and
    verification time added up, side by side or not. None is no limit.
    """

    cost: Decimal | None = None
    tokens: int | None = None
    calls: int | None = None
    seconds: int | None = None

    @property
    def any(self) -> bool:
        return self != Caps()


class Span(Value):
    """From `least` to `most`."""

    least: int
    most: int


class Quote(Value):
    """What a plan may come to. `cost` is in US dollars, "" when a model's price is unknown."""

    calls: Span
    tokens: Span
    least_cost: str
    most_cost: str
    basis: str
