"""Serves a vault until it is interrupted."""

import argparse
import contextlib
import logging
import os
import sys
from pathlib import Path

from notevault.app import App
from notevault.server import NoteServer
from notevault.share import Signer
from notevault.vault import Vault


def main() -> int:
    parser = argparse.ArgumentParser(prog="notevault", description=__doc__)
    parser.add_argument("--db", type=Path, required=True, help="the vault's SQLite file")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        signer = Signer(os.environ.get("NOTEVAULT_SECRET", ""))
    except ValueError as error:
        print(f"notevault: NOTEVAULT_SECRET: {error}", file=sys.stderr)
        return 2
    with (
        contextlib.closing(Vault(options.db)) as vault,
        NoteServer((options.host, options.port), App(vault, signer)) as server,
        contextlib.suppress(KeyboardInterrupt),
    ):
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
