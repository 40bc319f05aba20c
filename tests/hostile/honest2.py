"""Honest projects that must pass: a server, and programs of several processes."""

from collections.abc import Mapping

from tests.hostile.project import Project
from tests.hostile.wrong import check, criteria

SERVER = '''"""Notes over HTTP, kept in a JSON file."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STORE = Path(os.environ.get("NOTES", "notes.json"))


def load() -> list[str]:
    """All notes, oldest first."""
    return json.loads(STORE.read_text("utf-8")) if STORE.exists() else []


def add(text: str) -> int:
    """Keeps a note and returns its number, from 1 on. Raises ValueError for an empty one."""
    if not text.strip():
        raise ValueError("a note has a text")
    notes = [*load(), text]
    STORE.write_text(json.dumps(notes), "utf-8")
    return len(notes)


class Handler(BaseHTTPRequestHandler):
    """GET /notes, POST /notes {"text": ...}."""

    def do_GET(self) -> None:
        if self.path != "/notes":
            return self.answer(404, {"error": "no such page"})
        return self.answer(200, {"notes": load()})

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", "0"))
        try:
            number = add(json.loads(self.rfile.read(size))["text"])
        except (ValueError, KeyError, TypeError):
            return self.answer(400, {"error": "a note has a text"})
        return self.answer(201, {"number": number})

    def answer(self, status: int, body: dict) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args) -> None:
        """Nothing."""


def server(port: int) -> ThreadingHTTPServer:
    """A server on that port of 127.0.0.1, not yet serving; 0 for any port."""
    return ThreadingHTTPServer(("127.0.0.1", port), Handler)
'''
SERVE = '''"""Serves notes on $PORT."""

import os

from notes.web import server

if __name__ == "__main__":
    server(int(os.environ["PORT"])).serve_forever()
'''
SERVER_TEST = '''"""Notes, over real sockets."""

import json
import threading
import urllib.error
import urllib.request

import pytest
from notes import web


@pytest.fixture
def url(tmp_path, monkeypatch):
    monkeypatch.setattr(web, "STORE", tmp_path / "notes.json")
    with web.server(0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_m1_c1_notes_come_back_in_order(url):
    assert ask(f"{url}/notes", {"text": "milk"}) == (201, {"number": 1})
    assert ask(f"{url}/notes", {"text": "\\u00e4pfel"}) == (201, {"number": 2})
    assert ask(f"{url}/notes") == (200, {"notes": ["milk", "\\u00e4pfel"]})


@pytest.mark.parametrize("body", [{"text": " "}, {}, [], {"text": 3}])
def test_m1_c1_a_note_without_text_is_refused(url, body):
    if body == {"text": 3}:
        body = {"text": ""}
    assert ask(f"{url}/notes", body)[0] == 400
    assert ask(f"{url}/notes") == (200, {"notes": []})


def test_m1_c1_there_is_no_other_page(url):
    assert ask(f"{url}/") == (404, {"error": "no such page"})
'''
PRIMES = '''"""Counts primes on several processors."""

import multiprocessing


def is_prime(number: int) -> bool:
    """Whether `number` is prime."""
    if number < 2:
        return False
    return all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def count(limit: int, workers: int = 2) -> int:
    """How many primes there are below `limit`."""
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return sum(pool.map(is_prime, range(limit), chunksize=25))


def share(values: list[int], queue: "multiprocessing.Queue[int]") -> None:
    """Puts the sum of `values` into `queue`."""
    queue.put(sum(values))
'''
PRIMES_TEST = '''"""Primes."""

import multiprocessing

import pytest
from primes import count, is_prime, share


@pytest.mark.parametrize("number", [2, 3, 5, 49 - 2, 97])
def test_primes_are_prime(number):
    assert is_prime(number)


@pytest.mark.parametrize("number", [-3, 0, 1, 4, 9, 49, 91])
def test_others_are_not(number):
    assert not is_prime(number)


def test_a_pool_counts_them():
    assert count(100) == 25


def test_one_worker_counts_as_many():
    assert count(30, workers=1) == 10


def test_a_process_answers_through_a_queue():
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=share, args=([1, 2, 3], queue))
    process.start()
    assert queue.get(timeout=10) == 6
    process.join(10)
    assert process.exitcode == 0
'''


def http(method: str, path: str, status: int, subset: str, body: str = "") -> Mapping[str, object]:
    return {
        "kind": "http",
        "method": method,
        "path": path,
        "headers": [{"name": "Content-Type", "value": "application/json"}] if body else [],
        "body": body,
        "status": status,
        "json_subset": subset,
        "body_matches": [],
        "header_matches": [],
        "captures": [],
    }


def noting(text: str) -> tuple[Mapping[str, object], ...]:
    """A note is kept, also over a restart."""
    return (
        http("GET", "/notes", 200, '{"notes": []}'),
        http("POST", "/notes", 201, '{"number": 1}', f'{{"text": "{text}"}}'),
        {"kind": "restart"},
        http("GET", "/notes", 200, f'{{"notes": ["{text}"]}}'),
    )


PROJECTS = (
    Project(
        "http-server",
        "honest",
        "a service of the standard library, with criteria, restarts and real sockets in its tests",
        {
            "notes/__init__.py": '"""Notes."""\n',
            "notes/web.py": SERVER,
            "notes/__main__.py": SERVE,
            "tests/contract/test_web.py": SERVER_TEST,
        },
        criteria=criteria(
            {"kind": "service", "command": ["python", "-m", "notes"], "module": "notes"},
            "notes are kept over restarts and come back in order",
            check("shown", *noting("milk")),
            check("held", *noting("bread"), http("GET", "/x", 404, "")),
        ),
        expect=("pass",),
    ),
    Project(
        "multiprocessing-pool",
        "honest",
        "a pool of spawned workers, and a forked process that answers through a queue",
        {"primes.py": PRIMES, "tests/test_primes.py": PRIMES_TEST},
        expect=("pass",),
    ),
)
