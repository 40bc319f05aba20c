"""Processes as the host's /proc shows them: who descends from whom, and what they hold."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

_PROC = Path("/proc")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def descendants(pid: int) -> frozenset[int]:
    """`pid` and everything below it that is alive now."""
    found: set[int] = set()
    open_ends = [pid]
    while open_ends:
        current = open_ends.pop()
        if current not in found:
            found.add(current)
            open_ends += _children(current)
    return frozenset(found)


def born(pid: int) -> str:
    """What tells the process from any other of that number: its start, in ticks since the boot. ""
    when there is none, or no /proc.
    """
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(b") ")[2].split()
    return fields[19].decode("ascii") if len(fields) > 19 else ""


def alive(pid: int, birth: str) -> bool:
    """Whether the process of that birth is there, and no zombie, which holds nothing any more."""
    state = _read(Path(f"/proc/{pid}/stat")).rpartition(b") ")[2][:1]
    return state not in (b"", b"Z", b"X") and born(pid) == birth


def matching(wanted: Callable[[int, bytes], bool]) -> frozenset[int]:
    """Every process but zombies for which `wanted(session id, environment)` holds.

    Empty where there is no /proc.
    """
    found: set[int] = set()
    for entry in _PROC.glob("[0-9]*"):
        state = _read(entry / "stat").rpartition(b") ")[2].split()
        if state and state[0] != b"Z" and wanted(int(state[3]), _read(entry / "environ")):
            found.add(int(entry.name))
    return frozenset(found)


def resident_kib(pids: Iterable[int]) -> int:
    """Memory of all `pids`; a page that several share counts once for each."""
    return sum(_resident_kib(pid) for pid in pids)


def proportional_kib(pids: Iterable[int]) -> int:
    """Memory of all `pids` with every shared page counted once; much slower to get."""
    return sum(_proportional_kib(pid) for pid in pids)


def _children(pid: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - many times a second
    except OSError:
        return []
    lists = [_read(Path(f"/proc/{pid}/task/{thread}/children")) for thread in threads]
    return [int(child) for children in lists for child in children.split()]


def _resident_kib(pid: int) -> int:
    fields = _read(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) * _PAGE_KIB if fields else 0


def _proportional_kib(pid: int) -> int:
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1])
    return _resident_kib(pid)


def _read(path: Path) -> bytes:
    """The file, or nothing: a process may end, or be another's, while it is looked at."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
