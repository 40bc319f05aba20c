"""M1-C5"""

from pathlib import Path

import pytest

from tests.logs import Summed, line


def test_m1_c5_since_is_included_and_until_is_not(summed: Summed) -> None:
    lines = [line(f"/{hour}", time=f"2026-03-01T{hour}:00:00+00:00") for hour in (10, 11, 12, 13)]
    shown = summed(
        lines, "--since", "2026-03-01T11:00:00+00:00", "--until", "2026-03-01T13:00:00+00:00"
    )
    assert [row["path"] for row in shown["top"]] == ["/11", "/12"]


def test_m1_c5_a_moment_has_an_offset(summed: Summed) -> None:
    with pytest.raises(SystemExit, match="2"):
        summed([], "--since", "2026-03-01T11:00:00")


def test_m1_c5_each_host_has_its_file(summed: Summed, tmp_path: Path) -> None:
    lines = [
        line("/1", host="a.example"),
        line("/2", host="B.example"),
        line("/3", host="a.example"),
    ]
    summed(lines, "--split", str(tmp_path / "hosts"))
    assert (tmp_path / "hosts" / "a.example.log").read_text("utf-8") == lines[0] + lines[2]
    assert (tmp_path / "hosts" / "b.example.log").read_text("utf-8") == lines[1]
