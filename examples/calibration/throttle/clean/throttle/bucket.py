"""The token bucket: bursts are allowed, the average is kept."""

from dataclasses import dataclass

from throttle.keyed import Decision, KeyedLimiter


@dataclass
class Bucket:
    """How many requests a client could make at the time `seen`."""

    tokens: float
    seen: float


class TokenBucket(KeyedLimiter[Bucket]):
    """Allows bursts of `rate.count`; what was used comes back evenly over `rate.period`."""

    def _fresh(self, now: float) -> Bucket:
        return Bucket(float(self._rate.count), now)

    def _decide(self, state: Bucket, now: float) -> Decision:
        per_second = self._rate.count / self._rate.period
        gained = (now - state.seen) * per_second
        state.tokens = min(float(self._rate.count), state.tokens + gained)
        state.seen = now
        if state.tokens < 1:
            return Decision(allowed=False, retry_after=(1 - state.tokens) / per_second)
        state.tokens -= 1
        return Decision(allowed=True)
