"""M1-C3"""

import json

from tests.client import Ask


def test_m1_c3_each_redirect_is_one_hit(ask: Ask) -> None:
    code = json.loads(ask("POST", "/links", {"url": "https://example.org/x"})[2])["code"]
    for _ in range(3):
        ask("GET", f"/{code}")
    ask("GET", f"/links/{code}")
    status, _, body = ask("GET", f"/links/{code}")
    assert status == 200
    assert json.loads(body) == {"code": code, "url": "https://example.org/x", "hits": 3}
