"""A Messages API on 127.0.0.1 for a whole client: a player says each turn, calls included."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.loopback.message import error, sse
from tests.loopback.wire import send_json

Body = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One use of a tool."""

    tool: str
    given: Body


Turn = str | tuple[Call, ...]
"""What the model says: a text, or calls."""


class ClientServer:
    """`with ClientServer(play) as server:` serves at `server.url` until the block ends.

    `play(body)` is called in the serving thread and gives the turn that answers `body`. What it
    raises is told to the client and raised again at the end of the block.
    """

    def __init__(self, play: Callable[[Body], Turn]) -> None:
        self.play = play
        self.failures: list[Exception] = []
        self.paths: set[str] = set()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        if self.failures and kind is None:
            raise self.failures[0]


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, owner: ClientServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no failure, and others are recorded where they happen."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.server.owner.paths.add(self.path)
        send_json(self, 404, error(404, f"not found: {self.path}"))

    def do_POST(self) -> None:
        owner = self.server.owner
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path.partition("?")[0]
        owner.paths.add(path)
        if path == "/v1/messages/count_tokens":
            send_json(self, 200, {"input_tokens": len(raw) // 4})
        elif path == "/v1/messages":
            self._message(json.loads(raw))
        else:
            send_json(self, 404, error(404, f"not found: {path}"))

    def _message(self, body: Body) -> None:
        owner = self.server.owner
        try:
            turn = owner.play(body)
        except Exception as failed:
            owner.failures.append(failed)
            send_json(self, 400, error(400, f"the player failed: {failed!r}"))
            return
        message = _message(body, turn)
        if not body.get("stream"):
            send_json(self, 200, message)
            return
        content = b"".join(sse(event) for event in _events(message))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _message(body: Body, turn: Turn) -> Body:
    place = len(body["messages"])
    if isinstance(turn, str):
        content: list[Body] = [{"type": "text", "text": turn}]
    else:
        content = [
            {
                "type": "tool_use",
                "id": f"toolu_{place:04}_{number}",
                "name": call.tool,
                "input": call.given,
            }
            for number, call in enumerate(turn)
        ]
    return {
        "id": f"msg_{place:06}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": "end_turn" if isinstance(turn, str) else "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 100,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 10,
        },
    }


def _events(message: Body) -> Iterator[Body]:
    begun = {**message, "content": [], "stop_reason": None}
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(message["content"]):
        where = {"index": index}
        if block["type"] == "text":
            opened = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            opened = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield {"type": "content_block_start", **where, "content_block": opened}
        yield {"type": "content_block_delta", **where, "delta": delta}
        yield {"type": "content_block_stop", **where}
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 10}}
    yield {"type": "message_stop"}
