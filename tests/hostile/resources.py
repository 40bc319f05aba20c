"""Programs that take all there is: processes, memory, disk, time, output. Each stops by itself far
above its limit, so that a missing limit is seen and the machine survives it.
"""

import json
import os
from functools import partial
from pathlib import Path

from tests.hostile.probing import GOOD, adder_with, probe
from tests.hostile.project import Project

_probe = partial(probe, family="resources")
_tested = partial(adder_with, family="resources")


def _nested(line: str, depth: int) -> str:
    return "".join(f"{' ' * n}{line}\n" for n in range(depth)) + " " * depth + "pass\n"


def _answered(
    name: str, about: str, answer: str, *, files: dict[str, str] | None = None
) -> Project:
    """An answer that `orchestrate apply` must refuse in good time."""
    return Project(
        name=name,
        family="resources",
        about=about,
        files={**GOOD, **(files or {})},
        interface="apply",
        answer=answer,
        expect=("refused",),
    )


def _sparse(project: Path) -> None:
    with (project / "data.bin").open("wb") as file:
        file.truncate(1 << 40)


def _crowd(project: Path) -> None:
    for number in range(30_000):
        folder = project / "data" / str(number // 1000)
        folder.mkdir(parents=True, exist_ok=True)
        os.mknod(folder / str(number))


def _pipes(project: Path) -> None:
    for name in ("app/pipe.py", "requirements.txt", "conftest.py", "pytest.ini", "data"):
        os.mkfifo(project / name)


PROJECTS: tuple[Project, ...] = (
    _probe(
        "fork-bomb",
        "forks until it is refused",
        """
import signal
count = 0
try:
    while count < 1000:
        if os.fork() == 0:
            signal.pause()
        count += 1
except OSError as error:
    print("refused", error)
attempt("processes", lambda: 1 / (count > 200))
""",
    ),
    _probe(
        "fork-bomb-in-sessions",
        "forks in sessions of their own; each child forks again and ignores signals",
        """
import signal, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
end = time.monotonic() + 2
while time.monotonic() < end:
    try:
        if os.fork() == 0:
            os.setsid()
    except OSError:
        pass
if os.getpid() != os.getsid(0):
    print("every attempt was made", flush=True)
while True:
    time.sleep(60)
""",
        expect=("timed out", "killed"),
        says="",
    ),
    _probe(
        "through-process-1",
        "writes code into the memory of process 1, which no limit holds, and forks there",
        """
import time
CODE = bytes.fromhex(
    "41bc90010000"  # 400 times:
    "b8390000000f05" "85c0" "7807" "7405"  # fork; the child, and who was refused, go on below
    "41ffcc" "75ee"
    "b8220000000f05" "ebf7"  # pause for ever
)
def taking_over():
    with open("/proc/1/syscall") as told:
        place = int(told.read().split()[-1], 16)
    with open("/proc/1/mem", "r+b", 0) as memory:
        memory.seek(place)
        memory.write(CODE)
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.wait()
    time.sleep(1)
    return 1 / (len(glob.glob("/proc/[0-9]*")) > 200)
for path in ("/proc/1/mem", "/proc/1/task/1/mem"):
    attempt(path, lambda: os.close(os.open(path, os.O_RDWR)))
if os.uname().machine == "x86_64":
    attempt("process 1", taking_over)
""",
    ),
    _probe(
        "memory",
        "takes memory in one process",
        """
taken = []
def taking():
    for _ in range(64):
        taken.append(b"x" * (64 << 20))
attempt("4 GiB", taking)
""",
        expect=("exited", "killed"),
        says="",
    ),
    _probe(
        "memory-of-many",
        "takes memory in many processes, each below the limit of one",
        """
import signal
for _ in range(6):
    if os.fork() == 0:
        held = b"x" * (400 << 20)
        signal.pause()
import time
time.sleep(30)
attempt("2.4 GB", lambda: len(os.listdir("/proc")))
""",
        expect=("killed",),
        says="",
    ),
    _probe(
        "memory-of-nobody",
        "takes memory that belongs to no process: files in memory, mapped by nobody",
        """
def taking():
    held = []
    for _ in range(8):
        one = os.memfd_create("held")
        held.append(one)
        os.posix_fallocate(one, 0, 200 << 20)
    return sum(os.fstat(one).st_blocks * 512 for one in held) >> 20
attempt("1.6 GB in files of memory", taking)
""",
        expect=("exited", "killed"),
        says="",
    ),
    _probe(
        "memory-in-segments",
        "takes memory that belongs to no process: shared segments, filled and let go",
        """
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.shmdt.argtypes = [ctypes.c_void_p]
def taking():
    for number in range(8):
        segment = libc.shmget(0, ctypes.c_size_t(200 << 20), 0o1600)
        if segment < 0:
            raise OSError(ctypes.get_errno(), "no segment")
        place = libc.shmat(segment, None, 0)
        if place in (None, ctypes.c_void_p(-1).value):
            raise OSError(ctypes.get_errno(), "not attached")
        ctypes.memset(place, 1, 200 << 20)
        libc.shmdt(place)
attempt("1.6 GB in segments", taking)
""",
        expect=("exited", "killed"),
        says="",
    ),
    _probe(
        "disk",
        "fills every folder that it may write to",
        """
def filling(folder):
    for number in range(12):
        with open(f"{folder}/{number}", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 100 << 20)
for folder in ("/work", "/tmp", "/dev/shm", "/var/tmp", "/run"):
    attempt(f"1.2 GB in {folder}", lambda: filling(folder))
""",
    ),
    _probe(
        "huge-file",
        "writes one file without an end, and a sparse one",
        """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def writing():
    with open("/tmp/huge", "wb") as file:
        for _ in range(1024):
            file.write(b"x" * (1 << 20))
attempt("1 GiB", writing)
attempt("sparse", lambda: os.truncate("/tmp/huge", 1 << 40))
attempt("memory", lambda: os.posix_fallocate(os.memfd_create("huge"), 0, 1 << 30))
""",
    ),
    _probe(
        "many-files",
        "makes empty files and folders, which weigh nothing",
        """
import time
end, count = time.monotonic() + 3, 0
try:
    while time.monotonic() < end and count < 200_000:
        os.close(os.open(f"/tmp/{count}", os.O_CREAT | os.O_WRONLY))
        count += 1
except OSError as error:
    print("refused", error)
print(count)
depth = 0
try:
    while depth < 5000:
        os.mkdir("deep")
        os.chdir("deep")
        depth += 1
except OSError as error:
    print("refused", error)
""",
    ),
    _probe(
        "output",
        "prints without an end",
        """
import itertools
line = "x" * 65536
for _ in itertools.count():
    print(line)
""",
        expect=("too much output",),
        says="",
    ),
    _probe(
        "errors",
        "prints without an end to standard error, from many processes, without a line break",
        """
for _ in range(3):
    os.fork()
while True:
    os.write(2, b"\\xff\\0\\x1b[2J" * 9999)
""",
        expect=("too much output",),
        says="",
    ),
    _probe(
        "endless",
        "computes for ever and ignores every signal that can be ignored",
        """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
if os.fork() == 0:
    os.setsid()
while True:
    pass
""",
        expect=("timed out", "killed"),
        says="",
    ),
    _probe(
        "daemon",
        "leaves a daemon behind: forked twice, in a session of its own, deaf to signals",
        """
import signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        os.closerange(0, 64)
        time.sleep(600)
    os._exit(0)
os.wait()
""",
    ),
    _probe(
        "holding-the-output",
        "ends at once; its children hold the output open for ten minutes",
        """
import time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
        os._exit(0)
""",
    ),
    _probe(
        "stopped",
        "stops itself and everybody it can, so that nothing ever ends",
        """
import signal
if os.fork() == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
for pid in (1, os.getppid()):
    show(f"stop {pid}", lambda: os.kill(pid, signal.SIGSTOP))
os.kill(os.getpid(), signal.SIGSTOP)
""",
        expect=("timed out", "killed"),
        says="",
    ),
    _probe(
        "threads",
        "starts threads until it is refused",
        """
import threading, time
started = []
threading.stack_size(65536)
def starting():
    for number in range(2000):
        thread = threading.Thread(target=time.sleep, args=(600,), daemon=True)
        thread.start()
        started.append(number)
attempt("2000 threads", starting)
attempt("threads", lambda: 1 / (len(started) > 300))
print("every attempt was made", flush=True)
os._exit(0)
""",
    ),
    _probe(
        "descriptors-and-buffers",
        "opens files, pipes and sockets until it is refused, and fills their buffers",
        """
held = []
def opening():
    for _ in range(5000):
        held.extend(os.pipe())
attempt("10000 pipes", opening)
for one in held:
    os.close(one)
pairs = []
def filling():
    for _ in range(2000):
        pair = socket.socketpair()
        pairs.append(pair)
        pair[0].setblocking(False)
        pair[0].setsockopt(1, socket.SO_SNDBUF, 1 << 30)
        try:
            while len(pairs) < 50 and pair[0].send(b"x" * 65536):
                pass
        except BlockingIOError:
            pass
attempt("2000 pairs", filling)
""",
    ),
    _probe(
        "higher-limits",
        "raises the limits it was given",
        """
import resource
for name in ("AS", "FSIZE", "NOFILE", "NPROC", "CORE", "CPU"):
    number = getattr(resource, f"RLIMIT_{name}")
    soft, hard = resource.getrlimit(number)
    show(name, lambda: (soft, hard))
    attempt(f"bounded {name}", lambda: 1 / (hard == resource.RLIM_INFINITY))
    attempt(f"raised {name}", lambda: resource.setrlimit(number, (hard + 1, hard + 1)))
    attempt(f"endless {name}", lambda: resource.setrlimit(number, (-1, -1)))
attempt("nice", lambda: os.nice(-5))
attempt("real time", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))
""",
    ),
    _tested(
        "endless-suite",
        "a suite whose second test never ends and cannot be interrupted",
        """
import signal


def test_ends():
    assert True


def test_never_ends():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
    while True:
        signal.pause()
""",
        expect=("fail", "inconclusive"),
    ),
    _tested(
        "huge-failures",
        "a suite with failures of many megabytes, and endless names",
        """
import pytest


@pytest.mark.parametrize("word", ["x" * 100_000 + str(n) for n in range(4)])
def test_is_long(word):
    print("y" * 1_000_000)
    assert word * 50 == ""
""",
        expect=("fail", "inconclusive"),
    ),
    _tested(
        "flooded-results",
        "a suite writes rubbish without an end into every descriptor it has",
        """
import time


def test_floods():
    end = time.monotonic() + 5
    for number in range(3, 64):
        try:
            os.set_blocking(number, False)
        except OSError:
            continue
        while time.monotonic() < end:
            try:
                os.write(number, b'{"kind": "end"}' * 65536 + b"\\n")
            except BlockingIOError:
                continue
            except OSError:
                break
""",
        expect=("fail", "inconclusive"),
    ),
    *(
        _tested(
            f"unparsable-{name}",
            f"modules and tests that break who parses them: {about}",
            "",
            files={"app/broken.py": source, "tests/test_broken.py": source, "conftest.py": source},
            expect=("fail", "inconclusive"),
        )
        for name, about, source in (
            ("signs", "a hundred thousand signs", "x = " + "-" * 100_000 + "1\n"),
            ("sum", "a sum of fifty thousand", "x = 1" + " + 1" * 50_000 + "\n"),
            ("calls", "names behind names", "x = a" + ".b()" * 20_000 + "\n"),
            ("brackets", "brackets in brackets", "x = " + "[" * 150 + "]" * 150 + "[" * 9_000),
            ("functions", "functions in functions", _nested("def test_f():", 150)),
            ("number", "a number of a million digits", f"x = {'9' * 1_000_000}\n"),
            ("nothing", "NUL bytes", "x = 1\0\ndef test_x():\n    pass\n"),
            ("encoding", "an encoding that there is not", "# coding: none-such\nx = 1\n"),
            ("bytes", "bytes that are no text", b"\xff\xfex\0=\0001\0\n\0# \x80\n"),
            ("surrogate", "half a letter", b"def test_\xed\xa0\x80(): pass\n"),
        )
    ),
    _answered(
        "deep-answer",
        "an answer of brackets in brackets",
        '{"files": ' + "[" * 500_000,
    ),
    _answered(
        "no-near-match",
        "an edit whose long text is nowhere, in a long file",
        json.dumps(
            {
                "files": [],
                "edits": [
                    {
                        "path": "app/long.py",
                        "remove": "".join(f"y = {n * 7919}\n" for n in range(40_000)),
                        "add": "",
                    }
                ],
                "deletes": [],
            }
        ),
        files={"app/long.py": "".join(f"x = {n * 7907}\n" for n in range(60_000))},
    ),
    _answered(
        "many-marks",
        "an answer of a hundred thousand marks that begin and never end",
        "=== FILE app/x.py ===\n--- REMOVE ---\n=== EDIT app/x.py ===\n" * 100_000,
    ),
    _tested(
        "sparse-file",
        "the tree holds a file of a terabyte, of which nothing was written",
        "",
        expect=("pass", "fail", "inconclusive", "stopped"),
        plant=_sparse,
    ),
    _tested(
        "crowd",
        "the tree holds 30,000 files",
        "",
        expect=("pass", "fail", "inconclusive", "stopped"),
        plant=_crowd,
    ),
    _tested(
        "pipes-in-the-tree",
        "pipes that nobody writes to stand for a module, requirements and configuration",
        "",
        expect=("pass", "fail", "inconclusive", "stopped"),
        plant=_pipes,
    ),
)
