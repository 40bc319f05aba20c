"""An App with a clock that is set by hand, asked without sockets."""

import json
from pathlib import Path
from typing import Any

from notevault.app import App, Request
from notevault.share import Signer
from notevault.vault import Vault

SECRET = "only for the tests, but long enough"  # noqa: S105


class Desk:
    def __init__(self, folder: Path) -> None:
        self.now = 1_000_000.0
        self.vault = Vault(folder / "notes.db", clock=lambda: self.now)
        self.app = App(self.vault, Signer(SECRET))

    def ask(
        self, method: str, target: str, token: str = "", body: object = None
    ) -> tuple[int, Any]:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.app.answer(Request(method, target, token, sent))
        return answer.status, answer.value

    def user(self, name: str) -> str:
        """Registers somebody; returns a token."""
        known = {"name": name, "password": f"a password of {name}"}
        assert self.ask("POST", "/users", "", known)[0] == 201
        return self.ask("POST", "/sessions", "", known)[1]["token"]

    def note(self, token: str, title: str = "Title") -> int:
        return self.ask("POST", "/notes", token, {"title": title, "text": "Text"})[1]["id"]
