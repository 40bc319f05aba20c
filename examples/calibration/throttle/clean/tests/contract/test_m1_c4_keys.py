"""M1-C4"""

import pytest

from tests.clock import Clock
from throttle import SlidingWindow, TokenBucket, parse_rate


@pytest.mark.parametrize("kind", [TokenBucket, SlidingWindow])
def test_m1_c4_keys_are_apart(kind: type[TokenBucket | SlidingWindow], clock: Clock) -> None:
    limiter = kind(parse_rate("1/min"), clock=clock)
    assert [limiter.allow(key).allowed for key in "aba"] == [True, True, False]


@pytest.mark.parametrize("kind", [TokenBucket, SlidingWindow])
def test_m1_c4_the_least_recently_seen_is_forgotten(
    kind: type[TokenBucket | SlidingWindow], clock: Clock
) -> None:
    limiter = kind(parse_rate("1/min"), 2, clock=clock)
    for key in "abac":
        limiter.allow(key)
        clock.now += 1
    assert len(limiter) == 2
    assert [limiter.allow(key).allowed for key in "acb"] == [False, False, True]
