"""Speaks HTTP for an App."""

import json
import logging
import re
import socket
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from notevault.app import Answer, App, Refused, Request

MAX_BODY = 100_000
_TIMEOUT = 10.0
_LENGTH = re.compile(r"[0-9]{1,9}")
_SCHEME = "Bearer "

_log = logging.getLogger(__name__)


class NoteServer(ThreadingHTTPServer):
    """Serves one App, each connection in a thread of its own."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], app: App) -> None:
        super().__init__(address, partial(Connection, app))


class Connection(BaseHTTPRequestHandler):
    """One connection to a NoteServer."""

    timeout = _TIMEOUT

    def __init__(
        self, app: App, request: socket.socket, client_address: tuple[str, int], server: NoteServer
    ) -> None:
        self._app = app
        super().__init__(request, client_address, server)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Logs no query: it may hold the signature of a shared path."""
        if isinstance(code, HTTPStatus):
            code = code.value
        _log.info("%s %s %s", self.command, self.path.partition("?")[0].encode(), code)

    def log_message(self, format: str, *args: object) -> None:
        _log.info(format, *args)

    def _answer(self) -> None:
        try:
            answer = self._app.answer(self._request())
        except Refused as refused:
            answer = Answer(refused.status, {"error": refused.text})
        except Exception:
            _log.exception("%s failed", self.command)
            answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "internal error"})
        body = b"" if answer.value is None else json.dumps(answer.value).encode()
        self.send_response(answer.status)
        if answer.value is not None:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def _request(self) -> Request:
        length = self.headers.get("Content-Length", "0")
        if not _LENGTH.fullmatch(length):
            raise Refused(HTTPStatus.BAD_REQUEST, "that is no Content-Length")
        body = self.rfile.read(min(int(length), MAX_BODY + 1))
        if len(body) > MAX_BODY:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {MAX_BODY} bytes"
            )
        authorization = self.headers.get("Authorization", "")
        token = authorization.removeprefix(_SCHEME) if authorization.startswith(_SCHEME) else ""
        return Request(self.command, self.path, token, body)
