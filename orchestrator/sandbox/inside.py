"""The inner half of the self-test: runs in the sandbox and tells what it can reach there.

Standard library only: it is executed by the environment's interpreter, not imported.
"""

import errno
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

_SYSCTL = Path("/proc/sys/kernel/core_pattern")
"""The host's root may write it: for him a read-only mount answers EROFS, for others EACCES."""


def _problems(canary: Path, port: int) -> Iterator[str]:
    found = {
        "the command runs as root": os.getuid() == 0 or _opening(_SYSCTL) != errno.EACCES,
        "files of the host can be read": _readable(canary),
        "servers of the host can be reached": _connects(port),
        "a server on 127.0.0.1 cannot be reached from within": not _talks_to_itself(),
        "system calls are not filtered": (_status("NoNewPrivs"), _status("Seccomp")) != ("1", "2"),
        "the command has capabilities": int(_status("CapEff") or "1", 16) != 0,
        "the working folder is not writable": not _writable(Path.cwd()),
    }
    yield from (problem for problem, present in found.items() if present)
    if names := _foreign_variables():
        yield f"variables of the host can be read: {', '.join(sorted(names))}"
    for folder in (Path("/usr"), Path("/etc"), Path("/"), Path("/dev")):
        if _writable(folder):
            yield f"{folder} is writable"


def _opening(path: Path) -> int:
    """The error number of opening for writing, 0 for none."""
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError as error:
        return error.errno or 0
    return 0


def _readable(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


def _writable(folder: Path) -> bool:
    probe = folder / f"orchestrate-probe-{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def _foreign_variables() -> set[str]:
    """Names in the environment of any visible process that neither we nor bwrap itself have."""
    found: set[str] = set()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            pairs = environment.read_bytes().split(b"\0")
        except OSError:
            continue
        found |= {pair.partition(b"=")[0].decode("utf-8", "replace") for pair in pairs if pair}
    return found - set(os.environ)


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def _talks_to_itself() -> bool:
    try:
        with socket.create_server(("localhost", 0)) as server:
            return _connects(server.getsockname()[1])
    except OSError:
        return False


def _status(field: str) -> str:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((line.split()[1] for line in lines if line.startswith(f"{field}:")), "")


if __name__ == "__main__":
    print(json.dumps(list(_problems(Path(sys.argv[1]), int(sys.argv[2])))))
