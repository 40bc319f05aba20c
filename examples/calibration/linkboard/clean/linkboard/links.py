"""Links: which URLs are allowed, and the board that keeps them."""

import secrets
import sqlite3
import string
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

MAX_URL = 2048
_ALPHABET = string.ascii_letters + string.digits
_CODE_LENGTH = 8
_SCHEMES = frozenset({"http", "https"})
_SCHEMA = """
CREATE TABLE IF NOT EXISTS links (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    hits INTEGER NOT NULL DEFAULT 0
);
"""


class NotAllowed(ValueError):
    """A URL that the board does not take; its text may be shown to anybody."""


@dataclass(frozen=True)
class Link:
    """A short link and how often it was followed."""

    code: str
    url: str
    hits: int


def check_url(url: str) -> str:
    """Returns `url` if a link may lead there. Raises NotAllowed."""
    if len(url) > MAX_URL:
        raise NotAllowed(f"a URL has at most {MAX_URL} characters")
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise NotAllowed("a URL holds ASCII only, without blanks or control characters")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise NotAllowed("that is no URL") from None
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise NotAllowed("a URL begins with http:// or https:// and a host")
    return url


class Board:
    """The links of one SQLite file; may be used by several threads at once."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def add(self, url: str) -> Link:
        """Makes a link to an allowed URL. Raises NotAllowed."""
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
        link = Link(code, check_url(url), 0)
        with self._lock, self._db:
            self._db.execute("INSERT INTO links (code, url) VALUES (?, ?)", (link.code, link.url))
        return link

    def find(self, code: str) -> Link | None:
        """The link with that code, without counting a hit."""
        return self._one("SELECT code, url, hits FROM links WHERE code = ?", code)

    def follow(self, code: str) -> Link | None:
        """The link with that code, after counting a hit."""
        return self._one(
            "UPDATE links SET hits = hits + 1 WHERE code = ? RETURNING code, url, hits", code
        )

    def after(self, code: str | None, limit: int) -> list[Link]:
        """At most `limit` links made after `code` (None: from the first), in order of making.

        Raises KeyError when there is no such code.
        """
        with self._lock:
            least = 0
            if code is not None:
                row = self._db.execute("SELECT id FROM links WHERE code = ?", (code,)).fetchone()
                if row is None:
                    raise KeyError(code)
                least = row[0]
            rows = self._db.execute(
                "SELECT code, url, hits FROM links WHERE id > ? ORDER BY id LIMIT ?", (least, limit)
            ).fetchall()
        return [Link(*row) for row in rows]

    def newest(self, limit: int) -> list[Link]:
        """At most `limit` links, the newest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT code, url, hits FROM links ORDER BY id DESC LIMIT ?", (limit,)
            ).fetchall()
        return [Link(*row) for row in rows]

    def _one(self, statement: str, code: str) -> Link | None:
        with self._lock, self._db:
            row = self._db.execute(statement, (code,)).fetchone()
        return None if row is None else Link(*row)
