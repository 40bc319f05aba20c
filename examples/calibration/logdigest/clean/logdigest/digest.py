"""The sums over many requests, in memory that does not grow with their number."""

import heapq
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from logdigest.entry import Entry

MAX_PATHS = 100_000
OTHER = "(other)"


class Digest:
    """Counts of what was added."""

    def __init__(self, max_paths: int = MAX_PATHS) -> None:
        self.skipped = 0
        self._max_paths = max_paths
        self._classes: Counter[int] = Counter()
        self._paths: Counter[str] = Counter()
        self._milliseconds: Counter[int] = Counter()

    @property
    def requests(self) -> int:
        return self._classes.total()

    def add(self, entry: Entry) -> None:
        """Counts a request."""
        self._classes[entry.status // 100] += 1
        self._milliseconds[entry.milliseconds] += 1
        known = entry.path in self._paths or len(self._paths) < self._max_paths
        self._paths[entry.path if known else OTHER] += 1

    def skip(self) -> None:
        """Counts a line that is no request."""
        self.skipped += 1

    def classes(self) -> Iterator[tuple[str, int]]:
        """("2xx", count) for each class of status that was met, in order."""
        return ((f"{first}xx", count) for first, count in sorted(self._classes.items()))

    def percentiles(self, percents: tuple[int, ...]) -> dict[int, int]:
        """Milliseconds by percent, nearest rank; empty when there were no requests."""
        values = sorted(self._milliseconds.items())
        found: dict[int, int] = {}
        for percent in percents:
            least = Fraction(percent, 100) * self.requests
            reached = 0
            for value, count in values:
                reached += count
                if reached >= least:
                    found[percent] = value
                    break
        return found

    def top(self, limit: int) -> list[tuple[str, int]]:
        """The `limit` most requested paths with their counts, equal counts by path."""
        return heapq.nsmallest(limit, self._paths.items(), key=lambda item: (-item[1], item[0]))
