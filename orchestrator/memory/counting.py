"""The one counter of tokens, and what fits by it."""

BYTES_PER_TOKEN = 3
"""A cautious average over code and prose; the same for every backend and model."""


def tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def newest(parts: list[str], budget: int) -> tuple[list[str], int]:
    """The newest of `parts`, which are oldest first, that fit, and how many do not."""
    kept: list[str] = []
    used = 0
    for part in reversed(parts):
        used += tokens(part)
        if used > budget:
            break
        kept.insert(0, part)
    return kept, len(parts) - len(kept)
