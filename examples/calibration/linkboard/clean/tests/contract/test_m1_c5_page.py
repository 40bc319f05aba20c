"""M1-C5"""

from linkboard.links import Board
from tests.client import Ask


def test_m1_c5_the_newest_links_come_first(ask: Ask, board: Board) -> None:
    for number in range(22):
        board.add(f"http://a/{number}")
    status, headers, body = ask("GET", "/")
    text = body.decode()
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert text.count("<li>") == 20
    assert text.index("http://a/21<") < text.index("http://a/20<")
    assert "http://a/1<" not in text
