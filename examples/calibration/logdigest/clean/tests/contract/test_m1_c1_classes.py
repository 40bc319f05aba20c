"""M1-C1"""

from tests.logs import Summed, line


def test_m1_c1_requests_are_counted_by_class(summed: Summed) -> None:
    shown = summed([line(status=200), line(status=204), line(status=404), line(status=503)])
    assert shown["requests"] == 4
    assert shown["classes"] == {"2xx": 2, "4xx": 1, "5xx": 1}


def test_m1_c1_other_lines_are_skipped(summed: Summed) -> None:
    shown = summed(["\n", "junk\n", line(), "\x00\x01\n"])
    assert (shown["requests"], shown["skipped"], shown["classes"]) == (1, 3, {"2xx": 1})


def test_m1_c1_an_empty_log_has_nothing(summed: Summed) -> None:
    assert summed([]) == {"requests": 0, "skipped": 0, "classes": {}, "milliseconds": {}, "top": []}
