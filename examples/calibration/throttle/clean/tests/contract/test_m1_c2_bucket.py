"""M1-C2"""

from tests.clock import Clock
from throttle import Decision, TokenBucket, parse_rate


def test_m1_c2_a_burst_is_allowed_then_refused(clock: Clock) -> None:
    bucket = TokenBucket(parse_rate("60/min"), clock=clock)
    assert all(bucket.allow("a").allowed for _ in range(60))
    assert bucket.allow("a") == Decision(allowed=False, retry_after=1.0)


def test_m1_c2_requests_come_back_evenly(clock: Clock) -> None:
    bucket = TokenBucket(parse_rate("60/min"), clock=clock)
    for _ in range(60):
        bucket.allow("a")
    clock.now += 2
    assert [bucket.allow("a").allowed for _ in range(3)] == [True, True, False]


def test_m1_c2_a_bucket_does_not_overflow(clock: Clock) -> None:
    bucket = TokenBucket(parse_rate("2/s"), clock=clock)
    bucket.allow("a")
    clock.now += 3600
    assert [bucket.allow("a").allowed for _ in range(3)] == [True, True, False]
