"""The journal: every event of a run as one JSON line, appended to `journal.jsonl`."""

import os
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

import structlog

from orchestrator.errors import Missing
from orchestrator.events import Event


class Journal:
    """A Sink. Lines are structlog's JSON; the event's name is its kind, as in `agent_call`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO = _opened(path)
        self._log = structlog.wrap_logger(
            structlog.PrintLogger(self._file),
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="logged"),
                structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=False),
            ],
        )

    def __call__(self, event: Event) -> None:
        """Raises Missing when the line cannot be written."""
        try:
            self._log.info(event.kind, **event.model_dump(mode="json", exclude={"kind"}))
            self._file.flush()
        except OSError as error:
            raise Missing(
                f"cannot write {self._path}: {error.strerror}",
                "free space, then `orchestrate resume`",
            ) from error

    def close(self) -> None:
        """What could not be written was told when it happened."""
        with suppress(OSError):
            self._file.close()


def _opened(path: Path) -> TextIO:
    """A line that a kill or a full disk tore is ended first, so that it spoils no other."""
    try:
        file = path.open("a+b")
        if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            file.write(b"\n")
        return TextIOWrapper(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise Missing(f"cannot write {path}: {error.strerror}", "mend the permissions") from error
