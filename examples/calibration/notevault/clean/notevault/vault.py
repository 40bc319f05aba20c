"""The vault's database: users, their sessions and their notes."""

import hashlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notevault import passwords

SESSION_SECONDS = 12 * 3600
PAGE = 50
_TOKEN_BYTES = 32
_SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sessions (
    token TEXT PRIMARY KEY,
    user INTEGER NOT NULL REFERENCES users (id),
    expires REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_by_expiry ON sessions (expires);
CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner INTEGER NOT NULL REFERENCES users (id),
    title TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS notes_by_owner ON notes (owner, id);
"""
_NOBODY = passwords.hashed(secrets.token_hex())


class Taken(Exception):
    """A user of that name exists."""


@dataclass(frozen=True)
class Note:
    """A note of one user."""

    id: int
    title: str
    text: str


class Vault:
    """One open vault; several threads may use it at once."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    def register(self, name: str, password: str) -> None:
        """Adds a user. Raises Taken."""
        kept = passwords.hashed(password)
        try:
            self._run("INSERT INTO users (name, password) VALUES (?, ?)", name, kept)
        except sqlite3.IntegrityError:
            raise Taken(name) from None

    def log_in(self, name: str, password: str) -> str | None:
        """A new session's token; None when the name or the password is wrong.

        An unknown name takes as long as a wrong password.
        """
        rows = self._run("SELECT id, password FROM users WHERE name = ?", name)
        user, kept = rows[0] if rows else (None, _NOBODY)
        if not passwords.matches(password, kept) or user is None:
            return None
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._run("DELETE FROM sessions WHERE expires <= ?", self.now)
        self._run(
            "INSERT INTO sessions (token, user, expires) VALUES (?, ?, ?)",
            _digest(token),
            user,
            self.now + SESSION_SECONDS,
        )
        return token

    def log_out(self, token: str) -> None:
        """Ends a session."""
        self._run("DELETE FROM sessions WHERE token = ?", _digest(token))

    def user_of(self, token: str) -> int | None:
        """The user whose session it is; None when there is no such session, or not any more."""
        rows = self._run(
            "SELECT user FROM sessions WHERE token = ? AND expires > ?", _digest(token), self.now
        )
        return rows[0][0] if rows else None

    def add(self, owner: int, title: str, text: str) -> Note:
        rows = self._run(
            "INSERT INTO notes (owner, title, text) VALUES (?, ?, ?) RETURNING id, title, text",
            owner,
            title,
            text,
        )
        return Note(*rows[0])

    def titles(self, owner: int, after: int) -> list[tuple[int, str]]:
        """Id and title of at most PAGE notes with an id greater than `after`, in order."""
        return self._run(
            "SELECT id, title FROM notes WHERE owner = ? AND id > ? ORDER BY id LIMIT ?",
            owner,
            after,
            PAGE,
        )

    def note(self, owner: int, note: int) -> Note | None:
        """The note, if it is the owner's."""
        rows = self._run(
            "SELECT id, title, text FROM notes WHERE owner = ? AND id = ?", owner, note
        )
        return Note(*rows[0]) if rows else None

    def shared(self, note: int) -> Note | None:
        """The note, whoever owns it: only for paths that were signed."""
        rows = self._run("SELECT id, title, text FROM notes WHERE id = ?", note)
        return Note(*rows[0]) if rows else None

    def change(self, owner: int, changed: Note) -> Note | None:
        """The note as it is now; None when the owner has no such note."""
        rows = self._run(
            "UPDATE notes SET title = ?, text = ? WHERE owner = ? AND id = ? RETURNING id",
            changed.title,
            changed.text,
            owner,
            changed.id,
        )
        return changed if rows else None

    def delete(self, owner: int, note: int) -> bool:
        """Whether there was such a note."""
        return bool(
            self._run("DELETE FROM notes WHERE owner = ? AND id = ? RETURNING id", owner, note)
        )

    def _run(self, statement: str, *values: object) -> list[Any]:
        with self._lock, self._db:
            return self._db.execute(statement, values).fetchall()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
