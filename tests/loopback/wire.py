"""Putting a reply on the wire, whole or broken."""

import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.loopback.message import Worded, error, sse
from tests.loopback.reply import Fault

Body = dict[str, Any]


def send_json(
    http: BaseHTTPRequestHandler,
    status: int,
    body: Body,
    *,
    headers: tuple[tuple[str, str], ...] = (),
) -> None:
    _send(http, status, ("application/json", json.dumps(body).encode()), headers=headers)


def send_reply(
    http: BaseHTTPRequestHandler,
    worded: Worded,
    *,
    closing: threading.Event,
    started: Callable[[], None],
) -> None:
    """Sends it with its fault. `started` is called right before the first event goes out; a stalled
    reply ends when `closing` is set.
    """
    reply = worded.reply
    headers = (*_headers(worded), *reply.headers)
    if reply.fault == "drop before":
        _break(http)
    elif reply.fault == "silent":
        closing.wait()
        _break(http)
    elif reply.fault == "html":
        page = ("text/html; charset=utf-8", b"<!doctype html><title>Welcome</title>")
        _send(http, reply.status, page, headers=headers)
    elif reply.status != 200:
        said = error(reply.status, reply.message, kind=reply.kind, code=reply.code)
        send_json(http, reply.status, said, headers=headers)
    elif reply.fault == "error body":
        said = error(500, reply.message, kind=reply.kind)
        send_json(http, 200, said, headers=headers)
    elif reply.fault == "whole" or not worded.body.get("stream"):
        started()
        send_json(http, 200, worded.whole, headers=headers)
    else:
        _stream(http, worded, headers=headers, closing=closing, started=started)


def _stream(
    http: BaseHTTPRequestHandler,
    worded: Worded,
    *,
    headers: tuple[tuple[str, str], ...],
    closing: threading.Event,
    started: Callable[[], None],
) -> None:
    http.send_response(200)
    for name, value in (("content-type", "text/event-stream"), *headers):
        http.send_header(name, value)
    http.send_header("transfer-encoding", "chunked")
    http.end_headers()
    started()
    fault = worded.reply.fault
    for event in worded.events():
        if event["type"] == _cut(fault):
            break
        _chunk(http, sse(event))
    if fault in ("stall", "no end"):
        closing.wait()
    if fault == "error event":
        said = worded.reply.message or "Overloaded"
        _chunk(http, sse(error(529, said, kind=worded.reply.kind)))
    if fault == "malformed":
        _chunk(http, b'event: content_block_delta\ndata: {"type": "content_bl\n\n')
    if fault in ("stall", "no end", "drop mid", "drop late"):
        _break(http)
    else:
        _chunk(http, b"")


def _cut(fault: Fault) -> str:
    """The event that does not go out any more, "" when all do."""
    if fault in ("", "no end"):
        return ""
    return "message_stop" if fault == "drop late" else "message_delta"


def _headers(worded: Worded) -> tuple[tuple[str, str], ...]:
    named = (
        ("anthropic-organization-id", "org_loopback"),
        ("anthropic-ratelimit-requests-remaining", "999"),
    )
    request_id = (("request-id", f"req_{worded.index:06}"),) if worded.reply.request_id else ()
    return (*request_id, *named)


def _send(
    http: BaseHTTPRequestHandler,
    status: int,
    content: tuple[str, bytes],
    *,
    headers: tuple[tuple[str, str], ...],
) -> None:
    kind, payload = content
    http.send_response(status)
    for name, value in (("content-type", kind), *headers):
        http.send_header(name, value)
    http.send_header("content-length", str(len(payload)))
    http.end_headers()
    http.wfile.write(payload)
    http.wfile.flush()


def _chunk(http: BaseHTTPRequestHandler, payload: bytes) -> None:
    http.wfile.write(b"%x\r\n%s\r\n" % (len(payload), payload))
    http.wfile.flush()


def _break(http: BaseHTTPRequestHandler) -> None:
    http.close_connection = True
    http.connection.shutdown(socket.SHUT_RDWR)
