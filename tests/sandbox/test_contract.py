"""What every sandbox does alike."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.artifacts.tree import Tree
from orchestrator.errors import Missing
from orchestrator.sandbox import Command, ExecResult, Sandbox

Commanded = Callable[..., Command]
Run = Callable[..., ExecResult]
Line = tuple[socket.socket, socket.socket]

# A child in a session of its own that no polite signal ends and that holds stdout and `fd`.
DAEMON = """
import os, signal, time
def daemon():
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for _ in range(4):
        os.fork()
    if {silent}:
        os.closerange(0, 3)
    os.write({fd}, b"u")
    while True:
        time.sleep(60)
daemon()
"""
STUBBORN = """
import os, signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
os.write({fd}, b"up")
while True:
    time.sleep(60)
"""


def gone(line: Line) -> bool:
    """Whether no process holds the command's end any more, at this very moment."""
    ours, theirs = line
    theirs.close()
    ours.setblocking(False)
    try:
        while ours.recv(1024):
            pass
    except BlockingIOError:
        return False
    return True


def test_streams_and_exit_code_come_back(sandbox: Sandbox, run: Run) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"

    result = run(sandbox, code)

    assert (result.outcome, result.returncode) == ("exited", 3)
    assert (result.stdout, result.stderr, result.truncated) == ("out\n", "err\n", False)


def test_standard_input_arrives_whole(sandbox: Sandbox, run: Run) -> None:
    content = b"0123456789" * 100_000

    result = run(sandbox, "import sys; print(len(sys.stdin.buffer.read()))", stdin=content)

    assert result.stdout == "1000000\n"


def test_standard_input_that_nobody_reads_is_no_failure(sandbox: Sandbox, run: Run) -> None:
    assert run(sandbox, "print('done')", stdin=b"x" * 1_000_000).stdout == "done\n"


def test_the_working_folder_is_a_copy_of_the_tree(sandbox: Sandbox, run: Run) -> None:
    tree = Tree({"a/ü b.txt": b"one", "x" * 150 + "/deep.txt": b"two", "run.sh": b""})
    code = (
        "import os\nfrom pathlib import Path\n"
        "for p in sorted(Path().rglob('*.*')): print(p, p.read_text())\n"
        "Path('a/ü b.txt').write_text('changed'); Path('new').touch()"
    )

    first, second = (run(sandbox, code, tree=tree) for _ in range(2))

    assert first.returncode == 0, first.stderr
    assert first.stdout == f"a/ü b.txt one\nrun.sh \n{'x' * 150}/deep.txt two\n"
    assert second.stdout == first.stdout


@pytest.mark.parametrize("path", ["../up", "/etc/passwd", "a/../../b", "a//b", "."])
def test_a_path_that_leaves_the_tree_is_refused(sandbox: Sandbox, run: Run, path: str) -> None:
    with pytest.raises(ValueError, match="not a path of a tree"):
        run(sandbox, "", tree=Tree({path: b""}))


def test_a_tree_that_is_none_stops_the_run(sandbox: Sandbox, run: Run) -> None:
    with pytest.raises(Missing):
        run(sandbox, "", tree=Tree({"a": b"", "a/b": b""}))


def test_tools_are_found_by_their_placeholder(sandbox: Sandbox, run: Run, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/tool.py").write_text("import sys; print('tool', sys.argv[1:])")

    result = run(
        sandbox, "", argv=("{env}/bin/python", "{tools}/inner/tool.py", "{x}"), tools=tmp_path
    )

    assert result.stdout == "tool ['{x}']\n", result.stderr


def test_the_environment_holds_nothing_of_ours(
    sandbox: Sandbox, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")

    result = run(sandbox, "import os; print(*sorted(os.environ))", env={"SEEN": "1"})

    assert set(result.stdout.split()) - {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"} == {
        *("PATH", "HOME", "TMPDIR", "LANG", "SEEN", "PYTHONNOUSERSITE", "PYTHONHASHSEED"),
        *("PYTHONDONTWRITEBYTECODE", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"),
    }


def test_a_command_that_does_not_exist_is_a_result(sandbox: Sandbox, run: Run) -> None:
    assert run(sandbox, "", argv=("no-such-program",)).returncode == 127


def test_a_fatal_signal_is_told_from_an_exit(sandbox: Sandbox, run: Run) -> None:
    crash = run(sandbox, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    exit_ = run(sandbox, "import sys; sys.exit(130)")

    assert (crash.outcome, crash.killed_by) == ("killed", "signal")
    assert crash.returncode == 128 + signal.SIGSEGV
    assert (exit_.outcome, exit_.returncode) == ("exited", 130)


def test_the_time_limit_ends_what_ignores_signals(sandbox: Sandbox, run: Run, line: Line) -> None:
    fd = line[1].fileno()

    result = run(sandbox, STUBBORN.format(fd=fd), pass_fds=(fd,), seconds=2)

    assert (result.outcome, result.killed_by) == ("timed out", "time")
    assert line[0].recv(2) == b"up"
    assert gone(line)


@pytest.mark.parametrize("silent", [True, False])
def test_a_daemon_does_not_survive(sandbox: Sandbox, run: Run, line: Line, silent: bool) -> None:
    fd = line[1].fileno()
    code = f"{DAEMON.format(fd=fd, silent=silent)}\nprint('ended')"

    result = run(sandbox, code, pass_fds=(fd,))

    assert (result.outcome, result.stdout) == ("exited", "ended\n")
    assert gone(line)


def test_a_descriptor_is_a_line_to_the_running_command(
    sandbox: Sandbox, commanded: Commanded, line: Line
) -> None:
    ours, theirs = line
    code = f"import socket; s = socket.socket(fileno={theirs.fileno()}); s.send(s.recv(9)[::-1])"

    async def talk() -> tuple[bytes, ExecResult]:
        ours.setblocking(False)
        running = asyncio.create_task(sandbox.exec(commanded(code, pass_fds=(theirs.fileno(),))))
        await asyncio.get_running_loop().sock_sendall(ours, b"abc")
        answer = await asyncio.get_running_loop().sock_recv(ours, 9)
        return answer, await running

    answer, result = asyncio.run(talk())

    assert (answer, result.returncode) == (b"cba", 0)
    assert theirs.fileno() >= 0
    os.fstat(theirs.fileno())


def test_no_other_descriptor_is_inherited(sandbox: Sandbox, run: Run, line: Line) -> None:
    fd = line[1].fileno()
    os.set_inheritable(line[0].fileno(), True)
    code = "import os; print(*sorted(os.listdir('/proc/self/fd'), key=int))"

    result = run(sandbox, code, pass_fds=(fd,))

    listing = {0, 1, 2, fd}
    extra = {int(each) for each in result.stdout.split()} - listing
    assert len(extra) == 1, result  # the listing's own


def test_two_commands_run_at_once(sandbox: Sandbox, commanded: Commanded) -> None:
    one, other = socket.socketpair()
    code = "import socket; s = socket.socket(fileno={}); s.send(b'hi'); print(s.recv(9))"

    async def both() -> list[ExecResult]:
        return await asyncio.gather(
            *(
                sandbox.exec(commanded(code.format(end.fileno()), pass_fds=(end.fileno(),)))
                for end in (one, other)
            )
        )

    with one, other:
        results = asyncio.run(both())

    assert [result.stdout for result in results] == ["b'hi'\n", "b'hi'\n"]


def test_a_cancelled_call_leaves_nothing_behind(
    sandbox: Sandbox, commanded: Commanded, line: Line
) -> None:
    ours, theirs = line
    fd = theirs.fileno()

    async def cancel() -> None:
        ours.setblocking(False)
        running = asyncio.create_task(
            sandbox.exec(
                commanded(
                    DAEMON.format(fd=fd, silent=False) + STUBBORN.format(fd=fd), pass_fds=(fd,)
                )
            )
        )
        heard = b""
        while heard.count(b"u") < 17:
            heard += await asyncio.get_running_loop().sock_recv(ours, 9)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel())

    assert gone(line)


def test_a_call_cancelled_while_it_starts_leaves_nothing_behind(
    sandbox: Sandbox, commanded: Commanded, line: Line
) -> None:
    fd = line[1].fileno()

    async def cancel(steps: int) -> None:
        running = asyncio.create_task(
            sandbox.exec(commanded(STUBBORN.format(fd=fd), pass_fds=(fd,)))
        )
        for _ in range(steps):
            await asyncio.sleep(0.0002)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel(0))
    before = len(list(Path("/dev/fd").iterdir()))
    for steps in range(30):
        asyncio.run(cancel(steps))

    assert len(list(Path("/dev/fd").iterdir())) == before
    assert gone(line)
