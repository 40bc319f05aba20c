"""One line of an access log."""

import re
from dataclasses import dataclass
from datetime import datetime

MAX_MILLISECONDS = 3_600_000
_LINE = re.compile(
    r"(?P<host>\S+) \[(?P<time>[^\]]+)\]"
    r' "[A-Z]+ (?P<path>[^ ?"]+)(?:\?[^ "]*)? HTTP/[0-9.]+"'
    r" (?P<status>[1-5][0-9]{2}) (?P<milliseconds>[0-9]{1,9})"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A request; `path` is without its query, `time` has an offset."""

    host: str
    time: datetime
    path: str
    status: int
    milliseconds: int


def parse_entry(line: str) -> Entry | None:
    """Reads a line without its end; None when it is not of the form."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    time = parse_time(match["time"])
    if time is None:
        return None
    # Whatever takes more than an hour is as slow: this bounds the number of different values.
    milliseconds = min(int(match["milliseconds"]), MAX_MILLISECONDS)
    return Entry(match["host"], time, match["path"], int(match["status"]), milliseconds)


def parse_time(text: str) -> datetime | None:
    """Reads an ISO 8601 time with an offset; None when it is not one."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if time.tzinfo is None else time
