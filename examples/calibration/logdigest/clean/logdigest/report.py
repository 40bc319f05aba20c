"""Shows a digest, as text or JSON."""

import json
from collections.abc import Iterable, Iterator

from logdigest.digest import Digest

PERCENTS = (50, 95, 99)


def as_json(digest: Digest, top: int) -> str:
    """One JSON object."""
    percentiles = digest.percentiles(PERCENTS)
    return json.dumps(
        {
            "requests": digest.requests,
            "skipped": digest.skipped,
            "classes": dict(digest.classes()),
            "milliseconds": {f"p{percent}": value for percent, value in percentiles.items()},
            "top": [{"path": path, "requests": count} for path, count in digest.top(top)],
        },
        indent=2,
    )


def as_text(digest: Digest, top: int) -> str:
    """Sections of aligned rows; what is not printable is escaped."""
    percentiles = digest.percentiles(PERCENTS)
    sections = (
        ("", [("requests", digest.requests), ("skipped", digest.skipped)]),
        ("status", digest.classes()),
        ("milliseconds", ((f"p{percent}", value) for percent, value in percentiles.items())),
        ("paths", ((_printable(path), count) for path, count in digest.top(top))),
    )
    return "\n".join(line for title, rows in sections for line in _section(title, rows))


def _section(title: str, rows: Iterable[tuple[str, int]]) -> Iterator[str]:
    if title:
        yield ""
        yield title
    for name, number in rows:
        yield f"{number:>12}  {name}"


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]
