"""Whether new calls and verifications may still start."""

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from orchestrator.errors import Interrupted


class Halt:
    """Set once by the first cause: what is in flight finishes, nothing new begins."""

    def __init__(self) -> None:
        self.cause: BaseException | None = None

    def stop(self, cause: BaseException) -> None:
        self.cause = self.cause or cause

    def check(self) -> None:
        """Raises the cause, when there is one."""
        if self.cause is not None:
            raise self.cause


@contextmanager
def interruptible(halt: Halt, told: Callable[[], None]) -> Generator[None]:
    """Ctrl-C once: what is in flight is finished and recorded, and `told` is called. Twice: stop
    now, with the halt's first cause.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    signals = 0

    def interrupt() -> None:
        nonlocal signals
        signals += 1
        halt.stop(
            Interrupted("interrupted; nothing that was answered is lost", "orchestrate resume")
        )
        if signals == 1:
            told()
        elif task is not None:
            task.cancel()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, interrupt)
    try:
        yield
    except asyncio.CancelledError:
        if halt.cause is None or signals < 2:
            raise
        raise halt.cause from None
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)
