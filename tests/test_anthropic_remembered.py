"""What an endpoint refused is remembered by the next process, told by the doctor, and mended."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.run.beginning import VERSION
from tests.command import IDEA, KEY, Running
from tests.loopback import LoopbackServer, Reply
from tests.loopback.reply import Body
from tests.world import ONE

MODEL = "claude-opus-5-5"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def orchestrate(tmp_path: Path, env: dict[str, str]) -> Run:
    """The command in a folder of its own, with one cache for all: exit code and what it said."""
    number = iter(range(99))

    def call(server: LoopbackServer, *words: str) -> tuple[int, str]:
        home = tmp_path / f"home{next(number)}"
        home.mkdir()
        given = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": server.url}
        running = Running(home, *words, env={**env, **given, "XDG_CACHE_HOME": str(tmp_path)})
        code = running.wait()
        return code, running.stdout.read_text("utf-8") + running.said

    return call


def picky(*refused: str) -> Callable[[Body], Reply]:
    """Answers what has none of the named fields."""

    def script(body: Body) -> Reply:
        sent = {*body, *body.get("output_config", {})}
        if "cache_control" in json.dumps(body):
            sent.add("cache_control")
        for name in refused:
            if name in sent:
                return Reply(status=400, message=f"{name}: Extra inputs are not permitted")
        return Reply(text=ONE)

    return script


def stored(tmp_path: Path) -> Path:
    return tmp_path / "milestone-orchestrator/endpoints.json"


def learned(said: str) -> str:
    """The doctor's line on what was learned, "" when there is none."""
    lines = [line for line in said.splitlines() if line.startswith("ok  learned ")]
    assert len(lines) <= 1
    return " ".join(lines).removeprefix("ok  learned ").strip()


def test_a_second_process_does_not_pay_for_the_same_refusals(
    tmp_path: Path, orchestrate: Run
) -> None:
    with LoopbackServer(picky("format", "effort", "cache_control")) as server:
        assert orchestrate(server, "plan", IDEA)[0] == 0
        assert server.count == 4
        code, said = orchestrate(server, "plan", IDEA)
        assert code == 0
        assert server.count == 5
        assert "refused part of a request" not in said
        host = server.url.removeprefix("http://")
        today = datetime.now(UTC).date().isoformat()
        assert learned(orchestrate(server, "doctor")[1]) == (
            f"{MODEL} at {host}: schemas refused, through a tool; effort refused; cache markers"
            f" refused; token counts not asked ({today})"
        )
        assert KEY not in stored(tmp_path).read_text("utf-8")


def test_what_is_refused_though_it_was_taken_is_learned_anew(orchestrate: Run) -> None:
    with LoopbackServer(picky()) as server:
        orchestrate(server, "plan", IDEA)
        assert "schemas taken as output_config.format" in learned(orchestrate(server, "doctor")[1])
        server.script = picky("format", "tools")
        assert orchestrate(server, "plan", IDEA)[0] == 0
        assert server.count == 4
        assert "schemas refused, in words; effort taken" in learned(
            orchestrate(server, "doctor")[1]
        )
        assert orchestrate(server, "plan", IDEA)[0] == 0
        assert server.count == 5


def test_a_refusal_of_every_way_is_not_remembered(tmp_path: Path, orchestrate: Run) -> None:
    with LoopbackServer(picky("messages")) as server:
        assert orchestrate(server, "plan", IDEA)[0] == 7
        assert learned(orchestrate(server, "doctor")[1]) == ""
    assert not stored(tmp_path).exists()


def test_a_count_that_was_refused_is_not_asked_for_again(orchestrate: Run) -> None:
    none = Reply(status=404, message="not found")
    with LoopbackServer(picky(), counting=none) as server:
        for _ in range(2):
            assert orchestrate(server, "plan", IDEA, "--max-tokens", "40000")[0] == 0
        assert (server.count, len(server.counts)) == (2, 1)
        assert "token counts refused" in learned(orchestrate(server, "doctor")[1])


@pytest.mark.parametrize("change", ["old", "version", "garbage", "folder"])
def test_what_may_no_longer_be_true_is_asked_again(
    tmp_path: Path, orchestrate: Run, change: str
) -> None:
    with LoopbackServer(picky("format")) as server:
        orchestrate(server, "plan", IDEA)
        path = stored(tmp_path)
        text = path.read_text("utf-8")
        today = datetime.now(UTC).date()
        if change == "folder":
            path.unlink()
            path.mkdir()
        else:
            changed = {
                "old": text.replace(str(today), str(today - timedelta(days=31))),
                "version": text.replace(f'"{VERSION}"', '"0.0.1"'),
                "garbage": text[:40],
            }
            assert changed[change] != text
            path.write_text(changed[change], "utf-8")
        server.script = picky()
        assert orchestrate(server, "plan", IDEA)[0] == 0
        assert server.count == 3
        said = learned(orchestrate(server, "doctor")[1])
        assert ("taken as output_config" in said) == (change != "folder")
