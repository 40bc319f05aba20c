"""What an item is, and what is refused."""

import re
from dataclasses import dataclass

MAX_COUNT = 1_000_000_000
"""The most that one movement, or a reorder point, can be."""

_SKU = re.compile(r"[A-Z][A-Z0-9-]{1,19}")


class StockError(Exception):
    """Something the user can mend; its text is shown as it stands."""


@dataclass(frozen=True)
class Item:
    """A registered item and how many of it there are."""

    sku: str
    name: str
    reorder_at: int
    level: int


@dataclass(frozen=True)
class Movement:
    """A change of one item's level; `count` is positive for goods received.

    Raises StockError for a count that is 0 or beyond MAX_COUNT.
    """

    sku: str
    count: int

    def __post_init__(self) -> None:
        if not 0 < abs(self.count) <= MAX_COUNT:
            raise StockError(f"a count of {self.count} is not between 1 and {MAX_COUNT}")


def parse_sku(text: str) -> str:
    """Returns the SKU in upper case. Raises StockError when it is not well formed."""
    sku = text.strip().upper()
    if not _SKU.fullmatch(sku):
        raise StockError(f"{text!r} is no SKU: 2 to 20 letters, digits and dashes, a letter first")
    return sku


def parse_count(text: str) -> int:
    """Returns a whole number of either sign. Raises StockError."""
    try:
        return int(text)
    except ValueError:
        raise StockError(f"{text!r} is not a whole number") from None


def parse_name(text: str) -> str:
    """Returns the name without outer blanks. Raises StockError when a line cannot show it."""
    name = text.strip()
    if not name.isprintable() or not name:
        raise StockError(f"{text!r} is no name: it is empty or holds tabs or line ends")
    return name
