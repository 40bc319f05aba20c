"""What the bootstrap says over its descriptor: one line of JSON for each thing that happened."""

import json
from collections.abc import Mapping
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
    root: str = ""
    temp: str = ""
    prefix: str = ""
    base: str = ""

    @property
    def places(self) -> Mapping[str, str]:
        return self.model_dump(include={"root", "temp", "prefix", "base"})


async def read(channel: Channel, nonce: str) -> tuple[Record, ...]:
    """Every authentic record, up to the first line that is none."""
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
    return tuple(records)
