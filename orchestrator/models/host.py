"""A model that is an outer agent: requests and answers are files in its inbox."""

import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.artifacts.exchange import UNMEASURED, Answer, Request
from orchestrator.errors import AwaitingHost, Missing
from orchestrator.render import Renderer

ANSWER_BYTES = 1 << 20


@dataclass(frozen=True)
class Pending:
    """A request that waits for its answer, and the files that carry both."""

    id: str
    request_file: Path
    answer_file: Path


class Host:
    """Writes each request into `inbox` and parks; takes the answers to `submitted` ids from there.

    What waits is appended to `pending`. The answer's path carries the request's digest, so that an
    answer to an older version is never taken.
    """

    def __init__(
        self,
        inbox: Path,
        renderer: Renderer,
        *,
        submitted: frozenset[str],
        pending: list[Pending],
    ) -> None:
        self._inbox = inbox
        self._renderer = renderer
        self._submitted = submitted
        self._pending = pending

    async def complete(self, request: Request) -> Answer:
        """Raises AwaitingHost until the answer is submitted, Missing when it cannot be used."""
        place = self._place(request)
        if request.id in self._submitted and place.answer_file.exists():
            return _answer(place, request)
        _write_once(place.request_file, self._text(request, place))
        self._pending.append(place)
        raise AwaitingHost(request.id)

    def _place(self, request: Request) -> Pending:
        name = f"{request.id.replace('/', '.')}-{request.digest[:8]}"
        suffix = "json" if request.output_schema else "md"
        return Pending(
            id=request.id,
            request_file=self._inbox / f"{name}.request.md",
            answer_file=self._inbox / f"{name}.answer.{suffix}",
        )

    def _text(self, request: Request, place: Pending) -> str:
        return self._renderer.render(
            "_request.md.j2",
            id=request.id,
            system=request.system,
            prompt=request.prompt,
            schema=request.output_schema,
            answer_file=str(place.answer_file),
        )


def _answer(place: Pending, request: Request) -> Answer:
    text = _read(place.answer_file)
    now = datetime.now(UTC)
    asked = datetime.fromtimestamp(place.request_file.stat().st_mtime, UTC)
    return Answer(
        text=text,
        stop="end" if text.strip() else "empty",
        stop_detail="",
        model="host",
        usage=UNMEASURED,
        price="",
        duration_ms=max(0, int((now - asked).total_seconds() * 1000)),
        at=now.isoformat(timespec="seconds"),
        request_id=request.id,
        by="host",
    )


def _read(path: Path) -> str:
    """A regular file of at most 1 MiB of UTF-8, never a link."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Missing(f"{path} is not a regular file", "write the answer as a plain file")
            content = file.read(ANSWER_BYTES + 1)
    except OSError as error:
        raise Missing(
            f"cannot read {path}: {error.strerror}", "write the answer there again"
        ) from error
    if len(content) > ANSWER_BYTES:
        raise Missing(f"{path} is larger than 1 MiB", "write a shorter answer")
    return content.decode("utf-8-sig", "replace")


def _write_once(path: Path, text: str) -> None:
    """Atomically, and only when it is not there: a repeated `next` does not touch the file."""
    if path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise Missing(
            f"cannot write {path}: {error.strerror}", "free space, then `orchestrate next`"
        ) from error
