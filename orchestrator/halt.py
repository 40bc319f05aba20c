"""Whether new calls and verifications may still start."""

import asyncio
import signal
import threading
from collections.abc import Generator
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
def interruptible(halt: Halt) -> Generator[None]:
    """Ctrl-C once: what is in flight is finished and recorded. Twice: stop now."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def interrupt() -> None:
        if halt.cause is not None and task is not None:
            task.cancel()
        halt.stop(
            Interrupted("interrupted; nothing that was answered is lost", "orchestrate resume")
        )

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, interrupt)
    try:
        yield
    except asyncio.CancelledError:
        if halt.cause is None:
            raise
        raise halt.cause from None
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)
