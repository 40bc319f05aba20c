"""What a process leaves that is killed while it starts a sandbox, and its end."""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from orchestrator.sandbox.namespace import dropped, located, reap
from orchestrator.sandbox.spawn import Launch


def alive(mark: str) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def sandboxed(mark: str, info: int, program: str) -> tuple[str, ...]:
    argv = (
        *(located("bwrap"), "--unshare-user", "--unshare-pid", "--unshare-uts"),
        *("--hostname", "sandbox", "--die-with-parent", "--info-fd", str(info)),
        *("--ro-bind", "/", "/", "--setenv", "MARK", mark, "--", program),
    )
    return Launch(argv=argv, env={}, cwd=Path("/"), uid=dropped()).command


def until(mark: str, number: int) -> None:
    ends = time.monotonic() + 30
    while len(alive(mark)) != number:
        assert time.monotonic() < ends, alive(mark)
        time.sleep(0.01)


def test_a_first_process_that_nobody_lets_go_is_ended(request: pytest.FixtureRequest) -> None:
    mark = uuid4().hex
    request.addfinalizer(lambda: [os.kill(pid, 9) for pid in alive(mark)])
    reading, writing = os.pipe()
    os.close(reading)  # so bwrap dies where it tells of its first process, before it lets that go
    command = sandboxed(mark, writing, "true")
    done = subprocess.run(command, pass_fds=(writing,), check=False)
    os.close(writing)
    assert done.returncode < 0
    until(mark, 1)
    reap()
    until(mark, 0)


def test_a_sandbox_that_works_is_left_alone(request: pytest.FixtureRequest) -> None:
    mark = uuid4().hex
    request.addfinalizer(lambda: [os.kill(pid, 9) for pid in alive(mark)])
    reading, writing = os.pipe()
    command = sandboxed(mark, writing, "cat")
    pipe = subprocess.PIPE
    with subprocess.Popen(command, pass_fds=(writing,), stdin=pipe, stdout=pipe) as child:
        os.close(writing)
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"here\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"here\n"
        reap()
        child.stdin.close()
        assert child.wait(30) == 0
    os.close(reading)
