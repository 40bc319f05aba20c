"""M1-C3"""

from tests.logs import Summed, line


def test_m1_c3_percentiles_are_values_that_were_measured(summed: Summed) -> None:
    times = [10] * 60 + [20] * 36 + [900] * 4
    lines = [line(milliseconds=time) for time in reversed(times)]
    assert summed(lines)["milliseconds"] == {"p50": 10, "p95": 20, "p99": 900}


def test_m1_c3_one_request_is_every_percentile(summed: Summed) -> None:
    assert summed([line(milliseconds=7)])["milliseconds"] == {"p50": 7, "p95": 7, "p99": 7}
