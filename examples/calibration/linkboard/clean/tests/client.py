"""Asks a server on this machine."""

import http.client
import json
from contextlib import closing
from typing import Protocol

Answer = tuple[int, http.client.HTTPMessage, bytes]


class Ask(Protocol):
    def __call__(self, method: str, path: str, body: object = None) -> Answer: ...


def ask_at(port: int, method: str, path: str, body: object = None) -> Answer:
    """Status, headers and body; `body` is sent as it is when bytes, else as JSON."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body)
        connection.request(method, path, sent)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
