"""M1-C1"""

import json

import pytest

from tests.client import Ask


def test_m1_c1_a_link_is_made(ask: Ask) -> None:
    status, headers, body = ask("POST", "/links", {"url": "https://example.org/"})
    assert status == 201
    assert headers["Content-Type"] == "application/json"
    made = json.loads(body)
    assert made == {"code": made["code"], "url": "https://example.org/", "hits": 0}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"url": "ftp://example.org/"}, 422),
        ({"url": "https://"}, 422),
        ({"url": 7}, 400),
        ({"url": "http://a", "code": "mine"}, 400),
        ([], 400),
        (b"{", 400),
        (b"[" * 4000, 400),
        (b"x" * 4097, 413),
    ],
)
def test_m1_c1_other_bodies_are_refused(body: object, expected: int, ask: Ask) -> None:
    status, _, answer = ask("POST", "/links", body)
    assert status == expected
    assert list(json.loads(answer)) == ["error"]
