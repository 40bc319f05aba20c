"""One verification in a process of its own: the files by which it and whoever waits for it speak.

`lock` is held by the process from before it begins until it ends, so whether it lives is asked of
the lock alone.
"""

import errno
import fcntl
import os
import shutil
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ConfigDict

from orchestrator.artifacts.values import Value
from orchestrator.artifacts.verdict import Verdict
from orchestrator.ledger import disk
from orchestrator.ledger.encoding import decoded, encoded
from orchestrator.settings import Limits, SandboxName
from orchestrator.verify import Subject

GO = b"go"
"""What the process waits for: its record is written."""


class Assignment(Value):
    """What is to be verified, how, and the key under which the verdict is recorded."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    key: str
    sandbox: SandboxName
    limits: Limits
    subject: Subject


class Record(Value):
    """Who is at work: `pid` is the process and its group, `born` what tells it from a later one of
    that number. `deadline` is in seconds since 1970, `starts` counts this start too.
    """

    key: str
    pid: int
    born: str
    deadline: float
    starts: int


class Failure(Value):
    """Why there is no verdict: the machine failed, or a bug of ours with its traceback."""

    kind: Literal["machine", "bug"]
    message: str
    remedy: str


class Result(Value):
    """A verdict, or else a failure."""

    key: str
    verdict: Verdict | None
    failure: Failure | None


_Kind = TypeVar("_Kind", Assignment, Record, Result)


class Job:
    """A job's folder, below the run's own, where no agent and no product reaches. Its methods raise
    OSError; what is not there, or is damaged, is None.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        """What the process says on its standard error."""
        self._lock = folder / "lock"
        self._began = folder / "began"

    def assign(self, assignment: Assignment) -> None:
        disk.write(self.folder / "subject.json", encoded(assignment))

    def assignment(self) -> Assignment | None:
        return _read(self.folder / "subject.json", Assignment)

    def note(self, record: Record) -> None:
        disk.write(self.folder / "job.json", encoded(record))

    def record(self) -> Record | None:
        return _read(self.folder / "job.json", Record)

    def end(self, result: Result) -> None:
        disk.write(self.folder / "result.json", encoded(result))

    def result(self) -> Result | None:
        return _read(self.folder / "result.json", Result)

    def begin(self) -> None:
        """By the process, when it was told to go."""
        self._began.touch()

    @property
    def begun(self) -> bool:
        return self._began.exists()

    def take(self) -> int:
        """The lock's descriptor, for the process to inherit: it is held until every copy is closed.
        Forgets the start before. Raises BlockingIOError while another holds it.
        """
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._began.unlink(missing_ok=True)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    @property
    def lives(self) -> bool:
        """Whether the process does. For the holder of the run's lock: nobody else starts one."""
        try:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def remove(self) -> None:
        """All of its files; the record goes first, without which the others mean nothing."""
        (self.folder / "job.json").unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def last_words(self) -> str:
        """The last line of the log, "" when there is none."""
        lines = disk.peek(self.log, 1 << 20).decode("utf-8", "replace").split("\n")
        return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")


def every(folder: Path) -> tuple[Job, ...]:
    """The jobs in `folder`, which may not be there."""
    try:
        return tuple(Job(path) for path in sorted(folder.iterdir()))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return ()
        raise


def _read(path: Path, kind: type[_Kind]) -> _Kind | None:
    try:
        return kind.model_validate(decoded(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
