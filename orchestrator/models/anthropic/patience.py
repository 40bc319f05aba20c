"""How long to keep asking: the bounds on one question, over all of its calls."""

import asyncio
import random
from collections import Counter

from orchestrator.errors import GaveUp, Missing, Stop
from orchestrator.models.anthropic.failures import Failure, Kind

TRIES: dict[Kind, int] = {"limited": 1000, "down": 8, "unreachable": 5, "broken": 3}
"""Calls that may end like this before we give up; for a rate limit only the deadline counts."""

LONGEST_SECONDS = 60.0
GO_ON = "orchestrate resume goes on from here"


class Patience:
    """Counts the calls of one question and says how long to wait before the next."""

    def __init__(self, *, seconds: float, first_wait: float, place: str) -> None:
        self._ends = asyncio.get_running_loop().time() + seconds
        self._seconds = seconds
        self._first_wait = first_wait
        self._place = place
        self._calls = 0
        self._unsure = 0
        self._failures: Counter[Kind] = Counter()

    def called(self) -> None:
        """A call goes out; until it is known to have failed for free it may be billed."""
        self._calls += 1
        self._unsure += 1

    def failed(self, failure: Failure) -> float:
        """Seconds to wait before asking again: what the server said, else more after each failure
        of its kind.
        """
        self._failures[failure.kind] += 1
        if not failure.billed:
            self._unsure -= 1
        if failure.wait >= 0:
            return failure.wait
        doubled = 2 ** min(self._failures[failure.kind] - 1, 20)
        return min(self._first_wait * doubled, LONGEST_SECONDS) * random.uniform(0.75, 1)

    def check(self, failure: Failure, seconds: float) -> None:
        """Raises GaveUp when there were enough tries or a wait of `seconds` would outlast the
        deadline.
        """
        if self._failures[failure.kind] >= TRIES[failure.kind]:
            raise self._gave_up(failure.reason, GO_ON)
        late = self.outlasted(seconds, reason=failure.reason)
        if late:
            raise late

    def outlasted(self, seconds: float, *, reason: str) -> GaveUp | None:
        """What to raise when a wait of `seconds` for `reason` would outlast the deadline."""
        if seconds <= self._ends - asyncio.get_running_loop().time():
            return None
        return self._gave_up(
            f"{reason}; the next try would be in {seconds:.0f} s, past the deadline of"
            f" {self._seconds:g} s",
            GO_ON,
        )

    def expired(self) -> GaveUp:
        return self._gave_up(
            f"no answer within the deadline of {self._seconds:g} s",
            f"raise deadline_seconds, or later: {GO_ON}",
        )

    def hopeless(self, failure: Failure, *, model: str) -> Stop:
        """The Stop for a failure that asking again cannot mend."""
        if failure.status == 404:
            return Missing(
                f"{self._place} knows no model {model!r} ({failure.reason})",
                "choose one with --model, or check ANTHROPIC_BASE_URL",
            )
        return self._gave_up(failure.reason, _remedy(failure, model))

    def _gave_up(self, reason: str, remedy: str) -> GaveUp:
        return GaveUp(f"{self._place}: {reason}; {self.bill}", remedy, billed=self._unsure > 0)

    @property
    def bill(self) -> str:
        return f"calls made: {self._calls}, of which {self._unsure} may have been billed"


def _remedy(failure: Failure, model: str) -> str:
    match failure.status:
        case 401:
            mend = "check ANTHROPIC_API_KEY"
        case 402 | 429:
            mend = "add credit or raise the spending limit"
        case 403:
            mend = "this key may not do that: use another"
        case 413:
            mend = "lower context_tokens in the settings"
        case 400 if "credit balance" in failure.said:
            mend = "add credit"
        case status if status >= 500:
            return GO_ON
        case _:
            mend = f"check the settings of {model}"
    return f"{mend}, then: {GO_ON}"
