"""The sliding window: never more than so many in any stretch of time."""

from collections import deque

from throttle.keyed import Decision, KeyedLimiter

Times = deque[float]
"""When a client's allowed requests came, the oldest first."""


class SlidingWindow(KeyedLimiter[Times]):
    """Allows at most `rate.count` requests in any `rate.period` seconds.

    It keeps a time for each request that counts; a TokenBucket takes less room for large counts.
    """

    def _fresh(self, now: float) -> Times:  # noqa: ARG002
        return deque()

    def _decide(self, state: Times, now: float) -> Decision:
        expired = now - self._rate.period
        while state and state[0] <= expired:
            state.popleft()
        if len(state) >= self._rate.count:
            return Decision(allowed=False, retry_after=state[0] - expired)
        state.append(now)
        return Decision(allowed=True)
