"""The ledger: what a run was told, found and decided, each written before it is used."""

import errno
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeVar

from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.artifacts.values import Value
from orchestrator.artifacts.verdict import Verdict
from orchestrator.errors import Missing
from orchestrator.ledger import disk
from orchestrator.ledger.encoding import decoded, encoded
from orchestrator.ledger.lock import RunLock

__all__ = ["FileLedger", "Ledger", "Recorded", "RunLock", "Unrecorded"]


class Recorded(Value):
    """An answer, under the id and the digest of the request that it answers."""

    id: str
    digest: str
    answer: Answer


class Unrecorded(Missing):
    """A paid answer that could not be written: it is here alone."""

    def __init__(self, message: str, remedy: str, *, recorded: Recorded) -> None:
        super().__init__(message, remedy)
        self.recorded = recorded


class Ledger(Protocol):
    """Every method raises Missing when a record cannot be read or written."""

    def answer(self, request: Request) -> Answer | None:
        """What was answered to `request`: a hit is id and digest."""
        ...

    def other(self, request: Request) -> str:
        """The digest under which this id was answered instead (the latest), "" when none was."""
        ...

    def begun(self, request: str) -> bool:
        """Whether a request of this id was ever answered."""
        ...

    def intend(self, request: Request) -> None:
        """Notes a live call that is about to be made; each call anew."""
        ...

    def withdraw(self, request: Request) -> None:
        """Takes the latest intent back: its call was not made, or surely not billed."""
        ...

    def record(self, request: Request, answer: Answer) -> None:
        """Raises Unrecorded, with the answer, when it could not be written."""
        ...

    def verdict(self, key: str) -> Verdict | None: ...

    def record_verdict(self, key: str, verdict: Verdict) -> None:
        """The first verdict under a key stays."""
        ...

    def decision(self, place: str) -> str | None: ...

    def decide(self, place: str, value: str) -> None:
        """Writes once; raises ValueError when something else was decided at `place`."""
        ...

    def answers(self) -> tuple[Recorded, ...]:
        """All of them, by id: turn 2 stands before turn 10."""
        ...

    def verdicts(self) -> tuple[Verdict, ...]:
        """All of them, in no order that means anything."""
        ...

    def unanswered(self) -> int:
        """Calls that were begun and have no answer: they may be billed without one."""
        ...


class _Judged(Value):
    key: str
    verdict: Verdict


class _Decided(Value):
    place: str
    value: str


_Record = TypeVar("_Record", Recorded, _Judged, _Decided)
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_FULL = (errno.ENOSPC, errno.EDQUOT)


class FileLedger:
    """A Ledger in a folder, a JSON file for each record. One process writes, under its lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def clean(self) -> None:
        """Removes what killed writers left. For the holder of the run's lock only."""
        try:
            disk.clean(self._folder)
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    def answer(self, request: Request) -> Answer | None:
        found = _read(self._answer_path(request), Recorded)
        if found is None or (found.id, found.digest) != (request.id, request.digest):
            return None
        return found.answer

    def other(self, request: Request) -> str:
        own = self._answer_path(request)
        if own.exists():
            return ""
        paths = disk.named(own.parent, f"{_stem(request)}@")
        found = [one for path in sorted(paths) if (one := _read(path, Recorded))]
        return max(found, key=lambda one: one.answer.at).digest if found else ""

    def begun(self, request: str) -> bool:
        scope, agent, attempt, turn = request.split("/")
        folder = self._folder / "answers" / _segment(scope)
        return bool(disk.named(folder, f"{_segment(agent)}-{attempt}-{turn}@"))

    def intend(self, request: Request) -> None:
        path = self._intent(request, self._intents(request) + 1)
        try:
            disk.reserve(self._folder)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        _write(path, json.dumps({"id": request.id, "digest": request.digest}).encode())

    def withdraw(self, request: Request) -> None:
        path = self._intent(request, self._intents(request))
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(path, error) from error

    def _intents(self, request: Request) -> int:
        """The number of the latest, 0 when there is none."""
        first = self._intent(request, 0)
        name = first.name.removesuffix("0")
        made = [int(path.name.removeprefix(name)) for path in disk.named(first.parent, name)]
        return max(made, default=0)

    def _intent(self, request: Request, number: int) -> Path:
        name = f"{self._answer_path(request).stem}#{number}"
        return self._folder / "intents" / _segment(request.scope) / name

    def record(self, request: Request, answer: Answer) -> None:
        path = self._answer_path(request)
        recorded = Recorded(id=request.id, digest=request.digest, answer=answer)
        if earlier := _read(path, Recorded):
            if earlier != recorded:
                raise ValueError(f"{request.id} already has another answer in {path}")
            return
        try:
            disk.write(path, encoded(recorded))
        except OSError as error:
            self._rescue(path, recorded, error)

    def verdict(self, key: str) -> Verdict | None:
        found = _read(self._verdict_path(key), _Judged)
        return found.verdict if found else None

    def record_verdict(self, key: str, verdict: Verdict) -> None:
        path = self._verdict_path(key)
        if not path.exists():
            _write(path, encoded(_Judged(key=key, verdict=verdict)))

    def decision(self, place: str) -> str | None:
        found = _read(self._decision_path(place), _Decided)
        return found.value if found else None

    def decide(self, place: str, value: str) -> None:
        earlier = self.decision(place)
        if earlier is None:
            _write(self._decision_path(place), encoded(_Decided(place=place, value=value)))
        elif earlier != value:
            raise ValueError(f"{place}: {earlier!r} was decided, now {value!r}")

    def answers(self) -> tuple[Recorded, ...]:
        found = [_read(path, Recorded) for path in self._paths("answers")]
        return tuple(sorted((one for one in found if one), key=_order))

    def verdicts(self) -> tuple[Verdict, ...]:
        paths = (self._folder / "verdicts").glob("[!.]*.json")
        return tuple(one.verdict for path in sorted(paths) if (one := _read(path, _Judged)))

    def unanswered(self) -> int:
        """An answer accounts for one call; earlier ones of the same request had none."""
        calls = Counter(
            f"{path.parent.name}/{path.name.rpartition('#')[0]}" for path in self._paths("intents")
        )
        answered = {f"{path.parent.name}/{path.stem}" for path in self._paths("answers")}
        return sum(count - (name in answered) for name, count in calls.items())

    def _rescue(self, path: Path, recorded: Recorded, error: OSError) -> None:
        """On a full disk the reserve makes room for what is already paid for, then the run stops.

        Raises Missing when the answer is safe, Unrecorded when it is not.
        """
        if error.errno in _FULL and disk.release(self._folder):
            try:
                disk.write(path, encoded(recorded))
            except OSError as again:
                error = again
            else:
                raise Missing(
                    f"the disk of {self._folder} is full; answer {recorded.id} was still recorded",
                    "free space, then: orchestrate resume",
                ) from error
        raise Unrecorded(
            f"answer {recorded.id} cannot be written to {path}: {error.strerror}",
            "free space or mend the folder, then: orchestrate resume; it asks this one again and "
            "nothing else that is paid for is lost",
            recorded=recorded,
        ) from error

    def _paths(self, kind: str) -> Iterator[Path]:
        found = (self._folder / kind).glob("*/*")
        return (path for path in found if not path.name.startswith("."))

    def _answer_path(self, request: Request) -> Path:
        name = f"{_stem(request)}@{request.digest[:16]}.json"
        return self._folder / "answers" / _segment(request.scope) / name

    def _verdict_path(self, key: str) -> Path:
        return self._folder / "verdicts" / f"{_segment(key)}.json"

    def _decision_path(self, place: str) -> Path:
        name = "+".join(_segment(part) for part in place.split("/"))
        return self._folder / "decisions" / f"{name}.json"


def _stem(request: Request) -> str:
    return f"{_segment(request.agent)}-{request.attempt}-{request.turn}"


def _segment(text: str) -> str:
    if not _SEGMENT.fullmatch(text):
        raise ValueError(f"{text!r} cannot name a record")
    return text


def _order(recorded: Recorded) -> tuple[list[str | int], str]:
    parts = re.split(r"(\d+)", recorded.id)
    return [int(part) if part.isdecimal() else part for part in parts], recorded.answer.at


def _read(path: Path, kind: type[_Record]) -> _Record | None:
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Missing(f"cannot read {path}: {error.strerror}", "mend its permissions") from error
    try:
        return kind.model_validate(decoded(content))
    except ValueError as error:
        raise Missing(
            f"{path} is not a readable record",
            "restore it from a copy; without it, what it held is asked again",
        ) from error


def _write(path: Path, content: bytes) -> None:
    try:
        disk.write(path, content)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> Missing:
    return Missing(
        f"cannot write {path}: {error.strerror}",
        "free space or mend the folder, then: orchestrate resume; nothing paid for is lost",
    )
