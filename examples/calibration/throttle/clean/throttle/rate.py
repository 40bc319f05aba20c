"""Rates: so many in such a time."""

import re
from dataclasses import dataclass

MAX_COUNT = 1_000_000
SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "day": 86400.0}
_RATE = re.compile(r"([0-9]{1,7})/([a-z]+)")


@dataclass(frozen=True)
class Rate:
    """At most `count` in `period` seconds."""

    count: int
    period: float

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MAX_COUNT:
            raise ValueError(f"a rate's count is from 1 to {MAX_COUNT}, not {self.count}")
        if not self.period > 0:
            raise ValueError(f"a rate's period is more than 0 seconds, not {self.period}")


def parse_rate(text: str) -> Rate:
    """Reads a rate like "100/min". Raises ValueError naming `text`."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no rate: write a count and a unit, like 100/min")
    count, unit = match.groups()
    if unit not in SECONDS:
        raise ValueError(f"{text!r} has no unit of {', '.join(SECONDS)}")
    try:
        return Rate(int(count), SECONDS[unit])
    except ValueError as error:
        raise ValueError(f"{text!r} is no rate: {error}") from None
