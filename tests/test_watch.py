"""Looking at a run never disturbs it: watch, status, runs and report only read."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.ledger import RunLock
from tests.command import FORK, IDEA, Provider, Running, events_of, folder_of, report_of, run
from tests.disk import small
from tests.test_live import EVIL
from tests.test_resume import once

FIRST = "milestone-1-mvp"
LOOKS = (("status",), ("status", "--json"), ("runs",), ("report",), ("watch",), ("watch", "--json"))


def said(running: Running) -> list[str]:
    """What a watcher printed, without times and tokens."""
    return bare(running.stdout.read_text("utf-8"))


def bare(text: str) -> list[str]:
    return [re.sub(r"^\d\d:\d\d +\S+( \S+)? {2}", "", line) for line in text.splitlines()]


@pytest.mark.parametrize(
    "place", [pytest.param("run/planner", marks=pytest.mark.full), f"{FIRST}/impl"]
)
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


@pytest.mark.full
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


@pytest.mark.full
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


@pytest.mark.full
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


@pytest.mark.full
def test_after_a_kill_and_a_resume_it_shows_what_both_processes_showed(
    home: Path, env: dict[str, str]
) -> None:
    with Provider() as provider:
        running: list[Running] = []
        once(provider, f"{FIRST}/test", lambda: running[0].signal(signal.SIGKILL))
        running.append(Running(home, IDEA, env=provider.env(env)))
        assert running[0].wait() == -signal.SIGKILL
        running.append(Running(home, "resume", env=provider.env(env)))
        assert running[1].wait() == 0, running[1].said
    watched = Running(home, "watch", env=env)
    assert watched.wait() == 0
    shown = watched.stdout.read_text("utf-8").splitlines()
    resuming, *resumed = running[1].said.splitlines()
    assert resuming.startswith("resuming ")
    told = [*running[0].said.splitlines(), *resumed]
    assert "k $" in told[-1], "tokens and cost are compared, too"
    assert [line[5:] for line in shown] == [line[5:] for line in told]


def test_the_clock_is_that_of_the_process_which_wrote(ended: Path, env: dict[str, str]) -> None:
    with copied(ended) as home:
        journal = folder_of(home).journal
        began = datetime(2026, 1, 1, 23, 59, 30, tzinfo=UTC)
        events = [*events_of(home)[:2], *events_of(home)[-2:]]
        seconds = (0, 5, 65, 3605.9)
        with journal.open("w", encoding="utf-8") as file:
            for start in (began, began + timedelta(days=1)):
                for event, after in zip(events, seconds, strict=True):
                    logged = (start + timedelta(seconds=after)).isoformat().replace("+00:00", "Z")
                    file.write(json.dumps({**event, "logged": logged}) + "\n")
        watched = Running(home, "watch", env=env)
        assert watched.wait() == 0
        lines = watched.stdout.read_text("utf-8").splitlines()
    clocks = [line.split()[0] for line in lines if "run  " in line or "done" in line]
    assert clocks == ["00:00", "60:05"] * 2


def test_json_is_the_journal_in_ascii(ended: Path, env: dict[str, str]) -> None:
    with copied(ended) as home:
        warned = {"event": "warned", "logged": "2026-01-01T00:00:00Z", "message": EVIL}
        with folder_of(home).journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps(warned, ensure_ascii=False) + "\n")
        watched = Running(home, "watch", "--json", env=env)
        assert watched.wait() == 0
        out = watched.stdout.read_text("utf-8")
        assert out.isascii()
        assert [json.loads(line) for line in out.splitlines()] == events_of(home)


@contextmanager
def copied(home: Path) -> Iterator[Path]:
    """A copy that any user may read, and none but the tests' own write."""
    with tempfile.TemporaryDirectory(prefix="watched-") as name:
        top = Path(name)
        top.chmod(0o755)
        copy = top / "home"
        shutil.copytree(home, copy)
        for path in (copy, *copy.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield copy


def test_a_disk_that_nobody_may_write_is_looked_at(
    ended: Path, env: dict[str, str], tmp_path: Path
) -> None:
    with small(tmp_path / "home", 32) as home:
        shutil.copytree(ended, home, dirs_exist_ok=True)
        subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True)
        for words in LOOKS:
            looking = Running(home, *words, env=env)
            assert (looking.wait(), looking.said) == (0, "")
            assert looking.stdout.read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_another_user_who_may_read_sees_that_a_run_is_stopped(ended: Path) -> None:
    with copied(ended) as home:
        run = folder_of(home)
        lines = run.journal.read_bytes().splitlines(keepends=True)
        run.journal.write_bytes(b"".join(lines[:-1]))
        # As after a power cut: the pid is that of a process which this user may not look into.
        (run.path / "lock").write_text("1\n")
        out = home.parent / "out"
        for words in (["status"], ["watch"]):
            process = FORK.Process(target=_as_nobody, args=(str(home), words, str(out)))
            process.start()
            process.join(60)
            process.kill()
            assert process.exitcode == 0, out.read_text("utf-8")
            assert "orchestrate resume goes on" in out.read_text("utf-8")


def _as_nobody(home: str, words: list[str], out: str) -> None:
    os.chdir(home)
    main(words)  # which imports what such a user may not read
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    sys.exit(main(words))


LOOKER = """
import sys
from pathlib import Path
from orchestrator.ledger.lock import holder
print("looks", flush=True)
while True:
    holder(Path(sys.argv[1]))
"""


def test_who_looks_at_the_lock_makes_nobody_busy(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    looker = subprocess.Popen(
        [sys.executable, "-c", LOOKER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert looker.stdout is not None
    try:
        assert looker.stdout.readline() == "looks\n"
        for _ in range(2000):
            with RunLock(tmp_path, wait=0):
                pass
        assert looker.poll() is None
    finally:
        looker.kill()
        looker.wait()
        looker.stdout.close()


def test_a_run_is_looked_at_all_the_while_that_it_writes(
    home: Path,
    env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(home)
    looks = ["status", "--json"], ["runs", "--json"], ["report", "--json"], ["report"]
    not_yet = ("no run in", "has no report yet")
    with Provider() as provider:
        running = Running(home, IDEA, env=provider.env(env))
        ended = until_ended(running)
        while not ended():
            for words in looks:
                code = main(words)
                out, err = capsys.readouterr()
                if code == 2:
                    assert any(one in out + err for one in not_yet), out + err
                else:
                    assert (code, err) == (0, ""), out + err
                if out and "--json" in words:
                    json.loads(out)
    assert report_of(home).passed


def until_ended(running: Running) -> Callable[[], bool]:
    thread = threading.Thread(target=running.wait, daemon=True)
    thread.start()
    return lambda: not thread.is_alive()


@pytest.mark.full
def test_a_report_is_there_when_all_of_it_is(home: Path, env: dict[str, str]) -> None:
    with Provider() as provider:
        once(provider, "run/reporter", lambda: (folder_of(home).path / "report.json").mkdir())
        assert Running(home, IDEA, env=provider.env(env)).wait() == 3
        refused = run(home, "report", env=env)
        assert refused.returncode == 2
        assert "has no report yet" in refused.stderr
        (folder_of(home).path / "report.json").rmdir()
        assert Running(home, "resume", env=provider.env(env)).wait() == 0
        assert provider.twice == 0
    assert run(home, "report", "--json", env=env).returncode == 0
