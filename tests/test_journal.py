"""The journal: a JSON line for each event, and what is read from it."""

import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from orchestrator import standing
from orchestrator.artifacts.exchange import Request
from orchestrator.errors import Missing
from orchestrator.events import MilestoneEnded, Planned, RunEnded, RunStarted, Warned
from orchestrator.folder import RunFolder
from orchestrator.journal import Journal
from tests.test_kill import FIRST, judged, written
from tests.world import Played, answer, play, specification


def events(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def held_first(request: Request) -> str:
    """A specification whose held check stands first, and one that is not valid."""
    good = json.loads(specification("1", "greet"))
    if request.turn == 1:
        return json.dumps({"checks": [*reversed(good["checks"])]})
    return json.dumps({"checks": [*reversed(good.pop("checks"))], **good})


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    home = tmp_path_factory.mktemp("journal")
    return play(home, os.environ, {"eval": judged, "impl": written, "spec": held_first})


def test_every_call_is_one_line_with_what_it_was_and_what_it_cost(played: Played) -> None:
    calls = [one for one in events(played.folder / "journal.jsonl") if one["event"] == "agent_call"]
    assert [
        f"{one['milestone']}/{one['agent']}/{one['attempt']}/{one['turn']}" for one in calls
    ] == played.ids
    assert len(calls) == 10
    for one in calls:
        assert (one["model"], one["by"], one["source"]) == ("scripted", "scripted", "live")
        assert one["usage"] == {
            "input": 100,
            "output": 50,
            "cache_read": 0,
            "cache_write_5m": 0,
            "cache_write_1h": 0,
        }
        assert Decimal(str(one["price"])) == Decimal("0.001")
        assert (one["duration_ms"], one["request_id"]) == (5, "r")
        for text in (str(one["input_summary"]), str(one["output_summary"])):
            assert 0 < len(text) <= 200
        when = datetime.fromisoformat(str(one["timestamp"]))
        assert when.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - when) < timedelta(hours=1)
    eval_call = next(one for one in calls if one["agent"] == "eval")
    assert str(eval_call["output_summary"]).startswith('{"scores"')


def test_no_line_and_no_report_holds_a_held_check(played: Played) -> None:
    assert "Ada" in played.told(f"{FIRST}/spec/1/2", "previous_answer")
    for name in ("journal.jsonl", "report.md", "report.html", "report.json"):
        assert "Ada" not in (played.folder / name).read_text("utf-8"), name


def test_answers_from_the_ledger_are_told_as_such(played: Played) -> None:
    before = len(events(played.folder / "journal.jsonl"))
    played.run()
    again = events(played.folder / "journal.jsonl")[before:]
    assert {one["source"] for one in again if one["event"] == "agent_call"} == {"ledger"}
    assert [one["event"] for one in again][0 :: len(again) - 1] == ["run_started", "run_ended"]


def test_a_torn_line_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"event": "warned"}\n{"event": "agent_ca', "utf-8")
    journal = Journal(path)
    journal(Warned(message="after"))
    journal.close()
    lines = path.read_text("utf-8").split("\n")
    assert lines[1] == '{"event": "agent_ca'
    assert json.loads(lines[2])["message"] == "after"
    again = Journal(path)
    again(Warned(message="last"))
    again.close()
    assert path.read_text("utf-8").split("\n")[:3] == lines[:3]
    assert json.loads(path.read_text("utf-8").split("\n")[3])["message"] == "last"


def test_what_cannot_be_written_is_missing_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.symlink_to("/dev/full")
    journal = Journal(path)
    with pytest.raises(Missing, match=r"journal\.jsonl: No space left on device"):
        journal(Warned(message="x"))
    journal.close()
    with pytest.raises(Missing, match="Is a directory"):
        Journal(tmp_path)


def test_any_text_is_one_line_that_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    text = "a\nb\r\u2028c\u0085d\x1b[2J\0\ud800é"
    journal = Journal(path)
    journal(Warned(message=text))
    journal.close()
    assert [one["message"] for one in events(path)] == [text]


def test_where_a_run_stands_is_read_from_whole_lines_whatever_is_in_them(played: Played) -> None:
    run = RunFolder(played.folder)
    assert standing.of(run).state == "complete"
    with run.journal.open("a", encoding="utf-8") as file:
        file.write("\nno JSON\n[1]\n")
    journal = Journal(run.journal)
    journal(RunStarted(run=run.name, idea="x"))
    journal(Planned(product="greeter", milestones=(FIRST, "milestone-2-shout")))
    assert standing.of(run).state == standing.OPEN
    journal(
        MilestoneEnded(
            milestone=FIRST,
            title="a\u2028b\u0085c\x0bd",
            status="failed_after_retries",
            score=200,
            reason="\u2029",
        )
    )
    journal(RunEnded(run=run.name, passed=False, report=""))
    journal.close()
    stands = standing.of(run)
    assert stands.state == "ended, not passed"
    assert [(one.id, one.status) for one in stands.milestones] == [
        (FIRST, "failed after retries"),
        ("milestone-2-shout", "not begun"),
    ]
    assert (stands.calls, stands.tokens, stands.price) == (10, 1500, "0.010")
    assert answer("").usage.input == 100
