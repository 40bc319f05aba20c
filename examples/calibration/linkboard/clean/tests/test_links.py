from contextlib import closing
from pathlib import Path

import pytest

from linkboard.links import MAX_URL, Board, NotAllowed, check_url


@pytest.mark.parametrize(
    "url",
    ["http://a", "https://example.org/x?y=1#z", "http://[::1]:8080/", "https://xn--nda.example/"],
)
def test_allowed_urls(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "http://",
        "http://[",
        "javascript:alert(1)",
        "ftp://a",
        "http://a b",
        "https://ö.example/",
        "http://a\r\nX: 1",
        "http://" + "a" * MAX_URL,
    ],
)
def test_urls_that_are_not_allowed(url: str) -> None:
    with pytest.raises(NotAllowed):
        check_url(url)


def test_codes_differ_and_are_8_letters_and_digits(board: Board) -> None:
    codes = {board.add("http://a").code for _ in range(20)}
    assert len(codes) == 20
    assert all(len(code) == 8 and code.isalnum() for code in codes)


def test_a_board_is_kept_in_its_file(tmp_path: Path) -> None:
    with closing(Board(tmp_path / "kept.db")) as first:
        link = first.add("http://a")
        first.follow(link.code)
    with closing(Board(tmp_path / "kept.db")) as second:
        found = second.find(link.code)
    assert found is not None
    assert (found.url, found.hits) == ("http://a", 1)


def test_an_unknown_code_is_not_found_and_not_followed(board: Board) -> None:
    assert board.find("nothing0") is None
    assert board.follow("nothing0") is None
    with pytest.raises(KeyError):
        board.after("nothing0", 5)
