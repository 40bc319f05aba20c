from datetime import UTC, datetime
from pathlib import Path

import pytest

from logdigest.cli import MAX_LINE, main
from logdigest.digest import OTHER, Digest
from logdigest.entry import MAX_MILLISECONDS, Entry, parse_entry
from logdigest.split import MAX_HOSTS, Splitter
from tests.logs import line


def test_a_line_is_read() -> None:
    entry = parse_entry(line("/cart?x=1", 404, 35).rstrip())
    assert entry == Entry("shop.example", datetime(2026, 3, 1, 12, tzinfo=UTC), "/cart", 404, 35)


def test_more_than_an_hour_is_an_hour() -> None:
    entry = parse_entry(line(milliseconds=999_999_999).rstrip())
    assert entry is not None
    assert entry.milliseconds == MAX_MILLISECONDS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing of the kind",
        line(time="2026-03-01T12:00:00").rstrip(),
        line(time="yesterday").rstrip(),
        line(status=700).rstrip(),
        line().rstrip() + " more",
    ],
)
def test_other_lines_are_none(text: str) -> None:
    assert parse_entry(text) is None


def test_paths_beyond_the_limit_are_counted_together() -> None:
    digest = Digest(max_paths=2)
    for path in ("/a", "/b", "/c", "/d", "/a"):
        digest.add(Entry("h", datetime(2026, 1, 1, tzinfo=UTC), path, 200, 1))
    assert digest.top(9) == [(OTHER, 2), ("/a", 2), ("/b", 1)]


def test_only_so_many_hosts_are_split(tmp_path: Path) -> None:
    with Splitter(tmp_path / "new" / "hosts") as splitter:
        for number in range(MAX_HOSTS + 5):
            splitter.write(f"h{number}", "x")
    assert len(list((tmp_path / "new" / "hosts").iterdir())) == MAX_HOSTS


def test_a_line_without_an_end_is_skipped_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "a.log"
    log.write_text("x" * (3 * MAX_LINE) + "\n" + line(), "utf-8")
    assert main([str(log)]) == 0
    assert [row.split()[0] for row in capsys.readouterr().out.splitlines()[:2]] == ["1", "1"]


def test_a_digest_is_shown_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "a.log"
    log.write_text(line("/a", 200, 5) + line("/\x1b[31m", 503, 5) + "?\n", "utf-8")
    assert main([str(log)]) == 0
    rows = [row.split() for row in capsys.readouterr().out.splitlines() if row]
    assert rows == [
        ["2", "requests"],
        ["1", "skipped"],
        ["status"],
        ["1", "2xx"],
        ["1", "5xx"],
        ["milliseconds"],
        ["5", "p50"],
        ["5", "p95"],
        ["5", "p99"],
        ["paths"],
        ["1", "/\\x1b[31m"],
        ["1", "/a"],
    ]
