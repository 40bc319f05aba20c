"""The prompt cache: prefixes up to a marked block, by hash."""

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.loopback.contract import Rules

Body = dict[str, Any]

LOOKBACK = 20
SECONDS = {"5m": 300.0, "1h": 3600.0}


@dataclass(frozen=True)
class Block:
    """One block in rendering order. `prefix` hashes everything up to and with it; `tokens` counts
    the same; `ttl` is "" where no marker stands.
    """

    prefix: str
    tokens: int
    ttl: str


@dataclass(frozen=True)
class Counted:
    input: int
    read: int
    written_5m: int
    written_1h: int


class Cache:
    """Entries live from the first byte of the response that wrote them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[str, float] = {}

    def count(self, body: Body, rules: Rules) -> Counted:
        """The input tokens of a request by kind."""
        blocks = _blocks(body)
        total = blocks[-1].tokens
        marked = [
            place
            for place, block in enumerate(blocks)
            if block.ttl and block.tokens >= rules.cacheable
        ]
        read = self._read(blocks, marked)
        written = {"5m": 0, "1h": 0}
        done = read
        for place in marked:
            written[blocks[place].ttl] += max(blocks[place].tokens - done, 0)
            done = max(done, blocks[place].tokens)
        return Counted(total - done, read, written["5m"], written["1h"])

    def write(self, body: Body, rules: Rules, *, began: float) -> None:
        """Makes the marked prefixes readable; `began` is when the request started."""
        with self._lock:
            for block in _blocks(body):
                if block.ttl and block.tokens >= rules.cacheable:
                    self._ends[block.prefix] = began + SECONDS[block.ttl]

    def _read(self, blocks: list[Block], marked: list[int]) -> int:
        now = time.monotonic()
        with self._lock:
            live = {prefix for prefix, end in self._ends.items() if end > now}
        for place in reversed(marked):
            for back in range(place, max(place - LOOKBACK, -1), -1):
                if blocks[back].prefix in live:
                    return blocks[back].tokens
        return 0


def tokens(text: str) -> int:
    return -(-len(text.encode()) // 4)


def _blocks(body: Body) -> list[Block]:
    """Tools, then system, then messages. Model, effort and schema are part of every prefix."""
    config = body.get("output_config", {})
    digest = hashlib.sha256(json.dumps([body["model"], config], sort_keys=True).encode())
    total = 0
    found: list[Block] = []
    parts = [*body.get("tools", []), *_listed(body.get("system") or [])]
    for message in body["messages"]:
        parts += _listed(message["content"])
    for part in parts:
        plain = json.dumps(_unmarked(part), sort_keys=True)
        digest.update(plain.encode())
        total += tokens(part.get("text", plain))
        ttl = part["cache_control"].get("ttl", "5m") if "cache_control" in part else ""
        found.append(Block(digest.hexdigest(), total, ttl))
    return found


def _listed(content: str | list[Body]) -> list[Body]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _unmarked(part: Mapping[str, Any]) -> Body:
    return {name: value for name, value in part.items() if name != "cache_control"}
