"""How fast one endpoint is asked: what it said to one call holds for all questions together."""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from orchestrator.errors import GaveUp
from orchestrator.events import Sink, Waiting
from orchestrator.models.anthropic.patience import Patience


@dataclass(eq=False)
class Turn:
    """One call's place: held until `leave` is None, or the GaveUp that it gets instead. `cuts` is
    how many cuts there had been when it went out.
    """

    patience: Patience
    leave: asyncio.Future[GaveUp | None]
    cuts: int = 0


class Pace:
    """Lets calls out in the order in which they came.

    As many as want to are in flight until a call is limited. Then none goes out before the pause
    is over, and the bound is half of those that were in flight, at least one; each answer raises
    it by one. What comes back from a call that went out before the latest cut moves the pause
    alone: it says nothing about the new bound. Pause and bound outlast an event loop, turns do
    not. `sink` gets one Waiting for a pause that somebody waits for.
    """

    def __init__(self, *, place: str, sink: Sink) -> None:
        self._place = place
        self._sink = sink
        self._bound = math.inf
        self._cuts = 0
        self._until = -math.inf
        self._reason = ""
        self._untold: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._flying: set[Turn] = set()
        self._held: deque[Turn] = deque()

    @property
    def left(self) -> float:
        """Seconds of the pause that are left, 0 or less when there is none."""
        return self._until - time.monotonic()

    @asynccontextmanager
    async def turn(self, patience: Patience) -> AsyncGenerator[Turn]:
        """Holds the caller back until its call may go out, and counts it as in flight meanwhile.

        Raises GaveUp as soon as the pause is known to outlast `patience`.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # Turns of a loop that no longer runs would never be given back.
            self._loop, self._timer, self._flying, self._held = loop, None, set(), deque()
        turn = Turn(patience, loop.create_future())
        self._held.append(turn)
        try:
            self._go_on()
            refused = await turn.leave
            if refused:
                raise refused
            yield turn
        finally:
            self._flying.discard(turn)
            if turn in self._held:
                self._held.remove(turn)
            self._go_on()

    def answered(self, turn: Turn) -> None:
        if turn.cuts == self._cuts:
            self._bound += 1

    def limited(self, turn: Turn, *, seconds: float, reason: str) -> None:
        """The endpoint has too much to do and wants nothing for `seconds`."""
        latest = turn.cuts == self._cuts
        if latest:
            self._bound = max(1, min(self._bound, len(self._flying)) // 2)
            self._cuts += 1
        if latest or self.left <= 0 < seconds:
            self._untold = seconds
        if seconds > self.left:
            self._until, self._reason = time.monotonic() + seconds, reason
        self._go_on()

    def tell(self) -> None:
        """Somebody waits for the pause."""
        if self._untold is not None:
            told = f"{self._place}: {self._reason}"
            self._sink(Waiting(seconds=self._untold, reason=told))
            self._untold = None

    def _go_on(self) -> None:
        """Lets out what may go out now, and comes back when the pause is over."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            return
        if self._timer:
            self._timer.cancel()
        left = self.left
        if left > 0:
            self._dismiss(left)
            if self._held:
                self.tell()
                self._timer = loop.call_later(left, self._go_on)
            return
        while self._held and len(self._flying) < self._bound:
            self._let_out(self._held.popleft())

    def _let_out(self, turn: Turn) -> None:
        if not turn.leave.done():
            turn.cuts = self._cuts
            self._flying.add(turn)
            turn.leave.set_result(None)

    def _dismiss(self, left: float) -> None:
        """Who cannot wait so long need not wait at all."""
        for turn in tuple(self._held):
            late = turn.patience.outlasted(left, reason=self._reason)
            if late:
                self._held.remove(turn)
                if not turn.leave.done():
                    turn.leave.set_result(late)
