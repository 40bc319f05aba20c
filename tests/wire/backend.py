"""A model server in OpenAI's style on 127.0.0.1, for a proxy that speaks both ways."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.loopback.reply import Body, Reply
from tests.loopback.wire import send_json

FINISHED = {"end_turn": "stop", "max_tokens": "length", "refusal": "content_filter"}
USAGE = {"prompt_tokens": 50, "completion_tokens": 7, "total_tokens": 57}


class Backend:
    """`with Backend() as backend:` serves at `backend.url`, one of `replies` after the other, the
    last one for ever. `bodies` are what it was asked.
    """

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.bodies: list[Body] = []
        self._lock = threading.Lock()
        owner = self

        class Connection(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                owner.answer(self, body)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Connection)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def script(self, *replies: Reply) -> None:
        self.replies, self.bodies = [*replies], []

    def answer(self, connection: BaseHTTPRequestHandler, body: Body) -> None:
        with self._lock:
            self.bodies.append(body)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.status != 200:
            said = {"message": reply.message, "type": reply.kind or "error", "code": reply.status}
            send_json(connection, reply.status, {"error": said}, headers=reply.headers)
        else:
            _stream(connection, body, reply)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _stream(connection: BaseHTTPRequestHandler, body: Body, reply: Reply) -> None:
    connection.send_response(200)
    connection.send_header("content-type", "text/event-stream")
    connection.send_header("connection", "close")
    connection.end_headers()
    connection.close_connection = True
    chunks = [*_chunks(body, reply)]
    if reply.fault in ("drop mid", "early end"):
        chunks = chunks[:2]
    for chunk in chunks:
        connection.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    if not reply.fault:
        connection.wfile.write(b"data: [DONE]\n\n")


def _chunks(body: Body, reply: Reply) -> Iterator[Body]:
    tool = reply.tool and bool(body.get("tools"))
    finish = "tool_calls" if tool else FINISHED.get(reply.stop_reason, reply.stop_reason)
    if tool:
        function = {"name": body["tools"][0]["function"]["name"], "arguments": reply.text}
        call = {"index": 0, "id": "call_1", "type": "function", "function": function}
        said: Body = {"tool_calls": [call]}
    else:
        said = {"content": reply.text}
    for delta, reason in (({"role": "assistant"}, None), (said, None), ({}, finish)):
        yield _chunk(body, choices=[{"index": 0, "delta": delta, "finish_reason": reason}])
    yield _chunk(body, choices=[], usage=USAGE)


def _chunk(body: Body, **fields: Any) -> Body:
    kind = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
    return {**kind, **fields}
