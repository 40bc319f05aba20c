"""A limit on how many things happen at once; who is earlier in the plan goes first."""

import asyncio
import heapq
import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

_Waiter = tuple[int, int, asyncio.Future[None]]


class Slots:
    """At most `number` at once. Waiters are served by rank, the lowest first, and among equals in
    the order in which they came. Lives on one event loop.
    """

    def __init__(self, number: float = math.inf) -> None:
        self._free = number
        self._came = 0
        self._waiting: list[_Waiter] = []

    @asynccontextmanager
    async def held(self, rank: int) -> AsyncGenerator[None]:
        """Waits for a slot and holds it to the end."""
        await self._take(rank)
        try:
            yield
        finally:
            self._give()

    async def _take(self, rank: int) -> None:
        if self._free >= 1 and not self._waiting:
            self._free -= 1
            return
        self._came += 1
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, self._came, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give()
            raise

    def _give(self) -> None:
        """To the next who still waits."""
        while self._waiting:
            *_, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
