"""The command line."""

import argparse
import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TextIO

from logdigest.digest import Digest
from logdigest.entry import Entry, parse_entry, parse_time
from logdigest.report import as_json, as_text
from logdigest.split import Splitter

MAX_LINE = 65_536
_TOP = 10
_MAX_TOP = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the digest of the files; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        digest = _sum_up(options)
    except (OSError, EOFError, zlib.error) as error:
        print(f"logdigest: {error}", file=sys.stderr)
        return 2
    show = as_json if options.json else as_text
    print(show(digest, options.top))
    return 0


def _sum_up(options: argparse.Namespace) -> Digest:
    digest = Digest()
    with ExitStack() as stack:
        splitter = stack.enter_context(Splitter(options.split)) if options.split else None
        for line in _lines(options.files):
            entry = parse_entry(line)
            if entry is None:
                digest.skip()
            elif _within(entry, options.since, options.until):
                digest.add(entry)
                if splitter:
                    splitter.write(entry.host, line)
    return digest


def _within(entry: Entry, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or since <= entry.time) and (until is None or entry.time < until)


def _lines(paths: Iterable[Path]) -> Iterator[str]:
    """The lines of all files without their ends; one over MAX_LINE is cut there."""
    for path in paths:
        with _opened(path) as file:
            complete = True
            while part := file.readline(MAX_LINE):
                if complete:
                    yield part.rstrip("\r\n")
                complete = part.endswith("\n")


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", errors="backslashreplace", newline="\n")
    return path.open(encoding="utf-8", errors="backslashreplace", newline="\n")


def _moment(text: str) -> datetime:
    time = parse_time(text)
    if time is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 8601 time with an offset")
    return time


def _top(text: str) -> int:
    number = int(text)
    if not 1 <= number <= _MAX_TOP:
        raise argparse.ArgumentTypeError(f"must be from 1 to {_MAX_TOP}")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="logdigest", description="Sums up access logs.")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--since", type=_moment, metavar="TIME", help="not before")
    parser.add_argument("--until", type=_moment, metavar="TIME", help="only before")
    parser.add_argument("--top", type=_top, default=_TOP, metavar="N", help="how many paths")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--split", type=Path, metavar="DIR", help="write a file for each host")
    return parser
