"""The requests: what is asked by HTTP, and how it is answered."""

import json
import logging
import re
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from linkboard.links import Board, Link, NotAllowed
from linkboard.page import render

MAX_BODY = 4096
MAX_LIMIT = 100
_LIMIT = 20
_TIMEOUT = 10.0
_WHOLE = re.compile(r"[0-9]{1,9}")

_log = logging.getLogger(__name__)


class Refused(Exception):
    """A request that is answered with an error; `text` is shown to whoever asked."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True)
class Answer:
    """An answer that is complete but for its length."""

    status: HTTPStatus
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class BoardServer(ThreadingHTTPServer):
    """Serves one board, each request in a thread of its own."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], board: Board) -> None:
        super().__init__(address, partial(BoardRequest, board))


class BoardRequest(BaseHTTPRequestHandler):
    """One connection to a BoardServer."""

    timeout = _TIMEOUT

    def __init__(
        self,
        board: Board,
        request: socket.socket,
        client_address: tuple[str, int],
        server: BoardServer,
    ) -> None:
        self._board = board
        super().__init__(request, client_address, server)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        _log.info("%s %s", self.address_string(), format % args)

    def _answer(self) -> None:
        try:
            answer = self._answer_to(self.command, self.path)
        except Refused as refused:
            answer = _json(refused.status, {"error": refused.text})
        except Exception:
            _log.exception("%s %s failed", self.command, self.path)
            answer = _json(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "internal error"})
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _answer_to(self, method: str, target: str) -> Answer:
        board = self._board
        path, _, query = target.partition("?")
        match method, path.split("/")[1:]:
            case "POST", ["links"]:
                return make(board, self._body())
            case "GET", ["links"]:
                return listing(board, query)
            case "GET", ["links", code]:
                return _json(HTTPStatus.OK, _shown(_known(board.find(code))))
            case "GET", [""]:
                return page(board)
            case "GET", [code]:
                link = _known(board.follow(code))
                return Answer(HTTPStatus.FOUND, headers={"Location": link.url})
            case _:
                raise Refused(HTTPStatus.NOT_FOUND, "not found")

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not _WHOLE.fullmatch(length):
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is required")
        if int(length) > MAX_BODY:
            self.rfile.read(MAX_BODY + 1)  # a client that is still sending would miss the answer
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {MAX_BODY} bytes"
            )
        return self.rfile.read(int(length))


def make(board: Board, body: bytes) -> Answer:
    """Makes the link that `body` asks for. Raises Refused."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(HTTPStatus.BAD_REQUEST, "the body is not JSON") from None
    match asked:
        case {"url": str(url)} if len(asked) == 1:
            pass
        case _:
            raise Refused(HTTPStatus.BAD_REQUEST, 'the body is not {"url": TEXT}')
    try:
        return _json(HTTPStatus.CREATED, _shown(board.add(url)))
    except NotAllowed as error:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None


def listing(board: Board, query: str) -> Answer:
    """One page of the links. Raises Refused."""
    asked = parse_qs(query)
    limit = asked.get("limit", [str(_LIMIT)])[-1]
    if not (_WHOLE.fullmatch(limit) and 1 <= int(limit) <= MAX_LIMIT):
        raise Refused(HTTPStatus.BAD_REQUEST, f"limit is a number from 1 to {MAX_LIMIT}")
    try:
        links = board.after(asked.get("after", [None])[-1], int(limit))
    except KeyError:
        raise Refused(HTTPStatus.BAD_REQUEST, "after names no link") from None
    return _json(HTTPStatus.OK, {"links": [_shown(link) for link in links]})


def page(board: Board) -> Answer:
    """The newest links for a browser."""
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'",
    }
    return Answer(HTTPStatus.OK, render(board.newest(_LIMIT)).encode(), headers)


def _known(link: Link | None) -> Link:
    if link is None:
        raise Refused(HTTPStatus.NOT_FOUND, "there is no such link")
    return link


def _shown(link: Link) -> dict[str, object]:
    return asdict(link)


def _json(status: HTTPStatus, value: Mapping[str, object]) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})
