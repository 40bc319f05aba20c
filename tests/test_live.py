"""A run on the terminal: what is shown, and that nothing in it can drive the terminal."""

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.artifacts.exchange import UNMEASURED, Usage
from orchestrator.events import (
    AgentCall,
    Event,
    MilestoneEnded,
    Planned,
    Rerouted,
    RunEnded,
    RunStarted,
    StageEnded,
    StageStarted,
    Waiting,
    Warned,
)
from orchestrator.live import Live
from tests.command import IDEA, Provider, Running
from tests.test_cli import CONTROL
from tests.test_kill import FIRST
from tests.world import ONE, greeter

EVIL = "\x1b[2J\x1b]0;owned\x07\r\nMERGED all\u2028\x9b31m\u202e[bold]x[/bold]\0"
HOSTILE = re.compile(r"\x1b\[2J|\x1b\]0;|\x07|\r|\x9b|\u202e|\0")


def call(usage: Usage, price: str) -> AgentCall:
    return AgentCall(
        agent="impl",
        milestone=FIRST,
        attempt=1,
        turn=1,
        model="m",
        source="live",
        input_summary=EVIL,
        output_summary=EVIL,
        usage=usage,
        price=price,
        duration_ms=1,
        timestamp="",
        request_id="",
        by="anthropic",
    )


COUNTED = Usage(input=1000, output=500, cache_read=2000, cache_write_5m=400, cache_write_1h=100)
EVENTS: tuple[Event, ...] = (
    RunStarted(run="20260101-a", idea=EVIL),
    Planned(product=EVIL, milestones=(FIRST, EVIL)),
    StageStarted(milestone=FIRST, attempt=1, stage="impl"),
    StageStarted(milestone=EVIL, attempt=1, stage="spec"),
    call(COUNTED, "0.125"),
    StageEnded(milestone=FIRST, attempt=1, stage="impl", result=f"2 files: {EVIL}", ok=True),
    StageEnded(milestone=EVIL, attempt=1, stage="spec", result="it is red", ok=False),
    Rerouted(milestone=FIRST, attempt=2, stage="impl", reason=EVIL),
    Waiting(seconds=12.4, reason=EVIL),
    Warned(message=EVIL),
    call(COUNTED, ""),
    call(UNMEASURED, ""),
    MilestoneEnded(milestone=FIRST, title=EVIL, status="complete", score=400, reason=""),
    MilestoneEnded(milestone=EVIL, title="", status="blocked", score=0, reason=EVIL),
    RunEnded(run="20260101-a", passed=False, report="/home/x/report.md"),
)


def shown(*, terminal: bool) -> str:
    file = io.StringIO()
    live = Live(Console(file=file, force_terminal=terminal, width=80))
    for event in EVENTS:
        live(event)
    live.close()
    return file.getvalue()


def test_a_pipe_gets_one_plain_line_for_each_event_with_cost() -> None:
    text = shown(terminal=False)
    assert not CONTROL.search(text.replace("\n", ""))
    assert not HOSTILE.search(text)
    lines = text.splitlines()
    said = [re.sub(r"^\d\d:\d\d +(-|\d+\.\dk \$[\d.?]+)  ", "", line) for line in lines]
    assert [line.split()[0] for line in said] == [
        *("run", "plan", "ok", "red", "back", "wait", "warn", "MERGED", "FAILED", "done"),
    ]
    assert "4.0k $0.12" in lines[2]
    assert "8.0k $?" in lines[-1]
    assert "12 s" in said[5]
    assert said[-1] == "done   not passed  /home/x/report.md"
    assert "[bold]x[/bold]" in said[4], "text is not markup"


def test_a_terminal_is_driven_by_nothing_that_agents_wrote() -> None:
    text = shown(terminal=True)
    assert "\x1b[" in text, "it is a terminal: there is colour"
    cleared = re.sub(r"\r\x1b\[\d?K?|\r|\x1b\[\d?[AK]", "", text)  # how rich redraws a line
    assert not re.search(r"\x1b\[2J|\x1b\]0;|\x07|\x9b|\u202e|\0", cleared)


@pytest.mark.full
def test_hostile_titles_pass_through_a_whole_run(home: Path, env: dict[str, str]) -> None:
    plan = json.loads(ONE)
    plan["milestones"][0]["title"] = EVIL
    plan["summary"] = EVIL
    with Provider(greeter({"planner": json.dumps(plan)})) as provider:
        running = Running(home, IDEA, env={**provider.env(env), "FORCE_COLOR": "1"})
        assert running.wait() == 0, running.said
    out = running.stdout.read_text("utf-8")
    for text in (running.said, out):
        assert not CONTROL.search(text.replace("\n", ""))
        assert "\u2028" not in text
        assert "\u202e" not in text
    status = Running(home, "status", env=env)
    assert status.wait() == 0
    assert f"{FIRST:<32} complete" in status.stdout.read_text("utf-8")


@pytest.mark.parametrize("width", [20, 200])
def test_a_narrow_pipe_breaks_no_line(width: int) -> None:
    file = io.StringIO()
    live = Live(Console(file=file, force_terminal=False, width=width))
    live(Warned(message="w" * 300))
    assert len(file.getvalue().splitlines()) == 1
