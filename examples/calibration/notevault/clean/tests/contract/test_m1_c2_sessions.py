"""M1-C2"""

import pytest

from tests.desk import Desk


@pytest.mark.parametrize("token", ["", "made-up"])
def test_m1_c2_a_token_is_needed(token: str, desk: Desk) -> None:
    for method, target in (
        ("GET", "/notes"),
        ("POST", "/notes"),
        ("GET", "/notes/1"),
        ("PUT", "/notes/1"),
        ("DELETE", "/notes/1"),
        ("POST", "/notes/1/share"),
        ("DELETE", "/sessions"),
    ):
        assert desk.ask(method, target, token, {"title": "a", "text": "b"})[0] == 401


def test_m1_c2_a_session_ends_when_told(desk: Desk) -> None:
    token, other = desk.user("anna"), desk.user("bert")
    assert desk.ask("DELETE", "/sessions", token) == (204, None)
    assert desk.ask("GET", "/notes", token)[0] == 401
    assert desk.ask("GET", "/notes", other)[0] == 200


def test_m1_c2_a_session_ends_after_12_hours(desk: Desk) -> None:
    token = desk.user("anna")
    desk.now += 12 * 3600 - 1
    assert desk.ask("GET", "/notes", token)[0] == 200
    desk.now += 1
    assert desk.ask("GET", "/notes", token)[0] == 401
