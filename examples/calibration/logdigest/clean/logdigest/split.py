"""Writes the lines of each host to a file of its own."""

import re
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

MAX_HOSTS = 100
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class Splitter:
    """Files below one folder, which is made. A context manager that closes them.

    Hosts come out of the log, so only what can be a host's name becomes the name of a file.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._files: dict[str, TextIO] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def write(self, host: str, line: str) -> None:
        """Writes a line of `host`; not when it is no host's name, or one host too many."""
        name = host.lower()
        if name not in self._files:
            if len(self._files) >= MAX_HOSTS or not _HOST.fullmatch(name):
                return
            path = self._folder / f"{name}.log"
            self._files[name] = self._open.enter_context(path.open("w", encoding="utf-8"))
        self._files[name].write(f"{line}\n")
