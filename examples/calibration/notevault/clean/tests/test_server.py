import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from notevault.server import NoteServer
from tests.desk import Desk


@pytest.fixture
def connection(desk: Desk) -> Iterator[http.client.HTTPConnection]:
    with NoteServer(("127.0.0.1", 0), desk.app) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        with closing(
            http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        ) as opened:
            yield opened
        server.shutdown()
        thread.join()


def test_a_note_is_made_and_read(connection: http.client.HTTPConnection, desk: Desk) -> None:
    headers = {"Authorization": f"Bearer {desk.user('anna')}"}
    body = json.dumps({"title": "Milk", "text": "Two"})
    connection.request("POST", "/notes", body, headers)
    made = json.load(connection.getresponse())
    connection.request("GET", f"/notes/{made['id']}", headers=headers)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert json.load(answer) == {"id": made["id"], "title": "Milk", "text": "Two"}


def test_another_scheme_is_no_login(connection: http.client.HTTPConnection, desk: Desk) -> None:
    connection.request("GET", "/notes", headers={"Authorization": f"Basic {desk.user('anna')}"})
    assert connection.getresponse().status == 401


def test_a_body_has_at_most_so_many_bytes(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/users", b" " * 100_001)
    assert connection.getresponse().status == 413
