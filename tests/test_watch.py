"""Looking at a run never disturbs it: watch, status, runs and report only read."""

import json
import os
import re
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.command import IDEA, Provider, Running, events_of, folder_of, report_of, run
from tests.test_resume import once

FIRST = "milestone-1-mvp"
LOOKS = (("status",), ("status", "--json"), ("runs",), ("report",), ("watch",), ("watch", "--json"))


def said(running: Running) -> list[str]:
    """What a watcher printed, without times and tokens."""
    return bare(running.stdout.read_text("utf-8"))


def bare(text: str) -> list[str]:
    return [re.sub(r"^\d\d:\d\d +\S+( \S+)? {2}", "", line) for line in text.splitlines()]


@pytest.mark.parametrize("place", ["run/planner", f"{FIRST}/impl"])
def test_two_watchers_see_what_the_run_shows_and_end_with_it(
    home: Path, env: dict[str, str], place: str
) -> None:
    with Provider() as provider:
        watchers: list[Running] = []

        def look() -> None:
            watchers.extend(Running(home, "watch", env=env) for _ in range(2))
            status = run(home, "status", env=env).stdout
            assert f"running (pid {running[0].pid})" in status

        running: list[Running] = []
        once(provider, place, look)
        running.append(Running(home, IDEA, env=provider.env(env)))
        assert running[0].wait() == 0
        assert [one.wait() for one in watchers] == [0, 0]
        assert provider.twice == 0
    for one in watchers:
        assert said(one) == bare(running[0].said)
        assert said(one)[-1].startswith("done   passed")


def test_a_watcher_of_a_killed_run_says_that_it_stopped_and_resume_is_not_busy(
    home: Path, env: dict[str, str]
) -> None:
    with Provider() as provider:
        running: list[Running] = []
        watchers: list[Running] = []
        began = threading.Event()

        def kill() -> None:
            watchers.append(Running(home, "watch", "--json", env=env))
            running[0].signal(signal.SIGKILL)

        once(provider, f"{FIRST}/arch", kill)
        running.append(Running(home, IDEA, env=provider.env(env)))
        assert running[0].wait() == -signal.SIGKILL
        assert watchers[0].wait() == 0
        assert "orchestrate resume goes on" in watchers[0].said
        status = run(home, "status", env=env).stdout
        assert "stopped; orchestrate resume goes on" in status

        def again() -> None:
            watchers.append(Running(home, "watch", env=env))
            began.set()

        once(provider, f"{FIRST}/arch", again)
        done = Running(home, "resume", env=provider.env(env))
        assert done.wait() == 0, done.said
        assert began.is_set()
        assert watchers[1].wait() == 0
    lines = watchers[0].stdout.read_text("utf-8").splitlines()
    whole = [json.dumps(one, sort_keys=True) for one in events_of(home)]
    assert [json.dumps(json.loads(one), sort_keys=True) for one in lines] == whole[: len(lines)]


def test_a_run_that_did_not_pass_ends_its_watcher_with_1(home: Path, env: dict[str, str]) -> None:
    with Provider() as provider:
        once(provider, f"{FIRST}/impl", lambda: run(home, "cancel", env=env))
        assert Running(home, IDEA, env=provider.env(env)).wait() == 1
    watched = Running(home, "watch", env=env)
    assert watched.wait() == 1
    assert said(watched)[-1].startswith("done   not passed")


def test_a_watcher_is_ended_by_ctrl_c(home: Path, env: dict[str, str]) -> None:
    with Provider() as provider:
        codes: list[int] = []

        def look() -> None:
            watcher = Running(home, "watch", env=env)
            until_printed(watcher)
            watcher.signal(signal.SIGINT)
            codes.append(watcher.wait())

        once(provider, f"{FIRST}/arch", look)
        assert Running(home, IDEA, env=provider.env(env)).wait() == 0
    assert codes == [130]


def until_printed(watcher: Running) -> None:
    """Returns when it has printed a line; there is no event to wait for."""
    until = time.monotonic() + 60
    while not (watcher.stdout.exists() and watcher.stdout.read_bytes()):
        assert time.monotonic() < until, watcher.said
        time.sleep(0.01)


def test_two_runs_side_by_side_in_one_folder_do_not_disturb_each_other(
    home: Path, env: dict[str, str], tmp_path: Path
) -> None:
    with Provider() as provider:
        folders = tmp_path / "a", tmp_path / "b"
        both = [Running(home, IDEA, "--into", str(one), env=provider.env(env)) for one in folders]
        assert [one.wait() for one in both] == [0, 0]
    assert report_of(home).passed
    listed = json.loads(run(home, "runs", "--json", env=env).stdout)
    assert [one["reported"] for one in listed] == [True, True]


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything below `folder`: when it was changed, its mode, its content."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mtime_ns,
            path.lstat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a complete run."""
    home = tmp_path_factory.mktemp("ended") / "home"
    home.mkdir()
    with Provider() as provider:
        assert Running(home, IDEA, env=provider.env(dict(os.environ))).wait() == 0
    return home


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_looking_changes_nothing(ended: Path, env: dict[str, str], words: tuple[str, ...]) -> None:
    before = snapshot(ended)
    done = run(ended, *words, env=env)
    assert done.returncode == 0, done.stderr
    assert snapshot(ended) == before


def test_a_journal_with_torn_and_foreign_lines_is_shown_as_far_as_it_goes(
    ended: Path, env: dict[str, str], tmp_path: Path
) -> None:
    home = tmp_path / "copy"
    shutil.copytree(ended, home)
    journal = folder_of(home).journal
    lines = journal.read_bytes().splitlines(keepends=True)
    odd = [b"\xff\xfe\n", b"[]\n", b'{"event": "unheard_of", "logged": "2026-01-01T00:00:00Z"}\n']
    journal.write_bytes(b"".join([*lines[:4], *odd, *lines[4:-1], lines[-1][:20]]))
    watched = Running(home, "watch", env=env)
    assert watched.wait() == 0
    assert "orchestrate resume goes on" in watched.said
    assert f"MERGED {FIRST}" in watched.stdout.read_text("utf-8")
