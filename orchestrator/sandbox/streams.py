"""The streams of a spawned command: what is kept of its output, and what it is fed."""

import asyncio
import os

FLOOD = 16
"""A command is stopped when it writes this many times what is kept."""


class Kept:
    """The first `limit` bytes of what comes out of `fd`; the rest is read and dropped.

    `flooded` is set when far more has come than is kept, `closed` when no writer is left.
    """

    def __init__(self, fd: int, limit: int, *, flooded: asyncio.Event) -> None:
        self.content = bytearray()
        self.closed = asyncio.Event()
        self._fd, self._limit, self._flooded, self._size = fd, limit, flooded, 0
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._read)

    @property
    def truncated(self) -> bool:
        return self._size > self._limit

    def close(self) -> None:
        """Reads no more. May be called twice."""
        if not self.closed.is_set():
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self.closed.set()

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 1 << 16)
        except BlockingIOError:
            return
        if not data:
            self.close()
            return
        self.content += data[: max(0, self._limit - self._size)]
        self._size += len(data)
        if self._size > self._limit * FLOOD:
            self._flooded.set()


class Fed:
    """`content` going into `fd` as far as somebody reads it; then `fd` is closed."""

    def __init__(self, fd: int, content: bytes) -> None:
        self._fd, self._rest, self._open = fd, memoryview(content), True
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)
        self._loop.add_writer(fd, self._write)

    def close(self) -> None:
        """Writes no more. May be called twice."""
        if self._open:
            self._loop.remove_writer(self._fd)
            os.close(self._fd)
            self._open = False

    def _write(self) -> None:
        try:
            if self._rest:
                self._rest = self._rest[os.write(self._fd, self._rest) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._rest = memoryview(b"")
        if not self._rest:
            self.close()


async def readable(fd: int) -> None:
    """Returns when `fd` can be read; for a pidfd that is when its process has ended."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_reader(fd, event.set)
    try:
        await event.wait()
    finally:
        loop.remove_reader(fd)
