"""M1-C3"""

from tests.clock import Clock
from throttle import Decision, SlidingWindow, parse_rate


def test_m1_c3_at_most_count_in_any_period(clock: Clock) -> None:
    window = SlidingWindow(parse_rate("2/min"), clock=clock)
    assert window.allow("a").allowed
    clock.now += 40
    assert window.allow("a").allowed
    clock.now += 15
    assert window.allow("a") == Decision(allowed=False, retry_after=5.0)
    clock.now += 6
    assert window.allow("a").allowed
    assert window.allow("a") == Decision(allowed=False, retry_after=39.0)
