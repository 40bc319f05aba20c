"""The inventory's database: items, their levels, and every movement."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from stockroom.model import Item, Movement, StockError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
    sku TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    reorder_at INTEGER NOT NULL CHECK (reorder_at >= 0),
    level INTEGER NOT NULL DEFAULT 0 CHECK (level >= 0)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS movements (
    id INTEGER PRIMARY KEY,
    sku TEXT NOT NULL REFERENCES items (sku),
    count INTEGER NOT NULL CHECK (count <> 0)
);
CREATE INDEX IF NOT EXISTS movements_by_sku ON movements (sku, id);
"""
_ALL = "SELECT sku, name, reorder_at, level FROM items ORDER BY sku"
_LOW = "SELECT sku, name, reorder_at, level FROM items WHERE level <= reorder_at ORDER BY sku"
_MATCHING = """
SELECT sku, name, reorder_at, level FROM items
WHERE instr(casefold(name), casefold(?)) > 0 ORDER BY sku
"""


class Store:
    """One open inventory.

    As a context manager it closes the file, and turns a failure of the database (locked, full)
    into a StockError.
    """

    def __init__(self, path: Path) -> None:
        """Opens or makes the file. Raises StockError when it cannot be used."""
        try:
            self._db = sqlite3.connect(path)
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.executescript(_SCHEMA)
            self._db.create_function("casefold", 1, str.casefold, deterministic=True)
        except sqlite3.Error as error:
            raise StockError(f"cannot use {path} as an inventory: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()
        if isinstance(error, sqlite3.Error):
            raise StockError(f"the inventory cannot be used: {error}") from error

    def add(self, sku: str, name: str, reorder_at: int) -> None:
        """Registers an item with level 0. Raises StockError when the SKU is taken."""
        try:
            with self._db:
                self._db.execute(
                    "INSERT INTO items (sku, name, reorder_at) VALUES (?, ?, ?)",
                    (sku, name, reorder_at),
                )
        except sqlite3.IntegrityError:
            raise StockError(f"{sku} exists already") from None

    def transaction(self) -> AbstractContextManager[object]:
        """Keeps all its movements, or none of them when it is left by an exception."""
        return self._db

    def move(self, movement: Movement) -> None:
        """Applies one movement, in a transaction of the caller's. Raises StockError if refused."""
        changed = self._db.execute(
            "UPDATE items SET level = level + ? WHERE sku = ? AND level + ? >= 0",
            (movement.count, movement.sku, movement.count),
        )
        if changed.rowcount == 0:
            level = self.level(movement.sku)
            raise StockError(f"{movement.sku} has {level}, {-movement.count} cannot be taken")
        self._db.execute(
            "INSERT INTO movements (sku, count) VALUES (?, ?)", (movement.sku, movement.count)
        )

    def level(self, sku: str) -> int:
        """How many there are. Raises StockError for an unknown SKU."""
        row = self._db.execute("SELECT level FROM items WHERE sku = ?", (sku,)).fetchone()
        if row is None:
            raise StockError(f"there is no item {sku}")
        return row[0]

    def items(self) -> Iterator[Item]:
        """All items, by SKU."""
        return self._select(_ALL)

    def matching(self, text: str) -> Iterator[Item]:
        """The items whose name holds `text` literally, in any case, by SKU."""
        return self._select(_MATCHING, text)

    def low(self) -> Iterator[Item]:
        """The items that are to be ordered again, by SKU."""
        return self._select(_LOW)

    def history(self, sku: str, limit: int) -> list[Movement]:
        """At most `limit` movements of an item, newest first. Raises StockError when unknown."""
        self.level(sku)
        rows = self._db.execute(
            "SELECT sku, count FROM movements WHERE sku = ? ORDER BY id DESC LIMIT ?", (sku, limit)
        )
        return [Movement(*row) for row in rows]

    def _select(self, query: str, *values: str) -> Iterator[Item]:
        return (Item(*row) for row in self._db.execute(query, values))
