import threading

import pytest

from tests.clock import Clock
from throttle import Decision, Rate, SlidingWindow, TokenBucket


@pytest.mark.parametrize("kind", [TokenBucket, SlidingWindow])
def test_a_refused_request_is_not_counted(
    kind: type[TokenBucket | SlidingWindow], clock: Clock
) -> None:
    limiter = kind(Rate(1, 10.0), clock=clock)
    assert limiter.allow("a").allowed
    clock.now += 5
    assert limiter.allow("a") == Decision(allowed=False, retry_after=5.0)
    clock.now += 6
    assert limiter.allow("a").allowed


@pytest.mark.parametrize("kind", [TokenBucket, SlidingWindow])
def test_threads_share_one_limit(kind: type[TokenBucket | SlidingWindow], clock: Clock) -> None:
    limiter = kind(Rate(50, 10.0), clock=clock)
    allowed: list[bool] = []

    def ask() -> None:
        allowed.extend(limiter.allow("a").allowed for _ in range(30))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (allowed.count(True), len(allowed)) == (50, 120)


def test_there_is_room_for_a_key(clock: Clock) -> None:
    with pytest.raises(ValueError, match="max_keys is at least 1, not 0"):
        TokenBucket(Rate(1, 1.0), 0, clock=clock)


@pytest.mark.parametrize(("count", "period"), [(0, 1.0), (1_000_001, 1.0), (1, 0.0), (1, -1.0)])
def test_rates_have_bounds(count: int, period: float) -> None:
    with pytest.raises(ValueError, match="a rate's"):
        Rate(count, period)


def test_time_is_taken_from_the_system_unless_told() -> None:
    assert TokenBucket(Rate(1, 60.0)).allow("a") == Decision(allowed=True)
