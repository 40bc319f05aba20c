"""Work on the disk beside the event loop, to its end."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def aside(call: Callable[P, T], *words: P.args, **named: P.kwargs) -> T:
    """What `call` gives, made in a thread. Cancelled, it still waits for the end: what is being
    written must not outlive the run's lock.
    """
    making = asyncio.create_task(asyncio.to_thread(call, *words, **named))
    cancelled = False
    while not making.done():
        try:
            await asyncio.wait([making])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    return making.result()
