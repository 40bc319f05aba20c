"""Movements out of a CSV file, one line at a time."""

import csv
from collections.abc import Iterable
from pathlib import Path

from stockroom.model import Movement, StockError, parse_count, parse_sku
from stockroom.store import Store

_FIELDS = 2


def import_lines(store: Store, lines: Iterable[str]) -> None:
    """Applies every line that is not blank, or none. Raises StockError naming the bad line."""
    reader = csv.reader(lines)
    with store.transaction():
        try:
            for row in reader:
                if row:
                    store.move(_movement(row))
        except (csv.Error, StockError) as error:
            raise StockError(f"line {reader.line_num}: {error}") from error


def import_file(store: Store, path: Path) -> None:
    """Applies every line of the CSV file `path`, or none. Raises StockError."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            import_lines(store, lines)
    except OSError as error:
        raise StockError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise StockError(f"{path} is not UTF-8 text") from None


def _movement(row: list[str]) -> Movement:
    if len(row) != _FIELDS:
        raise StockError(f"{len(row)} fields instead of {_FIELDS}")
    return Movement(parse_sku(row[0]), parse_count(row[1]))
