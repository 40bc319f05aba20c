"""Verification in processes of their own: each is begun once, and outlives whoever began it."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.artifacts.verdict import Verdict
from orchestrator.errors import AwaitingVerdict, Missing
from orchestrator.events import Sink, Warned
from orchestrator.halt import Halt
from orchestrator.jobs import ending
from orchestrator.jobs.job import GO, Assignment, Job, Record, Result, every
from orchestrator.ledger import Ledger
from orchestrator.ledger.aside import aside
from orchestrator.sandbox import pidtree
from orchestrator.settings import Limits
from orchestrator.verify import Subject, Verifier

PROGRAM = "orchestrator.worker"
BESIDE = 5.0
"""Seconds for which a request that waits already is held back for a verification."""
STARTS = 2
"""How often a job is begun that ends without a result."""
INSTALLING = 3600.0
RUNS = 10
"""Seconds for environments, and runs of the suite beside those on single-operator mutants: far more
than are needed."""
_POLL = 0.1
_NAMED = 32


@dataclass(frozen=True)
class Terms:
    """`env` is the worker's, `together` how many jobs may work at once. Nobody waits beyond
    `until`, on the monotonic clock, and not long when something is `asked` of a host already that
    is not to be kept waiting.
    """

    env: Mapping[str, str]
    limits: Limits
    together: int
    until: float
    asked: Callable[[], bool]


class Detached:
    """`folder` holds the jobs of one run, whose lock is ours: only its holder begins them, takes
    their results and writes the ledger.
    """

    def __init__(
        self,
        verifier: Verifier,
        ledger: Ledger,
        *,
        folder: Path,
        halt: Halt,
        sink: Sink,
        terms: Terms,
    ) -> None:
        self._verifier = verifier
        self._ledger = ledger
        self._folder = folder
        self._halt = halt
        self._sink = sink
        self._terms = terms
        self._turn = asyncio.Lock()

    async def verify(self, subject: Subject) -> Verdict:
        """The verdict on `subject`, recorded. A job that works on it already is waited for.

        Raises AwaitingVerdict when that takes too long, and Missing when the machine failed, there
        or here, or the job ended twice without a result.
        """
        key = self._verifier.key(subject)
        job = Job(self._folder / key[:_NAMED])
        began = time.monotonic()
        while (found := self._ledger.verdict(key)) is None:
            self._halt.check()
            try:
                async with self._turn:
                    pid = await self._advance(job, key, subject)
            except OSError as error:
                fix = "free space or mend the folder, then: orchestrate resume"
                raise Missing(f"cannot use {job.folder}: {error.strerror}", fix) from error
            if pid and time.monotonic() >= self._until(began):
                raise AwaitingVerdict(f"process {pid} verifies", "orchestrate next")
            await asyncio.sleep(_POLL if pid else 0)
        return found

    def _until(self, began: float) -> float:
        until = self._terms.until
        return min(until, began + BESIDE) if self._terms.asked() else until

    async def _advance(self, job: Job, key: str, subject: Subject) -> int:
        """One step of the job's life: the process that is to be waited for, 0 for none."""
        record = await aside(job.record)
        if await aside(lambda: job.lives):
            if record is None or time.time() < record.deadline:
                return _pid(record)
            await ending.end(job)
        result = await aside(job.result)
        if result is not None and result.key == key:
            await aside(self._taken, job, result)
            return 0
        busy = [one for one in every(self._folder) if one.folder != job.folder and one.lives]
        if len(busy) >= self._terms.together:
            return _pid(busy[0].record())
        starts = self._starts(job, record) if record else 0
        assignment = Assignment(
            key=key, sandbox=self._verifier.sandbox, limits=self._terms.limits, subject=subject
        )
        return await aside(self._start, job, assignment, starts + 1)

    def _taken(self, job: Job, result: Result) -> None:
        """Records a verdict, raises a failure; the job's files go in both cases."""
        if result.verdict is not None:
            self._ledger.record_verdict(result.key, result.verdict)
        job.remove()
        if result.failure is None:
            return
        if result.failure.kind == "bug":
            raise RuntimeError(result.failure.message)
        raise Missing(result.failure.message, result.failure.remedy)

    def _starts(self, job: Job, record: Record) -> int:
        """How often the job really began, and came to nothing. Raises Missing when that is enough:
        the next call begins it afresh.
        """
        if not job.begun:
            return record.starts - 1
        late = time.time() >= record.deadline
        why = "did not end in time" if late else "ended without a result"
        words = job.last_words()
        said = f"the verification by process {record.pid} {why}" + (f": {words}" if words else "")
        if record.starts >= STARTS:
            job.remove()
            raise Missing(
                f"{said}; it was begun {record.starts} times",
                "see that memory is free and nothing ends processes here, then: orchestrate resume",
            )
        self._sink(Warned(message=f"{said}; it is begun anew"))
        return record.starts

    def _start(self, job: Job, assignment: Assignment, starts: int) -> int:
        """The pid of a new process. It does nothing before its record is on the disk, and nothing
        at all when we are killed before that.
        """
        job.assign(assignment)
        with self._launched(job) as started:
            assert started.stdin is not None
            assert started.stdout is not None
            told = started.stdout.readline().strip()
            if not told.isdigit():
                words = job.last_words() or "it said nothing"
                raise Missing(f"a verification cannot be started: {words}", "orchestrate doctor")
            pid = int(told)
            record = Record(
                key=assignment.key,
                pid=pid,
                born=pidtree.born(pid),
                deadline=time.time() + longest(assignment),
                starts=starts,
            )
            job.note(record)
            with suppress(BrokenPipeError):
                started.stdin.write(GO)
                started.stdin.flush()
        return pid

    def _launched(self, job: Job) -> "subprocess.Popen[bytes]":
        """With the job's lock, which we let go of, and without the run's, which only git gets."""
        held = job.take()
        try:
            with job.log.open("wb") as log:
                return subprocess.Popen(
                    [sys.executable, "-P", "-m", PROGRAM, str(job.folder)],
                    env=self._terms.env,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    pass_fds=(held,),
                    start_new_session=True,
                )
        finally:
            os.close(held)


def _pid(record: Record | None) -> int:
    """-1 for a process that is about to say who it is."""
    return record.pid if record else -1


def longest(assignment: Assignment) -> float:
    """Seconds in which a verification that works must have ended: every sandbox has its own limit,
    and this is more than all of them one after the other.
    """
    limits = assignment.limits
    steps = sum(len(one.steps) + 2 for one in assignment.subject.checks)
    suites = 2 * (RUNS + limits.mutants) * limits.test_seconds
    return INSTALLING + suites + 2 * steps * limits.step_seconds
