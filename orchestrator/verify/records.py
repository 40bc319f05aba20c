"""What the bootstrap says over its descriptor: one line of JSON for each thing that happened."""

import json
from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import ValidationError

from orchestrator.artifacts.values import Value
from orchestrator.verify.bench import Channel

MOST_RECORDS = 200_000


class Record(Value):
    """One line of the bootstrap's: untrusted but for its nonce."""

    nonce: str
    kind: Literal["ready", "collected", "uncollected", "start", "phase", "broken", "end"]
    id: str = ""
    ids: tuple[str, ...] = ()
    when: Literal["", "setup", "call", "teardown"] = ""
    outcome: Literal["", "passed", "failed", "skipped"] = ""
    text: str = ""
    status: int = 0
    ran: tuple[frozenset[int], ...] = ()
    """Lines of each of the product's files, in their order."""
    digests: tuple[str, ...] = ()
    """SHA-256 of each source as it was at the end, "" for one that was gone."""
    failed: int = 0
    """How many failures pytest itself counted."""
    root: str = ""
    temp: str = ""
    prefix: str = ""
    base: str = ""

    @property
    def bad(self) -> bool:
        return self.kind == "uncollected" or (self.kind == "phase" and self.outcome == "failed")

    @property
    def places(self) -> Mapping[str, str]:
        return self.model_dump(include={"root", "temp", "prefix", "base"})


async def read(channel: Channel, nonce: str, heed: Callable[[Record], None]) -> tuple[Record, ...]:
    """Every authentic record, up to the first line that is none; `heed` is told each at once."""
    records: list[Record] = []
    while len(records) < MOST_RECORDS:
        try:
            line = await channel.reader.readline()
            record = Record.model_validate(json.loads(line)) if line else None
        except (ValueError, RecursionError, ValidationError, ConnectionError):
            break
        if record is None or record.nonce != nonce:
            break
        records.append(record)
        heed(record)
    return tuple(records)
