"""The process of a job: verifies what lies in its folder, once, and leaves the result there.

`python -m orchestrator.worker FOLDER`, by `jobs` alone: it inherits the job's lock, tells its pid
on standard output, and begins when it is told to on standard input.
"""

import asyncio
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

from orchestrator import machine
from orchestrator.artifacts.verdict import Verdict
from orchestrator.errors import Missing
from orchestrator.jobs.job import GO, Assignment, Failure, Job, Record, Result
from orchestrator.settings import Settings

OVERDUE = 30
"""Seconds after the deadline at which the kernel ends it, if it does not do so by itself."""


def main(folder: str) -> None:
    """Goes on in a session of its own, which is no child of whoever began it."""
    if os.fork():
        os._exit(0)
    os.setsid()
    os.write(1, f"{os.getpid()}\n".encode())
    if os.read(0, len(GO)) != GO:
        return
    _silenced()
    job = Job(Path(folder))
    job.begin()
    assignment, record = job.assignment(), job.record()
    if assignment is None or record is None:
        raise SystemExit(f"{folder} holds no job")
    signal.alarm(max(1, round(record.deadline - time.time())) + OVERDUE)
    result = _ended(assignment, record)
    if result is not None:
        job.end(result)


def _silenced() -> None:
    """Lets go of whoever began it; the log stays."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)


def _ended(assignment: Assignment, record: Record) -> Result | None:
    """None where it was ended from outside, or by its deadline."""
    try:
        verdict = asyncio.run(_verified(assignment, record, os.environ))
    except (asyncio.CancelledError, TimeoutError) as error:
        print(f"ended: {type(error).__name__}", file=sys.stderr)
        return None
    except Missing as error:
        failure = Failure(kind="machine", message=error.message, remedy=error.remedy)
    except Exception:
        failure = Failure(kind="bug", message=traceback.format_exc(), remedy="")
    else:
        return Result(key=assignment.key, verdict=verdict, failure=None)
    return Result(key=assignment.key, verdict=None, failure=failure)


async def _verified(assignment: Assignment, record: Record, env: Mapping[str, str]) -> Verdict:
    """Raises CancelledError at SIGTERM and TimeoutError at the deadline, with no sandbox left."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    chosen = Settings(sandbox=assignment.sandbox, limits=assignment.limits)
    verifier = machine.verifier(chosen, env)
    if verifier.key(assignment.subject) != assignment.key:
        raise ValueError("the tool is another one than that which began this job")
    async with asyncio.timeout(record.deadline - time.time()):
        return await verifier.verify(assignment.subject)


if __name__ == "__main__":
    main(sys.argv[1])
