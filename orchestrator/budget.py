"""What a run has spent, summed from the answers in its ledger."""

from collections.abc import Iterable
from decimal import Decimal

from orchestrator.artifacts.exchange import Answer, Spend


def spend(answers: Iterable[Answer]) -> Spend:
    every = tuple(answers)
    return Spend(
        calls=len(every),
        input_tokens=_sum(
            -1
            if one.usage.input < 0
            else one.usage.input + one.usage.cache_write_5m + one.usage.cache_write_1h
            for one in every
        ),
        output_tokens=_sum(one.usage.output for one in every),
        cache_read_tokens=_sum(one.usage.cache_read for one in every),
        price=_price(every),
        duration_ms=sum(one.duration_ms for one in every),
    )


def _sum(values: Iterable[int]) -> int:
    listed = list(values)
    return -1 if any(value < 0 for value in listed) else sum(listed)


def _price(answers: tuple[Answer, ...]) -> str:
    if any(not one.price for one in answers):
        return ""
    return str(sum((Decimal(one.price) for one in answers), Decimal(0)))
