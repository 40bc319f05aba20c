"""Stopped for any reason, a run goes on when the reason is gone."""

import resource
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.command import IDEA, KEY, Provider, Running, answered, events_of, folder_of, report_of
from tests.disk import fill, small
from tests.test_cli import refused
from tests.test_kill import FIRST


def once(provider: Provider, place: str, act: Callable[[], object]) -> None:
    """Does `act` when `place` is first asked for, before the answer."""
    left = [act]

    def asked(now: str) -> None:
        if now == place and left:
            left.pop()()

    provider.on_request = asked


def stopped(running: Running) -> str:
    """What was said at the end, after the live lines: one line and a remedy."""
    return refused("".join(running.lines[-2:]))


def completed(home: Path, env: dict[str, str], *words: str) -> None:
    resumed = Running(home, "resume", *words, env=env)
    assert resumed.wait() == 0, resumed.said
    assert report_of(home).passed


@pytest.mark.full
def test_a_key_revoked_midway_stops_with_7_and_a_good_one_goes_on(
    home: Path, env: dict[str, str]
) -> None:
    with Provider() as provider:
        once(provider, f"{FIRST}/impl", lambda: setattr(provider.server, "key", "sk-another"))
        first = Running(home, IDEA, env=provider.env(env))
        assert first.wait() == 7
        said = stopped(first)
        assert "127.0.0.1" in said
        assert "401" in said
        assert "check ANTHROPIC_API_KEY, then: orchestrate resume" in said
        assert KEY not in first.said
        assert Running(home, "resume", env=provider.env(env)).wait() == 7
        provider.server.key = KEY
        completed(home, provider.env(env))
        assert provider.asked.count(f"{FIRST}/impl") == 3
        assert provider.twice == 2
    assert report_of(home).possibly_billed_twice == 0, "a refused call is not billed"


@pytest.mark.full
def test_what_cannot_be_written_stops_with_3_and_is_asked_again(
    home: Path, env: dict[str, str]
) -> None:
    with Provider() as provider:
        running: list[Running] = []

        def full() -> None:
            resource.prlimit(running[0].pid, resource.RLIMIT_FSIZE, (0, 0))

        once(provider, f"{FIRST}/arch", full)
        running.append(Running(home, IDEA, env=provider.env(env)))
        assert running[0].wait() == 3
        assert f"answer {FIRST}/arch/1/1 cannot be written to " in stopped(running[0])
        completed(home, provider.env(env))
        assert provider.twice == 1
    assert report_of(home).possibly_billed_twice == 1


@pytest.fixture
def disk(home: Path) -> Iterator[Path]:
    """A disk of 8 MiB for the run's folder."""
    with small(home / ".orchestrate", 8) as folder:
        yield folder


def test_a_full_disk_loses_no_answer_and_asks_nothing_until_there_is_room(
    home: Path, env: dict[str, str], disk: Path
) -> None:
    with Provider() as provider:
        once(provider, f"{FIRST}/arch", lambda: fill(disk))
        first = Running(home, IDEA, env=provider.env(env))
        assert first.wait() == 3
        said = stopped(first)
        assert "is full; answer milestone-1-mvp/arch/1/1 was still recorded" in said
        assert answered(home)[f"{FIRST}/arch"] == 1
        fill(disk)
        asked = len(provider.asked)
        still = Running(home, "resume", env=provider.env(env))
        assert still.wait() == 3
        stopped(still)
        assert len(provider.asked) == asked
        (disk / "filler").unlink()
        completed(home, provider.env(env))
        assert provider.twice == 0
    assert report_of(home).possibly_billed_twice == 0


@pytest.mark.full
def test_changed_prompts_stop_with_3_until_re_ask_and_the_old_answer_is_kept(
    home: Path, env: dict[str, str]
) -> None:
    with Provider() as provider:
        once(provider, f"{FIRST}/impl", lambda: setattr(provider.server, "key", "sk-another"))
        assert Running(home, IDEA, env=provider.env(env)).wait() == 7
        provider.server.key = KEY
        prompts = folder_of(home).prompts
        for name in ("spec.md.j2", "arch.md.j2"):
            with (prompts / name).open("a", encoding="utf-8") as file:
                file.write("\nBe brief.\n")
        asked = len(provider.asked)
        changed = Running(home, "resume", env=provider.env(env))
        assert changed.wait() == 3
        said = stopped(changed)
        assert f"request {FIRST}/spec/1/1 is not the one that was answered: digest " in said
        assert "the run began with version 0.1.0, this is 0.1.0" in said
        assert "orchestrate resume --re-ask pays for it (then $0." in said
        assert len(provider.asked) == asked
        completed(home, provider.env(env), "--re-ask")
        assert provider.asked.count(f"{FIRST}/spec") == 2
        assert provider.asked.count("run/planner") == 1
    assert answered(home)[f"{FIRST}/spec"] == 2
    assert answered(home)[f"{FIRST}/arch"] == 2
    live = [one["request_id"] for one in events_of(home) if one.get("source") == "live"]
    assert len(live) == len(set(map(str, live))) == sum(answered(home).values())


def interrupted(provider: Provider, home: Path, env: dict[str, str], *numbers: int) -> Running:
    """A run that gets `numbers` while its Arch is asked, each after it has told of the one before,
    and its answer after it told of the only one or ended; to its end.
    """
    warned, ended = threading.Event(), threading.Event()
    running: list[Running] = []

    def strike() -> None:
        running[0].signal(numbers[0])
        assert warned.wait(60)
        for number in numbers[1:]:
            running[0].signal(number)
            assert ended.wait(60)

    def heard(line: str) -> None:
        if "once more stops now" in line:
            warned.set()

    once(provider, f"{FIRST}/arch", strike)
    running.append(Running(home, IDEA, env=provider.env(env), on_line=heard))
    assert running[0].wait() == 130
    ended.set()
    assert "orchestrate resume" in stopped(running[0])
    return running[0]


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full)]
)
def test_interrupted_once_it_finishes_and_records_the_call_in_flight(
    home: Path, env: dict[str, str], number: int
) -> None:
    with Provider() as provider:
        interrupted(provider, home, env, number)
        assert provider.asked[-1] == f"{FIRST}/arch"
        assert answered(home)[f"{FIRST}/arch"] == 1
        completed(home, provider.env(env))
        assert provider.twice == 0
    assert report_of(home).possibly_billed_twice == 0


@pytest.mark.full
def test_interrupted_twice_it_stops_now_and_goes_on_later(home: Path, env: dict[str, str]) -> None:
    with Provider() as provider:
        interrupted(provider, home, env, signal.SIGINT, signal.SIGINT)
        assert answered(home)[f"{FIRST}/arch"] == 0
        completed(home, provider.env(env))
        assert provider.twice == 1
    assert report_of(home).possibly_billed_twice == 1


def test_a_second_process_on_the_same_run_exits_with_6_and_names_the_first(
    home: Path, env: dict[str, str]
) -> None:
    with Provider() as provider:
        held, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            held.set()
            assert go_on.wait(60)

        once(provider, f"{FIRST}/spec", hold)
        first = Running(home, IDEA, env=provider.env(env))
        assert held.wait(60)
        second = Running(home, "resume", "--quiet", env=provider.env(env))
        assert second.wait() == 6
        assert f"process {first.pid} advances {folder_of(home).path}" in refused(second.said)
        go_on.set()
        assert first.wait() == 0, first.said
        assert provider.twice == 0
