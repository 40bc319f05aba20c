"""M1-C2"""

import pytest

from tests.logs import Summed, line


def test_m1_c2_the_most_requested_come_first(summed: Summed) -> None:
    lines = [line("/b"), line("/c?x=1"), line("/c?x=2"), line("/a"), line("/d")]
    assert summed(lines, "--top", "3")["top"] == [
        {"path": "/c", "requests": 2},
        {"path": "/a", "requests": 1},
        {"path": "/b", "requests": 1},
    ]


@pytest.mark.parametrize("number", ["0", "1001", "x"])
def test_m1_c2_top_has_bounds(number: str, summed: Summed) -> None:
    with pytest.raises(SystemExit, match="2"):
        summed([], "--top", number)
