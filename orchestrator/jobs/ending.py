"""Jobs that nobody wants any more: their processes ended, their files removed."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from orchestrator.errors import Missing
from orchestrator.jobs.job import Job, every
from orchestrator.ledger import Ledger
from orchestrator.ledger.aside import aside
from orchestrator.sandbox import pidtree

GRACE = 5.0
"""Seconds in which the process may end its sandboxes by itself."""
_GONE = 20.0
"""Seconds for the kernel to take away what was killed."""
_POLL = 0.05


async def end(job: Job) -> None:
    """Ends the job's process and its group. Raises Missing when it cannot be found or ended."""
    record = await aside(job.record)
    if not job.lives:
        return
    # One whose record is not written ends by itself, when whoever started it is gone.
    if record is not None and pidtree.born(record.pid) == record.born:
        with suppress(ProcessLookupError):
            os.kill(record.pid, signal.SIGTERM)
        if await _gone(job, GRACE):
            return
        below = pidtree.descendants(record.pid)
        with suppress(ProcessLookupError):
            os.killpg(record.pid, signal.SIGKILL)
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    if not await _gone(job, _GONE):
        named = f"process {record.pid}" if record else "a process"
        raise Missing(f"{named} still holds {job.folder}", "end it, then: orchestrate resume")


async def _gone(job: Job, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while job.lives:
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(_POLL)
    return True


async def end_all(folder: Path) -> None:
    """When nothing in `folder` is wanted any more. Raises Missing."""
    try:
        for job in every(folder):
            await end(job)
            await aside(job.remove)
        if folder.is_dir():
            folder.rmdir()
    except OSError as error:
        raise Missing(f"cannot empty {folder}: {error.strerror}", "mend the folder") from error


def clean(folder: Path, ledger: Ledger) -> None:
    """Removes what a kill left of jobs whose verdict is recorded, or that never were. Raises
    Missing.
    """
    try:
        for job in every(folder):
            record = job.record()
            wanted = record is not None and ledger.verdict(record.key) is None
            if not wanted and not job.lives:
                job.remove()
    except OSError as error:
        raise Missing(f"cannot read {folder}: {error.strerror}", "mend the folder") from error
