"""The loopback server: real sockets, one thread for each connection."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.loopback.cache import Cache, Counted, tokens
from tests.loopback.contract import MODELS, Refused, Rules, admit, check, check_count
from tests.loopback.message import Worded, error
from tests.loopback.reply import Reply, Script
from tests.loopback.wire import send_json, send_reply

Body = dict[str, Any]
COUNTED = Reply()


@dataclass(frozen=True)
class Recorded:
    """A request as it arrived; header names are in lower case."""

    body: Body
    headers: Mapping[str, str]


class LoopbackServer:
    """`with LoopbackServer(script) as server:` serves at `server.url` until the block ends.

    `key` is the only credential accepted, "" accepts any. `models` are known besides MODELS. What
    is accepted at count_tokens gets the count, unless `counting` has a status, fault or usage. In
    the serving thread, `on_request(index, body)` is called when a request to /v1/messages has
    arrived and before it is looked at, `on_begun(index)` when the head of its response went out and
    nothing else did, `on_sent(index)` when the last byte did. Indexes count from 0 and are places
    in `requests`. What a script or a callback raises is raised again at the end of the block.
    """

    def __init__(
        self,
        script: Script,
        *,
        key: str = "",
        models: tuple[str, ...] = (),
        counting: Reply = COUNTED,
        on_request: Callable[[int, Body], None] = lambda _index, _body: None,
        on_begun: Callable[[int], None] = lambda _index: None,
        on_sent: Callable[[int], None] = lambda _index: None,
    ) -> None:
        self.script = script
        self.key = key
        self.models = {**MODELS, **dict.fromkeys(models, Rules())}
        self.counting = counting
        self.on_request = on_request
        self.on_begun = on_begun
        self.on_sent = on_sent
        self.requests: list[Recorded] = []
        self.counts: list[Recorded] = []
        self.failures: list[Exception] = []
        self.cache = Cache()
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._http = _Http(self)
        # A short poll, or every test waits half a second for its server to stop.
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def count(self) -> int:
        """Requests to /v1/messages so far."""
        return len(self.requests)

    def record(self, recorded: Recorded) -> int:
        with self._lock:
            self.requests.append(recorded)
            return len(self.requests) - 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        if self.failures and raised is None:
            raise self.failures[0]


class _Http(ThreadingHTTPServer):
    """Waits for its connections' threads at the end, which closing their sockets ends."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, owner: LoopbackServer) -> None:
        self.owner = owner
        self._open: set[Any] = set()
        super().__init__(("127.0.0.1", 0), _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        for request in tuple(self._open):
            _hang_up(request)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no failure, and others are recorded where they happen."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].removeprefix("/v1/models").strip("/")
        known = self.server.owner.models
        if not self.path.startswith("/v1/models") or (name and name not in known):
            send_json(self, 404, error(404, f"not found: {self.path}"))
        elif name:
            send_json(self, 200, _listed(name, known[name]))
        else:
            every = [_listed(each, rules) for each, rules in known.items()]
            send_json(self, 200, {"data": every, "has_more": False})

    def do_POST(self) -> None:
        owner = self.server.owner
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path.partition("?")[0]
        if path == "/v1/messages":
            self._message(owner, raw)
        elif path == "/v1/messages/count_tokens":
            self._count(owner, raw)
        else:
            send_json(self, 404, error(404, f"not found: {path}"))

    def _message(self, owner: LoopbackServer, raw: bytes) -> None:
        began = time.monotonic()
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            body = json.loads(raw)
        except ValueError:
            send_json(self, 400, error(400, "The request body is not valid JSON"))
            return
        index = owner.record(Recorded(body, headers))
        try:
            owner.on_request(index, body)
            reply = self._reply(owner, body, headers)
            rules = owner.models.get(body.get("model", ""), Rules())
            good = reply.status == 200
            counted = owner.cache.count(body, rules) if good else Counted(0, 0, 0, 0)

            def started() -> None:
                owner.cache.write(body, rules, began=began)
                owner.on_begun(index)

            send_reply(self, Worded(reply, body, counted, index), closing=owner.closing,
                       started=started)  # fmt: skip
            owner.on_sent(index)
        except OSError:
            self.close_connection = True
        except Exception as failed:
            owner.failures.append(failed)
            send_json(self, 400, error(400, f"the loopback script failed: {failed!r}"))

    def _count(self, owner: LoopbackServer, raw: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(raw)
        owner.counts.append(Recorded(body, headers))
        reply = owner.counting
        try:
            admit(headers, key=owner.key)
            check_count(body, version=headers["anthropic-version"], models=owner.models)
        except Refused as refused:
            reply = Reply(status=refused.status, message=refused.message)
        try:
            if reply.status == 200 and not reply.fault:
                said = {"input_tokens": tokens(raw.decode()), **dict(reply.usage)}
                send_json(self, 200, said)
            else:
                worded = Worded(reply, body, Counted(0, 0, 0, 0), len(owner.counts))
                send_reply(self, worded, closing=owner.closing, started=lambda: None)
        except OSError:
            self.close_connection = True

    def _reply(self, owner: LoopbackServer, body: Body, headers: Mapping[str, str]) -> Reply:
        try:
            admit(headers, key=owner.key)
            check(body, version=headers["anthropic-version"], models=owner.models)
        except Refused as refused:
            return Reply(status=refused.status, message=refused.message)
        return owner.script(body)


def _listed(name: str, rules: Rules) -> Body:
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "2026-01-01T00:00:00Z",
        "max_input_tokens": rules.context,
        "max_tokens": rules.max_tokens,
        "lifecycle": "active",
    }


def _hang_up(request: Any) -> None:
    try:
        request.shutdown(2)
    except OSError:
        return
