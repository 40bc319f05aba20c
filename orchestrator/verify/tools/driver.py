"""Does one step of a scenario at a time, as it is told, and says what came of it.

`driver.py DESCRIPTOR`, in the project folder. Each order and each reply is one line of JSON. It
never learns what is expected. Nothing here imports the orchestrator.
"""

# pyright: basic

import contextlib
import ctypes
import json
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

Order = dict[str, Any]
Reply = dict[str, object]

FILE_LIMIT = 64 * 1024 * 1024
SHORT_BODY = 2000
ROOT = str(Path.cwd())
TEMP = tempfile.mkdtemp(prefix="verify-")


class Service:
    """The product's service: at most one process, each on a port of its own."""

    process: subprocess.Popen[bytes] | None = None
    log = Path(TEMP, "service")
    port = 0

    def start(self, argv: list[str], seconds: float) -> str:
        """ "" when it listens, otherwise what is wrong."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with self.log.open("ab") as log:
            self.process = spawn(argv, subprocess.DEVNULL, log, log, PORT=str(self.port))
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(self.address, 1):
                return ""
            if time.monotonic() > end:
                return "it does not listen"
            time.sleep(0.01)
        return "it exited"

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def stop(self, patience: float) -> None:
        if self.process:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)
            end_group(self.process)
        self.process = None


class Clock:
    """The seconds by which the product's clock is moved. Until the first order nobody reads it."""

    file = Path(TEMP, "clock")
    seconds = 0

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}

    def advance(self, seconds: int) -> None:
        self.seconds += seconds
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(self.seconds), "utf-8")
        fresh.replace(self.file)
        tool = str(Path(__file__).with_name("clock.py"))
        self.variables = {"ORCHESTRATE_HOOKS": tool, "ORCHESTRATE_CLOCK": str(self.file)}


service = Service()
clock = Clock()
started: "list[subprocess.Popen[bytes]]" = []


def spawn(argv: list[str], stdin, stdout, stderr, **more: str) -> "subprocess.Popen[bytes]":
    if argv[:1] == ["python"]:
        argv = [sys.executable, *argv[1:]]
    env = {**os.environ, **clock.variables, **more}
    process = subprocess.Popen(
        argv, stdin=stdin, stdout=stdout, stderr=stderr, env=env, start_new_session=True
    )
    started.append(process)
    return process


def end_group(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def head(file: IO[bytes], cap: int) -> tuple[str, bool]:
    file.seek(0)
    content = file.read(cap + 1)
    return content[:cap].decode("utf-8", "replace"), len(content) > cap


def run(order: Order) -> Reply:
    with (
        tempfile.TemporaryFile(dir=TEMP) as stdin,
        tempfile.TemporaryFile(dir=TEMP) as out,
        tempfile.TemporaryFile(dir=TEMP) as err,
    ):
        stdin.write(order["stdin"].encode())
        stdin.seek(0)
        try:
            process = spawn(order["argv"], stdin, out, err)
        except (OSError, ValueError) as error:
            return {"trouble": "not started", "err": str(error)}
        trouble = ""
        try:
            process.wait(order["seconds"])
        except subprocess.TimeoutExpired:
            trouble = "timed out"
            end_group(process)
        text, cut = head(out, order["cap"])
        errors, _ = head(err, order["cap"])
        code = process.returncode
    files = {path: read(path, order["cap"]) for path in order["read"]}
    reply = {"trouble": trouble, "exit_code": code, "out": text, "err": errors}
    return {**reply, "truncated": cut, "files": files}


def read(path: str, cap: int) -> str | None:
    full = os.path.realpath(Path(ROOT, path))
    if os.path.commonpath([ROOT, full]) != ROOT:
        return None
    try:
        descriptor = os.open(full, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except (OSError, ValueError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return file.read(cap).decode("utf-8", "replace")


def serve(order: Order) -> Reply:
    """Starts the service when it does not run; `restart` stops it first."""
    if order["restart"]:
        service.stop(order["seconds"])
    trouble = ""
    if service.process is None:
        try:
            trouble = service.start(order["argv"], order["seconds"])
        except (OSError, ValueError) as error:
            return {"trouble": "not started", "err": str(error)}
    return {"trouble": trouble, "err": log_tail(0) if trouble else ""}


def log_tail(since: int) -> str:
    with service.log.open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(max(since, size - 4000))
        return log.read(4000).decode("utf-8", "replace")


def http(order: Order) -> Reply:
    served = serve({**order, "restart": False})
    if served["trouble"]:
        return served
    since = service.log.stat().st_size
    return {**tried(order), "err": log_tail(since)}


def parallel(order: Order) -> Reply:
    """Every request in a thread of its own, let go together."""
    import http.client  # noqa: F401  # once, and before they start
    import threading

    served = serve({**order, "restart": False})
    if served["trouble"]:
        return {"answers": [served]}
    since = service.log.stat().st_size
    common = {"seconds": order["seconds"], "cap": SHORT_BODY}
    answers: dict[int, Reply] = {}
    barrier = threading.Barrier(len(order["requests"]))

    def send(number: int, request: Order) -> None:
        barrier.wait()
        # not connected before: a service that takes one at a time would wait for the first's bytes
        answers[number] = tried({**request, **common})

    each = enumerate(order["requests"])
    threads = [threading.Thread(target=send, args=one, daemon=True) for one in each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    err = log_tail(since)
    return {"answers": [{**answers[number], "err": err} for number in sorted(answers)]}


def move(order: Order) -> Reply:
    clock.advance(order["advance"])
    return {}


def tried(order: Order) -> Reply:
    """An exchange with the running service, whatever comes of it."""
    try:
        return exchange(order)
    except TimeoutError:
        return {"trouble": "timed out"}
    except (OSError, ValueError) as error:
        return {"trouble": "dropped", "reason": type(error).__name__}


def exchange(order: Order) -> Reply:
    import http.client  # a tenth of a second that a command never needs

    connection = http.client.HTTPConnection(*service.address, timeout=order["seconds"])
    body = order["body"].encode() if order["body"] else None
    try:
        connection.connect()
        # In one segment: of two, the second is refused where many connect at once (SYN cookies).
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        connection.request(order["method"], order["path"], body, dict(order["headers"]))
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        answer = connection.getresponse()
        content = answer.read(order["cap"]).decode("utf-8", "replace")
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()
    headers = [[name, value] for name, value in answer.getheaders()]
    return {"trouble": "", "status": answer.status, "headers": headers, "body": content}


DOES = {"run": run, "serve": serve, "http": http, "parallel": parallel, "clock": move}


def hide() -> None:
    """The product runs as the same user: it must not read our memory or take our descriptor."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE


def main() -> None:
    hide()
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    limit = FILE_LIMIT if hard == resource.RLIM_INFINITY else min(FILE_LIMIT, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    orders = channel.makefile("rb")
    places = {
        "root": ROOT,
        "temp": TEMP,
        "prefix": str(Path(sys.executable).parents[1]),
        "base": sys.base_prefix,
    }
    channel.sendall(json.dumps(places).encode() + b"\n")
    try:
        for line in orders:
            order = json.loads(line)
            reply = DOES[order["do"]](order)
            channel.sendall(json.dumps(reply).encode() + b"\n")
    finally:
        for process in started:
            end_group(process)
        shutil.rmtree(TEMP, ignore_errors=True)


main()
