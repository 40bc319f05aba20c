"""Runs one command as a chosen user, and tells what it left behind.

Executed as a script: it makes itself the parent of every orphan below it, so that no daemon can
leave it unseen, whatever its session. JSON comes on standard input and goes to standard output.
"""

import ctypes
import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path

_SUBREAPER = 36
_GRACE = 5
"""Seconds for what was killed to be gone; what lives longer is a survivor."""


def run(spec: dict[str, object]) -> dict[str, object]:
    """`spec`: argv, env, cwd, uid (None to stay), seconds, heirloom (a file left open)."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    ours, theirs = pty.openpty()
    heirloom = os.open(str(spec["heirloom"]), os.O_RDONLY)
    began = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = _start(spec, (out.fileno(), err.fileno()), terminal=theirs, heirloom=heirloom)
        hung = False
        try:
            child.wait(float(str(spec["seconds"])))
        except subprocess.TimeoutExpired:
            hung = True
            _kill()
            child.wait()
        seconds = time.monotonic() - began
        survivors = _survivors()
        told = {"stdout": _text(out.fileno()), "stderr": _text(err.fileno())}
    typed = _waiting(theirs)
    shown = bool(select.select([ours], [], [], 0)[0])
    return {
        "returncode": child.returncode,
        "seconds": seconds,
        "hung": hung,
        "survivors": survivors,
        "terminal": "typed into" if typed else "written to" if shown else "",
        **told,
    }


def _start(
    spec: dict[str, object], streams: tuple[int, int], *, terminal: int, heirloom: int
) -> subprocess.Popen[bytes]:
    uid = spec["uid"]
    user = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
    return subprocess.Popen(
        spec["argv"],
        env=spec["env"],
        cwd=spec["cwd"],
        stdin=subprocess.DEVNULL,
        stdout=streams[0],
        stderr=streams[1],
        pass_fds=(heirloom, terminal),
        start_new_session=True,
        preexec_fn=lambda: _seize(terminal),
        **user,
    )


def _seize(terminal: int) -> None:
    """The command has a terminal, as at a person's shell, but on none of its streams."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    os.close(terminal)


def _waiting(terminal: int) -> int:
    """Characters that somebody typed."""
    count = bytearray(4)
    fcntl.ioctl(terminal, termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)


def _survivors() -> list[str]:
    """Waits for every orphan to end; those that do not are named and killed."""
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(_GRACE)
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return []
    except TimeoutError:
        return _kill()
    finally:
        signal.alarm(0)


def _late(*_: object) -> None:
    raise TimeoutError


def _kill() -> list[str]:
    found: dict[int, str] = {}
    for _ in range(20):
        left = [pid for pid in _below(os.getpid()) if _state(pid) != "Z"]
        if not left:
            break
        for pid in left:
            found.setdefault(pid, _named(pid))
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)
    return list(found.values())


def _below(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = path.read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            yield child
            yield from _below(child)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")[2][:1]
    except OSError:
        return "Z"


def _named(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        words = []
    return f"{pid}: {b' '.join(words).decode('utf-8', 'replace')[:200]}"


def _text(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(64 << 20).decode("utf-8", "surrogateescape")


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
