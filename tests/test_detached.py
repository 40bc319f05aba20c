"""Long verification in host mode: begun once in a process of its own, whoever is killed meanwhile.

The product's suite waits at a gate that the test holds, and names the process that runs it. For
that it must reach out of its sandbox, which is therefore none.
"""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.artifacts.exchange import Request
from orchestrator.artifacts.tree import Tree
from orchestrator.cli import main
from orchestrator.jobs.job import Assignment, Job, Record, Result, every
from orchestrator.ledger.lock import holder
from orchestrator.settings import Limits
from orchestrator.verify import Subject
from tests.command import IDEA, ONE, PROGRAM, Running, events_of, folder_of
from tests.killing.victim import Aim, Victim
from tests.test_host import FIRST, SECOND, TWO, Agent, Line, two
from tests.world import file, greeter, suite

EVAL = f"{FIRST}/eval/1/1"
GATED = '''"""Waits at the gate."""

import fcntl
import os


def test_m1_c1_waits():
    with open({log!r}, "a") as file:
        file.write(f"{{os.getppid()}}\\n")
    with open({gate!r}) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
    assert os.path.exists({gate!r})
'''


def until(holds: Callable[[], object]) -> None:
    """Returns when `holds()` does; for what there is no event."""
    ends = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.005)


def freed(job: Job) -> None:
    """Returns when the job's process has ended."""
    with (job.folder / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


class Gate:
    """What the suite of the first milestone waits at, until it is opened."""

    def __init__(self, place: Path) -> None:
        self.log = place / "suites"
        self._path = place / "gate"
        self._path.touch()
        self._held = os.open(self._path, os.O_RDWR)
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def suite(self, request: Request) -> str:
        number, word = ("1", "greet") if request.scope == FIRST else ("2", "shout")
        gated = GATED.format(log=str(self.log), gate=str(self._path))
        return suite(number, word) + (
            file("tests/unit/test_m1_gate.py", gated) if number == "1" else ""
        )

    @property
    def runners(self) -> list[int]:
        """The process behind each run of the suite."""
        return [int(one) for one in self.log.read_text().split()] if self.log.exists() else []

    def open(self) -> None:
        fcntl.flock(self._held, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._held)


@pytest.fixture
def gate(tmp_path: Path) -> Generator[Gate]:
    made = Gate(tmp_path)
    yield made
    made.close()


@pytest.fixture
def agent(
    home: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Agent:
    monkeypatch.chdir(home)
    limits = "[limits]\nmutants = 0\ntest_seconds = 600\n"
    (home / "orchestrate.toml").write_text(limits, "utf-8")
    return Agent(home, greeter({"planner": ONE, "test": gate.suite}), capsys)


def before(agent: Agent, name: str = f"{FIRST}/test/1/1") -> Line:
    """The request whose answer is verified, answered and not yet submitted."""
    line = agent.until(agent.call("start", IDEA, "--sandbox", "process"), name)
    agent.write(str(line["request_file"]), str(line["answer_file"]))
    return line


def begun(agent: Agent) -> tuple[Job, Record]:
    """A verification that is at its gate."""
    line = agent.call("submit", str(before(agent)["id"]), "--wait", "0")
    assert line["status"] == "working", line
    return at_work(agent)


def at_work(agent: Agent) -> tuple[Job, Record]:
    """The only job, which works by now, and its record."""
    (job,) = every(folder_of(agent.home).jobs)
    until(lambda: job.begun)
    record = job.record()
    assert record is not None
    return job, record


def finished(agent: Agent, line: Line) -> None:
    """Answers to the end, and nothing is left behind."""
    while line["status"] == "request":
        line = agent.reply(line)
    assert line["status"] == "done", line
    run = folder_of(agent.home)
    assert not run.jobs.exists()
    assert workers(str(run.path)) == []


def workers(folder: str) -> list[str]:
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            argv = path.read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if "orchestrator.worker" in argv and any(one.startswith(folder) for one in argv):
            found.append(path.parent.name)
    return found


def warned(home: Path) -> list[str]:
    return [str(one["message"]) for one in events_of(home) if one["event"] == "warned"]


@contextmanager
def client(home: Path, env: dict[str, str], *words: str) -> Generator[subprocess.Popen[bytes]]:
    """A command as an agent client runs it: in a process group that is killed at its limit."""
    done = subprocess.Popen(
        [str(PROGRAM), *words],
        cwd=home,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with done:
        try:
            yield done
        finally:
            os.killpg(done.pid, signal.SIGKILL)


def verifying(home: Path) -> int:
    """How often a process came to the verification."""
    every = events_of(home)
    asked = [one for one in every if one["event"] == "stage_ended" and one.get("stage") == "test"]
    came = [one for one in every if one["event"] == "stage_started" and one.get("stage") == "test"]
    return len(came) - len(asked)


def test_a_suite_longer_than_three_command_limits_is_begun_once_and_finishes(
    agent: Agent, gate: Gate, env: dict[str, str]
) -> None:
    line = before(agent)
    seen: set[int] = set()
    for words in (("submit", str(line["id"])), ("next",), ("next",)):
        came = verifying(agent.home)
        with client(agent.home, env, *words):
            until(lambda came=came: verifying(agent.home) > came and every_begun(agent))
        job, record = at_work(agent)
        assert job.lives
        seen.add(record.pid)
    for _ in range(3):
        said = agent.call("next", "--wait", "0")
        assert said["status"] == "working"
        assert said["note"] == f"process {record.pid} verifies; what is submitted is kept"
        assert said["command"] == "orchestrate next"
    until(lambda: gate.runners)
    assert seen == {record.pid} == {*gate.runners}
    assert at_work(agent)[1] == record
    assert len(gate.runners) == 1
    gate.open()
    line = agent.settled()
    assert line["id"] == EVAL
    assert {*gate.runners} == {record.pid}
    assert not job.folder.exists()
    finished(agent, line)
    assert warned(agent.home) == []


def every_begun(agent: Agent) -> bool:
    return any(job.begun for job in every(folder_of(agent.home).jobs))


def test_one_call_waits_for_a_verification_and_another_is_told_who_does(
    agent: Agent, gate: Gate, env: dict[str, str]
) -> None:
    _, record = begun(agent)
    run = folder_of(agent.home).path
    waits = Running(agent.home, "next", env=env)
    until(lambda: holder(run) == waits.pid)
    said = agent.call("next", "--wait", "0")
    assert said["status"] == "working"
    assert f"process {waits.pid} advances" in str(said["note"])
    gate.open()
    assert waits.wait() == 0
    assert EVAL in waits.stdout.read_text("utf-8")
    assert {*gate.runners} == {record.pid}
    finished(agent, agent.settled())


def test_resume_attaches_as_well(agent: Agent, gate: Gate, env: dict[str, str]) -> None:
    _, record = begun(agent)
    resume = Running(agent.home, "resume", "--quiet", env=env)
    until(lambda: holder(folder_of(agent.home).path) == resume.pid)
    gate.open()
    assert resume.wait() == 0
    assert {*gate.runners} == {record.pid}
    finished(agent, agent.settled())


def test_interrupted_a_call_ends_and_the_verification_goes_on(
    agent: Agent, gate: Gate, env: dict[str, str]
) -> None:
    job, record = begun(agent)
    came = verifying(agent.home)
    waits = Running(agent.home, "next", env=env)
    until(lambda: verifying(agent.home) > came)
    waits.signal(signal.SIGTERM)
    assert waits.wait() == 130
    assert job.lives
    gate.open()
    assert agent.settled()["id"] == EVAL
    assert {*gate.runners} == {record.pid}


@pytest.mark.full
def test_a_verification_that_is_killed_is_begun_anew_once(agent: Agent, gate: Gate) -> None:
    job, first = begun(agent)
    os.killpg(first.pid, signal.SIGKILL)
    freed(job)
    assert agent.call("next", "--wait", "0")["status"] == "working"
    _, second = at_work(agent)
    assert second.pid != first.pid
    assert second.starts == 2
    (said,) = warned(agent.home)
    assert f"by process {first.pid} ended without a result; it is begun anew" in said
    gate.open()
    finished(agent, agent.settled())


@pytest.mark.full
def test_killed_twice_it_is_a_failure_and_the_next_call_begins_afresh(
    agent: Agent, gate: Gate
) -> None:
    job, record = begun(agent)
    os.killpg(record.pid, signal.SIGKILL)
    freed(job)
    agent.call("next", "--wait", "0")
    os.killpg(at_work(agent)[1].pid, signal.SIGKILL)
    freed(job)
    said = agent.call("next", "--wait", "0", code=3)
    assert "ended without a result; it was begun 2 times" in str(said["error"])
    assert "orchestrate resume" in str(said["fix"])
    assert agent.call("next", "--wait", "0")["status"] == "working"
    assert at_work(agent)[1].starts == 1
    gate.open()
    finished(agent, agent.settled())


@pytest.mark.full
def test_past_its_deadline_it_is_ended_and_begun_anew_once(agent: Agent, gate: Gate) -> None:
    job, first = begun(agent)
    until(lambda: first.pid in gate.runners)
    job.note(first.model_copy(update={"deadline": 0.0}))
    assert agent.call("next", "--wait", "0")["status"] == "working"
    _, second = at_work(agent)
    assert workers(str(job.folder)) == [str(second.pid)]
    assert second.starts == 2
    assert "did not end in time: ended: CancelledError; it is begun anew" in warned(agent.home)[0]
    job.note(second.model_copy(update={"deadline": 0.0}))
    said = agent.call("next", "--wait", "0", code=3)
    assert "did not end in time" in str(said["error"])
    assert every(folder_of(agent.home).jobs) == ()
    gate.open()
    finished(agent, agent.settled())


@pytest.mark.full
def test_a_machine_that_fails_there_is_told_here_and_nothing_is_recorded(
    agent: Agent, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = before(agent)
    temp = tmp_path / "temp"
    (tmp_path / "its-place").mkdir()
    temp.symlink_to(tmp_path / "its-place")
    monkeypatch.setenv("TMPDIR", str(temp))
    agent.call("submit", str(line["id"]), "--wait", "0")
    job, record = at_work(agent)
    until(lambda: gate.runners)
    temp.unlink()
    gate.open()
    freed(job)
    monkeypatch.delenv("TMPDIR")
    said = agent.call("next", code=3)
    assert "cannot write temporary files: No such file or directory" in str(said["error"])
    assert str(said["fix"]).startswith("free space there, or set TMPDIR")
    assert every(folder_of(agent.home).jobs) == ()
    line = agent.settled()
    assert line["id"] == EVAL
    assert {*gate.runners} > {record.pid}
    finished(agent, line)


@pytest.mark.full
def test_a_request_of_another_milestone_does_not_wait_for_it(
    home: Path, gate: Gate, agent: Agent, capsys: pytest.CaptureFixture[str]
) -> None:
    script = {"planner": TWO, "impl": two, "test": gate.suite}
    agent = Agent(home, greeter(script), capsys)
    line = before(agent)
    said = agent.call("submit", str(line["id"]), "--wait", "3600")
    assert said["id"] == f"{SECOND}/spec/1/1"
    _, record = at_work(agent)
    said = agent.until(said, f"{SECOND}/impl/1/1")
    assert at_work(agent)[1] == record
    gate.open()
    finished(agent, said)
    assert gate.runners[0] == record.pid


BEGUN_OR_TAKEN = (
    Aim(r"^rename .*/jobs/\w+/subject\.json$"),
    Aim(r"^start .* orchestrator\.worker "),
    Aim(r"^start .* orchestrator\.worker ", late=100),
    Aim(r"^rename .*/jobs/\w+/job\.json$"),
    Aim(r"^rename .*/jobs/\w+/job\.json$", after=True),
    Aim(r"^rename .*/jobs/\w+/job\.json$", after=True),
    Aim(r"^rename .*/verdicts/\w+\.json$"),
    Aim(r"^rename .*/verdicts/\w+\.json$", after=True),
)


def test_killed_wherever_it_is_begun_or_taken_the_next_call_goes_on(
    agent: Agent, gate: Gate, env: dict[str, str], tmp_path: Path
) -> None:
    gate.open()
    line, left = before(agent), [*BEGUN_OR_TAKEN]
    while True:
        words = ("submit", str(line["id"]))
        victim = Victim(agent.home, *words, env=env, place=tmp_path, aims=tuple(left))
        code = victim.wait()
        if victim.struck is None:
            break
        assert code == -signal.SIGKILL
        left.pop(victim.struck)
    assert (code, left) == (0, [])
    assert warned(agent.home) == []
    line = agent.settled()
    assert line["id"] == EVAL
    finished(agent, line)


@pytest.mark.full
def test_a_result_under_another_key_is_none(agent: Agent, gate: Gate) -> None:
    job, record = begun(agent)
    os.killpg(record.pid, signal.SIGKILL)
    freed(job)
    job.end(Result(key="0" * 64, verdict=None, failure=None))
    assert agent.call("next", "--wait", "0")["status"] == "working"
    assert at_work(agent)[1].starts == 2
    gate.open()
    finished(agent, agent.settled())


def test_what_is_verified_is_handed_over_whole(tmp_path: Path) -> None:
    given = Assignment(
        key="k",
        sandbox="process",
        limits=Limits(mutants=3),
        subject=Subject(
            tree=Tree({"a.py": b"\xff\x00", "b/ü.txt": b""}),
            criteria=("M1-C1", "\ud800"),
            checks=(),
            launch=None,
            lock="",
        ),
    )
    job = Job(tmp_path / "jobs" / "k")
    job.assign(given)
    got = job.assignment()
    assert got == given
    assert got.subject.tree == given.subject.tree
    assert (job.folder.stat().st_mode & 0o777, job.record(), job.lives) == (0o700, None, False)


@pytest.mark.full
def test_a_live_run_verifies_in_its_own_process(home: Path, env: dict[str, str]) -> None:
    from tests.world import play

    assert play(home, env).done.passed
    assert not folder_of(home).jobs.exists()
    assert main(["status"]) in (0, 2)
