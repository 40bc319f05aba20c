"""M1-C1"""

import pytest

from throttle import Rate, parse_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1/s", Rate(1, 1.0)),
        ("100/min", Rate(100, 60.0)),
        ("5000/h", Rate(5000, 3600.0)),
        ("1000000/day", Rate(1_000_000, 86400.0)),
    ],
)
def test_m1_c1_rates_are_read(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "5", "0/s", "1000001/s", "-1/s", "1.5/s", "5/week", "5 /s"])
def test_m1_c1_other_texts_are_named(text: str) -> None:
    with pytest.raises(ValueError, match="^" + repr(text)):
        parse_rate(text)
