"""The page for browsers."""

from collections.abc import Iterable
from html import escape

from linkboard.links import Link

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Linkboard</title></head>
<body>
<h1>Newest links</h1>
<ul>
{rows}
</ul>
</body>
</html>
"""


def render(links: Iterable[Link]) -> str:
    """The whole page as HTML, with the links in the order given."""
    return _PAGE.format(rows="\n".join(_row(link) for link in links))


def _row(link: Link) -> str:
    return f'<li><a href="/{escape(link.code)}">{escape(link.url)}</a>: {link.hits}</li>'
