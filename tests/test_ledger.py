"""The ledger: what is written stays, what is torn is named, and reading leaves no trace."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.artifacts.exchange import UNMEASURED, Answer, Request
from orchestrator.artifacts.verdict import TestReport, Verdict
from orchestrator.errors import Busy, Missing
from orchestrator.ledger import FileLedger, RunLock, Unrecorded
from tests.disk import fill, small

VERDICT = Verdict(
    outcome="pass",
    reasons=(),
    tests=TestReport(
        total=1,
        passed=1,
        failed=0,
        errors=0,
        skipped=0,
        coverage=90,
        tests=("tests/test_a.py::test_x",),
        failures=(),
    ),
    checks=(),
    criteria=(),
    strength=(),
    lint=(),
    sandbox="process",
)


def request(*, scope: str = "m-1", attempt: int = 1, turn: int = 1, ask: str = "b") -> Request:
    return Request(
        scope=scope,
        agent="impl",
        attempt=attempt,
        turn=turn,
        system="s",
        blocks=(ask,),
        output_schema="",
        model="m",
        effort="low",
        max_tokens=1,
    )


def answer(text: str = "done", at: str = "2026-01-01T00:00:00Z") -> Answer:
    return Answer(
        text=text,
        stop="end",
        stop_detail="",
        model="m",
        usage=UNMEASURED,
        price="0.10",
        duration_ms=1,
        at=at,
        request_id="r",
        by="scripted",
    )


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_an_answer_is_found_again_by_id_and_digest(tmp_path: Path) -> None:
    FileLedger(tmp_path).record(request(), answer())
    ledger = FileLedger(tmp_path)
    assert ledger.answer(request()) == answer()
    assert ledger.answer(request(ask="else")) is None
    assert ledger.answer(request(turn=2)) is None
    name = f"answers/m-1/impl-1-1@{request().digest[:16]}.json"
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_the_model_that_answers_is_no_part_of_the_question(tmp_path: Path) -> None:
    FileLedger(tmp_path).record(request(), answer())
    asked = request().model_copy(update={"model": "another", "max_tokens": 9})
    assert FileLedger(tmp_path).answer(asked) == answer()


def test_a_changed_question_finds_the_digest_of_the_old_one(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path)
    old, new = request(ask="old"), request(ask="new")
    assert ledger.other(new) == ""
    ledger.record(old, answer())
    assert ledger.other(new) == old.digest
    ledger.record(new, answer("again", "2026-01-02T00:00:00Z"))
    assert ledger.other(new) == ""
    assert ledger.other(request(ask="newest")) == new.digest
    assert ledger.answer(old) == answer()


def test_a_second_answer_to_one_question_is_a_bug(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path)
    ledger.record(request(), answer())
    ledger.record(request(), answer())
    with pytest.raises(ValueError, match="m-1/impl/1/1"):
        ledger.record(request(), answer("else"))
    assert ledger.answer(request()) == answer()


def test_answers_come_in_the_order_of_their_turns(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path)
    for scope, turn in (("run", 1), ("m-10", 1), ("m-2", 10), ("m-2", 2)):
        ledger.record(request(scope=scope, turn=turn), answer())
    ids = [one.id for one in ledger.answers()]
    assert ids == ["m-2/impl/1/2", "m-2/impl/1/10", "m-10/impl/1/1", "run/impl/1/1"]


def test_calls_without_an_answer_are_counted(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path)
    for _ in range(3):
        ledger.intend(request())
    ledger.intend(request(turn=2))
    ledger.intend(request(scope="m-2"))
    assert ledger.unanswered() == 5
    ledger.record(request(), answer())
    ledger.record(request(turn=2), answer())
    assert FileLedger(tmp_path).unanswered() == 3


def test_an_answer_that_nobody_called_for_here_is_not_counted(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path)
    ledger.record(request(), answer())
    assert ledger.unanswered() == 0


def test_the_first_verdict_under_a_key_stays(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path)
    assert ledger.verdict("abc") is None
    ledger.record_verdict("abc", VERDICT)
    ledger.record_verdict("abc", VERDICT.model_copy(update={"outcome": "fail"}))
    assert FileLedger(tmp_path).verdict("abc") == VERDICT
    assert ledger.verdict("abd") is None


def test_a_decision_is_made_once(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path)
    place = "milestone-1-mvp/lock/0f"
    assert ledger.decision(place) is None
    ledger.decide(place, '{"a": "é\ud800"}')
    ledger.decide(place, '{"a": "é\ud800"}')
    with pytest.raises(ValueError, match="was decided"):
        ledger.decide(place, "else")
    assert FileLedger(tmp_path).decision(place) == '{"a": "é\ud800"}'
    assert ledger.decision("milestone-1-mvp/lock") is None


def test_reading_creates_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    ledger = FileLedger(folder)
    ledger.clean()
    assert (ledger.answer(request()), ledger.other(request())) == (None, "")
    assert (ledger.verdict("k"), ledger.decision("d/e")) == (None, None)
    assert (ledger.answers(), ledger.unanswered()) == ((), 0)
    assert files(tmp_path) == []


@pytest.mark.parametrize("scope", ["..", "a/b", "", ".hidden", "a\nb", "ü", "/abs", "a b"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, scope: str) -> None:
    ledger = FileLedger(tmp_path / "ledger")
    for write in (
        lambda: ledger.record(request(scope=scope), answer()),
        lambda: ledger.intend(request(scope=scope)),
        lambda: ledger.record_verdict(scope, VERDICT),
        lambda: ledger.decide(f"x/{scope}/../y", "v"),
    ):
        with pytest.raises(ValueError, match="cannot name a record"):
            write()
    assert files(tmp_path) == []


def test_a_killed_writers_file_is_ignored_and_cleaned(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path)
    ledger.record(request(), answer())
    ledger.intend(request())
    torn = tmp_path / "answers" / "m-1" / ".tmp-x"
    torn.write_text('{"id": "m-1/im')
    (tmp_path / "intents" / "m-1" / ".tmp-y").write_text("")
    assert len(ledger.answers()) == 1
    assert ledger.unanswered() == 0
    ledger.clean()
    assert not torn.exists()
    assert ledger.answer(request()) == answer()


@pytest.mark.parametrize("content", [b"", b'{"id": "m-1/im', b"{}", b"\xff\xfe", b"[1]"])
def test_a_torn_record_is_named(tmp_path: Path, content: bytes) -> None:
    ledger = FileLedger(tmp_path)
    ledger.record(request(), answer())
    path = next((tmp_path / "answers" / "m-1").iterdir())
    path.write_bytes(content)
    for read in (lambda: ledger.answer(request()), ledger.answers):
        with pytest.raises(Missing) as caught:
            read()
        assert str(path) in caught.value.message


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=30))
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    ledger = FileLedger(tmp_path_factory.mktemp("ledger"))
    ledger.record(request(), answer(text))
    found = ledger.answer(request())
    assert found is not None
    assert found.text == text


def test_a_folder_that_cannot_be_written_is_named_with_the_lost_answer(tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("in the way")
    with pytest.raises(Unrecorded) as caught:
        FileLedger(tmp_path).record(request(), answer("dear"))
    assert caught.value.exit_code == 3
    assert "m-1/impl/1/1" in caught.value.message
    assert str(tmp_path) in caught.value.message
    assert caught.value.recorded.answer == answer("dear")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MiB."""
    with small(tmp_path / "disk", 6) as folder:
        yield folder


def test_a_paid_answer_is_recorded_on_a_full_disk_and_the_run_stops(small_disk: Path) -> None:
    ledger = FileLedger(small_disk / "ledger")
    ledger.intend(request())
    filler = fill(small_disk)
    with pytest.raises(Missing, match="was still recorded") as caught:
        ledger.record(request(), answer("dear" * 10_000))
    assert not isinstance(caught.value, Unrecorded)
    assert ledger.answer(request()) == answer("dear" * 10_000)
    fill(small_disk / "ledger")
    with pytest.raises(Missing, match="No space left"):
        ledger.intend(request(turn=2))
    assert ledger.unanswered() == 0
    filler.unlink()
    (small_disk / "ledger" / "filler").unlink()
    ledger.intend(request(turn=2))
    assert ledger.unanswered() == 1


def test_an_answer_too_large_for_the_reserve_is_handed_back(small_disk: Path) -> None:
    ledger = FileLedger(small_disk / "ledger")
    ledger.intend(request())
    fill(small_disk)
    dear = answer("x" * (5 * 1024 * 1024))
    with pytest.raises(Unrecorded, match="No space left") as caught:
        ledger.record(request(), dear)
    assert caught.value.recorded.answer == dear
    assert ledger.answer(request()) is None
    assert not [name for name in files(small_disk) if ".tmp-" in name]


def test_a_verdict_or_decision_on_a_full_disk_stops_the_run(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk."""
    ledger = FileLedger(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(Missing, match="nothing paid for is lost"):
            ledger.decide("a", "x" * 200)
        with pytest.raises(Missing, match="verdicts/abc"):
            ledger.record_verdict("abc", VERDICT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert ledger.decision("a") is None
    assert not [name for name in files(tmp_path) if name.endswith(".json") or ".tmp" in name]


HOLDER = """
import subprocess, sys
from pathlib import Path
from orchestrator.ledger import RunLock
with RunLock(Path(sys.argv[1])) as lock:
    if sys.argv[2] == "child":
        subprocess.Popen(["cat"], pass_fds=(lock.fileno(),))
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path, how: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.read()
    process.stdout.close()
    process.wait()


def test_a_second_process_is_told_who_holds_the_run(tmp_path: Path) -> None:
    process = holder(tmp_path, "alone")
    with (
        pytest.raises(Busy, match=f"process {process.pid} advances") as caught,
        RunLock(tmp_path, wait=0.1),
    ):
        pass
    assert caught.value.exit_code == 6
    let_go(process)
    with RunLock(tmp_path, wait=0) as lock:
        assert lock.fileno() > 2
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    assert lock.fileno() == -1


def test_a_killed_process_holds_the_run_through_its_child(tmp_path: Path) -> None:
    process = holder(tmp_path, "child")
    process.kill()
    process.wait()
    with (
        pytest.raises(Busy, match=f"process {process.pid} no longer runs"),
        RunLock(tmp_path, wait=0.1),
    ):
        pass
    let_go(process)
    with RunLock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_lock_waits_for_the_last_process_to_finish(tmp_path: Path) -> None:
    process = holder(tmp_path, "alone")
    assert process.stdin is not None
    process.stdin.close()
    with RunLock(tmp_path, wait=30):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    let_go(process)


def test_a_run_that_is_not_there_cannot_be_locked(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="nowhere/lock"), RunLock(tmp_path / "nowhere"):
        pass


WRITER = """
import sys
from pathlib import Path
from tests.test_ledger import answer, request
from orchestrator.ledger import FileLedger
ledger = FileLedger(Path(sys.argv[1]))
for turn in range(10_000):
    ledger.intend(request(turn=turn))
    ledger.record(request(turn=turn), answer("x" * 20_000))
    print(turn, flush=True)
"""


@pytest.mark.parametrize("count", [1, 7, 20])
def test_what_was_recorded_survives_a_kill(tmp_path: Path, count: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    assert process.stdout is not None
    for _ in range(count):
        process.stdout.readline()
    process.kill()
    said = count + len(process.stdout.read().splitlines())
    process.stdout.close()
    process.wait()
    ledger = FileLedger(tmp_path)
    ledger.clean()
    assert said <= len(ledger.answers()) <= said + 1
    assert ledger.unanswered() in (0, 1)
    assert all(one.answer == answer("x" * 20_000) for one in ledger.answers())
