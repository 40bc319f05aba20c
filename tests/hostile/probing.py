"""Programs that try what they may not: each attempt that works says REACHED.

`%%NAME%%` in a text stands for what canaries.py calls so.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.hostile.project import Family, Project

ATTEMPTS = '''"""Attempts, each told in a line."""

import ctypes
import glob
import os
import socket
import sys

WORKED = []
OURS = (NameError, TypeError, AttributeError, ctypes.ArgumentError)
NUMBERS = {
    "x86_64": dict(ptrace=101, syslog=103, pivot_root=155, mount=165, umount2=166, mknod=133,
                   add_key=248, request_key=249, keyctl=250, unshare=272, perf_event_open=298,
                   open_by_handle_at=304, setns=308, process_vm_readv=310, bpf=321,
                   userfaultfd=323, chroot=161, clone=56, fanotify_init=300),
    "aarch64": dict(ptrace=117, syslog=116, pivot_root=41, mount=40, umount2=39,
                    add_key=217, request_key=218, keyctl=219, unshare=97, perf_event_open=241,
                    open_by_handle_at=265, setns=268, process_vm_readv=270, bpf=280,
                    userfaultfd=282, chroot=51, clone=220, fanotify_init=262),
}[os.uname().machine] | dict(io_uring_setup=425, open_tree=428, move_mount=429, fsopen=430,
                             clone3=435, pidfd_open=434, pidfd_getfd=438, mount_setattr=442)


def raw(name, *arguments):
    """A system call by its name; raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    given = [one if isinstance(one, bytes) else ctypes.c_long(one) for one in arguments]
    number = NUMBERS.get(name)
    if number is None:
        raise OSError(38, "this machine has no such call")
    got = libc.syscall(number, *given)
    if got < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return got


def attempt(name, act):
    """Does it; what comes of it is said, and counted when it worked."""
    try:
        got = act()
    except OURS:
        raise
    except BaseException as error:
        print("refused", name, type(error).__name__, getattr(error, "errno", ""), flush=True)
        return False
    WORKED.append(name)
    print("REA" + "CHED", name, repr(got)[:300], flush=True)
    return True


def show(name, act):
    """Says what `act` gives, which may be anything but a secret."""
    try:
        print("saw", name, repr(act())[:20000], flush=True)
    except OURS:
        raise
    except BaseException as error:
        print("refused", name, type(error).__name__, getattr(error, "errno", ""), flush=True)


def content(path):
    with open(path, "rb") as file:
        return file.read(20000)


def write(path):
    """Appends to a file, made where there is none."""
    with open(path, "ab") as file:
        file.write(b"hostile")
    return path


def opened(path):
    """Opens for writing and writes nothing."""
    descriptor = os.open(path, os.O_WRONLY)
    os.close(descriptor)
    return path


def connected(address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as connection:
        connection.settimeout(3)
        connection.connect(address)
        connection.send(b"hostile")
    return address
'''
ADDER = '''"""Adds integers."""


def add(left: int, right: int) -> int:
    """The sum of both."""
    return left + right


def double(number: int) -> int:
    """Twice the number."""
    return number * 2
'''
ITS_TESTS = '''"""Tests of the adder."""

import pytest

from app.adder import add, double


@pytest.mark.parametrize(("left", "right", "total"), [(1, 2, 3), (-5, 2, -3), (0, 0, 0)])
def test_adds(left, right, total):
    assert add(left, right) == total


@pytest.mark.parametrize(("number", "twice"), [(0, 0), (3, 6), (-4, -8)])
def test_doubles(number, twice):
    assert double(number) == twice
'''
GOOD: Mapping[str, str] = {
    "app/__init__.py": '"""An adder."""\n',
    "app/adder.py": ADDER,
    "tests/test_adder.py": ITS_TESTS,
}
"""A product that deserves to pass."""

_HEAD = "import os, sys\nfrom attempts import *\n"
INNER = "inner"
"""A project that brings settings, and has a folder of this name, is run on this folder."""
DONE = "every attempt was made"


def probe(
    name: str,
    about: str,
    body: str,
    *,
    family: Family,
    expect: tuple[str, ...] = ("exited",),
    says: str = DONE,
    plant: Callable[[Path], None] | None = None,
) -> Project:
    """`body` run by `orchestrate sandbox`, after which it says that it is through."""
    main = f"{_HEAD}{body.strip()}\nprint({DONE!r})\n"
    return Project(
        name=name,
        family=family,
        about=about,
        files={"main.py": main, "attempts.py": ATTEMPTS},
        interface="sandbox",
        command=("python", "main.py"),
        expect=expect,
        says=says,
        plant=plant,
    )


def adder_with(
    name: str,
    about: str,
    test: str,
    *,
    family: Family,
    expect: tuple[str, ...] = ("pass",),
    says: str = "",
    plant: Callable[[Path], None] | None = None,
    files: Mapping[str, str | bytes] | None = None,
) -> Project:
    """The good adder under `orchestrate verify`, with one more test file, which fails when
    something was reached.
    """
    given: dict[str, str | bytes] = {**GOOD, **(files or {})}
    if test:
        given["tests/attempts.py"] = ATTEMPTS
        given["tests/test_hostile.py"] = f"{_IMPORTED}{test.strip()}\n"
    return Project(
        name=name,
        family=family,
        about=about,
        files=given,
        expect=expect,
        says=says,
        plant=plant,
    )


_IMPORTED = '''"""Tries to get out."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from attempts import *  # noqa: E402, F403


'''
