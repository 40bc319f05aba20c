"""A model that is an outer agent: requests and answers are files in its inbox."""

import os
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.artifacts.exchange import UNMEASURED, Answer, Request
from orchestrator.errors import AwaitingHost, Missing
from orchestrator.models.parts import divided
from orchestrator.render import Renderer

ANSWER_BYTES = 1 << 20
_ID = re.compile(r"[\w-]+(/[\w-]+){3}", re.ASCII)


@dataclass(frozen=True)
class Pending:
    """A request that waits for its answer, and the files that carry both. `refused` says why the
    answer that was submitted cannot be taken, "" when none was.
    """

    id: str
    request_file: Path
    answer_file: Path
    refused: str = ""


class _Unusable(Exception):
    """Why an answer's file is not read."""


def note(inbox: Path, request: str) -> bool:
    """Notes durably that the answer to `request` is submitted, when there is one: whichever process
    walks the run next takes it.

    False when no such request was ever written. Raises Missing when the inbox cannot be written.
    """
    if not _ID.fullmatch(request):
        return False
    asked = [*inbox.glob(f"{_flat(request)}-*.request.md")]
    for path in asked:
        name = path.name.removesuffix(".request.md")
        if any(os.path.lexists(inbox / f"{name}.answer.{kind}") for kind in ("json", "md")):
            _write(inbox / f"{name}.submitted", "")
    return bool(asked)


def note_all(inbox: Path) -> None:
    """Notes every answer that was written for a request in `inbox`. Raises Missing."""
    for path in sorted(inbox.glob("*.request.md")):
        note(inbox, path.name.rpartition("-")[0].replace(".", "/"))


class Host:
    """Writes each request into `inbox` and parks; takes the answers that were noted there.

    What waits is appended to `pending`. The files' names carry the request's digest, so that an
    answer to an older version is never taken.
    """

    def __init__(self, inbox: Path, renderer: Renderer, *, pending: list[Pending]) -> None:
        self._inbox = inbox
        self._renderer = renderer
        self._pending = pending

    async def complete(self, request: Request) -> Answer:
        """Raises AwaitingHost until a usable answer is submitted, Missing when the inbox cannot be
        written.
        """
        name = f"{_flat(request.id)}-{request.digest[:8]}"
        place = Pending(
            id=request.id,
            request_file=self._inbox / f"{name}.request.md",
            answer_file=self._inbox / f"{name}.answer.{'json' if request.output_schema else 'md'}",
        )
        noted, refused = self._inbox / f"{name}.submitted", ""
        if noted.exists():
            try:
                return _answer(_read(place.answer_file), place, request)
            except _Unusable as error:
                refused = str(error)
                noted.unlink(missing_ok=True)
        self._put(request, place)
        self._pending.append(Pending(place.id, place.request_file, place.answer_file, refused))
        raise AwaitingHost(request.id)

    def _put(self, request: Request, place: Pending) -> None:
        """The request's own file comes last: where it is, its parts are."""
        beside = len(f"{request.system}{request.output_schema}".encode())
        parts, rest = divided(request.prompt, beside)
        stem = place.request_file.name.removesuffix(".request.md")
        files = [self._inbox / f"{stem}.part-{n}.md" for n in range(1, len(parts) + 1)]
        for path, part in zip(files, parts, strict=True):
            _write(path, part)
        text = self._renderer.render(
            "_request.md.j2",
            id=request.id,
            system=request.system,
            parts=[str(path) for path in files],
            prompt=rest,
            schema=request.output_schema,
            answer_file=str(place.answer_file),
        )
        _write(place.request_file, text)


def _flat(request: str) -> str:
    return request.replace("/", ".")


def _answer(text: str, place: Pending, request: Request) -> Answer:
    """Its time is when its file was written, whoever takes it and whenever."""
    asked, written = _written(place.request_file), _written(place.answer_file)
    return Answer(
        text=text,
        stop="end" if text.strip() else "empty",
        stop_detail="",
        model="host",
        usage=UNMEASURED,
        price="",
        duration_ms=max(0, int((written - asked).total_seconds() * 1000)),
        at=written.isoformat(timespec="seconds"),
        request_id=request.id,
        by="host",
    )


def _written(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(max(0, int(path.stat().st_mtime)), UTC)
    except (OSError, OverflowError, ValueError):
        return datetime.now(UTC).replace(microsecond=0)


def _read(path: Path) -> str:
    """A regular file of at most 1 MiB of UTF-8, never through a link. Raises _Unusable."""
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(path.name, flags, dir_fd=folder)
        finally:
            os.close(folder)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _Unusable(f"{path.name} is not a plain file")
            content = file.read(ANSWER_BYTES + 1)
    except OSError as error:
        raise _Unusable(f"{path.name} is not a readable plain file: {error.strerror}") from error
    if len(content) > ANSWER_BYTES:
        raise _Unusable(f"{path.name} is larger than 1 MiB")
    return content.decode("utf-8-sig", "replace")


def _write(path: Path, text: str) -> None:
    """Atomically, and not at all when it is there already: a repeated call touches nothing."""
    content = text.encode("utf-8", "replace")
    try:
        if path.is_file() and path.read_bytes() == content:
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise Missing(
            f"cannot write {path}: {error.strerror}", "free space, then `orchestrate next`"
        ) from error
