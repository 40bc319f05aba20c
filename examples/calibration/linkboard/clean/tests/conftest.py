import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from linkboard.links import Board
from linkboard.web import BoardServer
from tests.client import Ask, ask_at


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    with closing(Board(tmp_path / "links.db")) as opened:
        yield opened


@pytest.fixture
def ask(board: Board) -> Iterator[Ask]:
    """Asks a running server: ask(method, path, body) -> status, headers, body."""
    with BoardServer(("127.0.0.1", 0), board) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield partial(ask_at, server.server_port)
        server.shutdown()
        thread.join()
