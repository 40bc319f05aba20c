"""M1-C5"""

import pytest

from tests.desk import Desk


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", 400),
        ([], 400),
        ({"title": "a"}, 400),
        ({"title": "a", "text": "b", "owner": "c"}, 400),
        ({"title": "a", "text": 1}, 400),
        (b'{"title": "\\ud800", "text": ""}', 400),
        ({"title": "", "text": "b"}, 422),
        ({"title": "a" * 300, "text": "b"}, 422),
        ({"title": "a", "text": "b" * 20_001}, 422),
    ],
)
def test_m1_c5_bad_notes_are_refused(body: object, expected: int, desk: Desk) -> None:
    token = desk.user("anna")
    assert desk.ask("POST", "/notes", token, body)[0] == expected
    assert desk.ask("GET", "/notes", token)[1] == {"notes": []}


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ab", "long enough 1"),
        ("a b c", "long enough 1"),
        ("anna", "too short"),
        ("anna", "x" * 201),
    ],
)
def test_m1_c5_bad_users_are_refused(name: str, password: str, desk: Desk) -> None:
    assert desk.ask("POST", "/users", "", {"name": name, "password": password})[0] == 422
