"""Serves a board until it is interrupted."""

import argparse
import contextlib
import logging
from pathlib import Path

from linkboard.links import Board
from linkboard.web import BoardServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="linkboard", description=__doc__)
    parser.add_argument("--db", type=Path, required=True, help="the board's SQLite file")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with (
        contextlib.closing(Board(options.db)) as board,
        BoardServer((options.host, options.port), board) as server,
        contextlib.suppress(KeyboardInterrupt),
    ):
        server.serve_forever()


if __name__ == "__main__":
    main()
