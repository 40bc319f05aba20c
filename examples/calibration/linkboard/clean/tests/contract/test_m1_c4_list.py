"""M1-C4"""

import json

import pytest

from linkboard.links import Board
from tests.client import Ask


def test_m1_c4_all_links_are_reached_page_by_page(ask: Ask, board: Board) -> None:
    made = [board.add(f"http://a/{number}").code for number in range(25)]
    first = json.loads(ask("GET", "/links")[2])["links"]
    rest = json.loads(ask("GET", f"/links?limit=100&after={first[-1]['code']}")[2])["links"]
    assert len(first) == 20
    assert [link["code"] for link in first + rest] == made
    assert json.loads(ask("GET", f"/links?after={made[-1]}")[2]) == {"links": []}


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=-1", "limit=x", "after=nothing0"])
def test_m1_c4_a_bad_query_is_refused(query: str, ask: Ask) -> None:
    assert ask("GET", f"/links?{query}")[0] == 400
