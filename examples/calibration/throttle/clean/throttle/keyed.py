"""What both limiters share: one state for each key, bounded, and one lock."""

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

from throttle.rate import Rate

MAX_KEYS = 10_000

Clock = Callable[[], float]
"""Seconds that never go back."""

State = TypeVar("State")


@dataclass(frozen=True)
class Decision:
    """Whether a request may go on; otherwise in how many seconds one will be allowed."""

    allowed: bool
    retry_after: float = 0.0


class KeyedLimiter(ABC, Generic[State]):
    """Limits each key by a state of its own. Threads may share it."""

    def __init__(self, rate: Rate, max_keys: int = MAX_KEYS, *, clock: Clock = monotonic) -> None:
        """Raises ValueError when `max_keys` is less than 1."""
        if max_keys < 1:
            raise ValueError(f"max_keys is at least 1, not {max_keys}")
        self._rate = rate
        self._max_keys = max_keys
        self._clock = clock
        self._lock = threading.Lock()
        self._states: OrderedDict[str, State] = OrderedDict()

    def __len__(self) -> int:
        """How many keys are kept."""
        return len(self._states)

    def allow(self, key: str) -> Decision:
        """Decides one request of `key`, and counts it when it is allowed."""
        with self._lock:
            now = self._clock()
            return self._decide(self._state(key, now), now)

    @abstractmethod
    def _fresh(self, now: float) -> State:
        """The state of a key that was not seen before."""

    @abstractmethod
    def _decide(self, state: State, now: float) -> Decision:
        """Decides one request at `now` and writes it down in `state`."""

    def _state(self, key: str, now: float) -> State:
        if key in self._states:
            self._states.move_to_end(key)
            return self._states[key]
        if len(self._states) >= self._max_keys:
            self._states.popitem(last=False)
        state = self._states[key] = self._fresh(now)
        return state
