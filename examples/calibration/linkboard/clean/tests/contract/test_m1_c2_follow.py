"""M1-C2"""

import json

from tests.client import Ask


def test_m1_c2_a_code_leads_to_its_url(ask: Ask) -> None:
    made = json.loads(ask("POST", "/links", {"url": "https://example.org/x"})[2])
    status, headers, _ = ask("GET", f"/{made['code']}")
    assert status == 302
    assert headers["Location"] == "https://example.org/x"


def test_m1_c2_an_unknown_code_is_not_found(ask: Ask) -> None:
    for path in ("/nothing0", "/links/nothing0", "/a/b/c"):
        assert ask("GET", path)[0] == 404
