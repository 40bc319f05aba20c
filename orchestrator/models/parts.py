"""Long requests as several files: a client's tool reads no more than so much of one."""

ROOM = 50_000
"""Bytes of a file. A client that was measured reads 25,000 tokens at once, and code has one for
every three bytes; beyond 60 KB it cut files off.
"""
LEAST = 8_000
"""Bytes of the text that stay in the request's own file, however long its other texts are."""


def divided(text: str, beside: int) -> tuple[tuple[str, ...], str]:
    """`text` as parts for files of their own, and the rest that stays with `beside` bytes of other
    texts: all of it where that fits. Nothing but a line that is longer by itself exceeds ROOM, and
    all of them one after the other are `text`.
    """
    lines = text.splitlines(keepends=True)
    room = max(ROOM - beside, LEAST)
    staying = len(lines)
    while staying and (room := room - len(lines[staying - 1].encode())) >= 0:
        staying -= 1
    parts, size = list[str](), ROOM
    for line in lines[:staying]:
        length = len(line.encode())
        if size + length > ROOM:
            parts.append("")
            size = 0
        parts[-1] += line
        size += length
    return tuple(parts), "".join(lines[staying:])
