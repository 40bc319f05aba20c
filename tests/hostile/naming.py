"""File names that leave the folder, take a name twice, or mean something to a program: in an
agent's answer, and in a tree as it lies.
"""

import json
import os
import socket
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from tests.hostile.probing import ATTEMPTS, GOOD, adder_with
from tests.hostile.project import Project

_SAFE = ("pass", "fail", "inconclusive", "stopped")
_planted = partial(adder_with, test="", family="names", expect=_SAFE)


def _answered(
    name: str,
    about: str,
    paths: Iterable[str] = (),
    *,
    answer: str = "",
    says: str = "",
    plant: Callable[[Path], None] | None = None,
) -> Project:
    """A bundle with a good file beside the bad ones; it must be refused whole."""
    files = [{"path": path, "content": "hostile\n"} for path in ("app/good.py", *paths)]
    return Project(
        name=name,
        family="names",
        about=about,
        files=GOOD,
        interface="apply",
        answer=answer or json.dumps({"files": files, "edits": [], "deletes": []}),
        expect=("refused",),
        says=says,
        plant=plant,
    )


def _linked(project: Path) -> None:
    base = project.parent
    (project / "out").symlink_to(base / "drop")
    (project / "precious.py").symlink_to(base / "precious")
    (project / "loop").symlink_to("loop")
    (project / "git").symlink_to(".git")


def _strange(project: Path) -> None:
    """Names that no project may have, but a file system takes."""
    root = os.fsencode(project)
    for name in (
        *(b"\xff\xfe.py", b"a\nb.py", b"a\x1b[2J\x1b[1;1H.py", b"a\x07\r.py", b"--help.py", b"-c"),
        *(
            "\u202egpj.py".encode(),
            "\u200b.py".encode(),
            b"con.py",
            b"x" * 255,
            b"a\\b.py",
            b"$(id)",
        ),
        *(
            b"tests/test_\x1b]0;owned\x07.py",
            b"<img src=x onerror=alert(1)>.py",
            b" ",
            b"...",
            b"*",
        ),
    ):
        Path(os.fsdecode(root + b"/" + name)).write_bytes(b"'''Strange.'''\n")


def _twins(project: Path) -> None:
    for name in ("app/Adder.py", "APP/adder.py", "app/caf\u00e9.py", "app/cafe\u0301.py"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text('"""A twin."""\n')


def _loops(project: Path) -> None:
    (project / "app/self").symlink_to(".")
    (project / "app/up").symlink_to("../..")
    (project / "app/loop.py").symlink_to("loop.py")
    (project / "app/zero.py").symlink_to("/dev/zero")
    (project / "app/random.bin").symlink_to("/dev/urandom")
    (project / "app/tty.py").symlink_to("/dev/tty")
    (project / "app/proc").symlink_to("/proc")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(project)
        try:
            server.bind("app/socket.py")
        finally:
            os.chdir(here)


def _deep(project: Path) -> None:
    descriptor = os.open(project, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deep", dir_fd=descriptor)
        inner = os.open("deep", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)


def _forbidden(project: Path) -> None:
    (project / "app/closed.py").write_text('"""Closed."""\n')
    (project / "app/closed.py").chmod(0)
    (project / "closed").mkdir()
    (project / "closed").chmod(0)


PROJECTS: tuple[Project, ...] = (
    _answered(
        "absolute",
        "absolute paths",
        ("/tmp/planted-%%MARK%%", "%%BASE%%/drop/x", "//etc/x", "C:/x", "C:\\x", "~/x"),
        says="/tmp/planted-%%MARK%%",
    ),
    _answered(
        "dot-dot",
        "paths that climb out",
        ("../drop/x", "app/../../drop/x", "./x", "app//x", "app/./x", "..", "app/", "..\\drop\\x"),
        says="app/../../drop/x",
    ),
    _answered(
        "control-characters",
        "NUL, line breaks, escapes and unseen letters",
        ("a\0b", "a\nb", "a\x1b[2Jb", "a\u202eb", "a\u200bb", "a\u2028b", "a\x7fb"),
        says="a\\x1b[2Jb",
    ),
    _answered("half-a-letter", "a lone surrogate", ("\ud800",)),
    _answered(
        "reserved",
        "names that some system keeps for itself",
        (
            "con",
            "NUL.py",
            "app/aux.txt",
            "com1",
            "lpt\u00b9.py",
            "a:b",
            "a ",
            "a.",
            'a"b',
            "a|b",
            "a*",
        ),
        says="NUL.py",
    ),
    _answered(
        "case",
        "two names that are one where case does not count",
        ("app/Adder.py", "APP/x.py", "new.py", "New.py", "straße.py", "STRASSE.py"),
        says="app/Adder.py",
    ),
    _answered(
        "unicode-forms",
        "two names that are one after normalisation",
        ("caf\u00e9.py", "cafe\u0301.py", "\u2126.py", "\u03a9.py", "\ufb01x.py", "fix.py"),
        says="caf",
    ),
    _answered(
        "git-config",
        "git's own folder, under each of its names",
        (
            ".git/config",
            ".GIT/hooks/x",
            ".git",
            "app/.git/config",
            "git~1/config",
            ".g\u200cit/config",
        ),
        says=".git/config",
    ),
    _answered(
        "git-attributes",
        "files by which a repository runs programs or brings others",
        ("a/.GITATTRIBUTES", ".gitattributes ", ".Gitmodules", ".gitmodules", ".gitattributes"),
        says=".Gitmodules",
    ),
    *(
        _answered(f"git-file-{name[1:]}", f"{name} alone", (name,), says=name)
        for name in (".gitattributes", ".gitmodules")
    ),
    _answered(
        "through-links",
        "files below and behind links that lie in the folder",
        ("out/planted-%%MARK%%", "precious.py", "loop/x", "git/hooks/pre-commit"),
        says="out/planted-%%MARK%%",
        plant=_linked,
    ),
    _answered(
        "edit-through-a-link",
        "an edit and a deletion of a file behind a link",
        answer=json.dumps(
            {
                "files": [],
                "edits": [{"path": "precious.py", "remove": "precious", "add": "hostile"}],
                "deletes": ["out/x", "loop"],
            }
        ),
        says="precious.py",
        plant=_linked,
    ),
    _answered(
        "oversized",
        "a bundle of more bytes than all may have",
        answer=json.dumps(
            {
                "files": [{"path": f"app/{n}.py", "content": "x" * 900_000} for n in range(6)],
                "edits": [],
                "deletes": [],
            }
        ),
        says="bytes",
    ),
    _answered(
        "one-huge-file",
        "one file of more bytes than one may have",
        answer=json.dumps(
            {
                "files": [{"path": "app/x.py", "content": "x" * 3_000_000}],
                "edits": [],
                "deletes": [],
            }
        ),
        says="app/x.py",
    ),
    _answered(
        "many-files",
        "a thousand files",
        tuple(f"app/{n}.py" for n in range(1000)),
        says="files are changed at once",
    ),
    _answered(
        "file-over-folder",
        "a file where a folder is, a folder where a file is, and both at once",
        ("app", "app/adder.py/x.py", "new", "new/x.py", "tests/.."),
        says="app/adder.py/x.py",
    ),
    _answered(
        "deletes",
        "deletions of what is not the project's",
        answer=json.dumps(
            {
                "files": [],
                "edits": [],
                "deletes": ["../precious", ".git/config", "%%BASE%%/precious", "app", ""],
            }
        ),
        says="../precious",
    ),
    _answered(
        "marked-blocks",
        "the same in an agent's text",
        answer="=== FILE app/good.py ===\nx = 1\n=== END ===\n"
        "=== FILE ../drop/x ===\nx\n=== END ===\n"
        "=== FILE .git/hooks/pre-commit ===\n#!/bin/sh\n=== END ===\n"
        "=== EDIT ../precious ===\n--- REMOVE ---\nprecious\n--- ADD ---\nhostile\n=== END ===\n",
        says="../drop/x",
    ),
    _answered(
        "what-tests-run-by",
        "files that would decide how the tests are run",
        (
            "conftest.py",
            "tests/conftest.py",
            "pytest.ini",
            "sitecustomize.py",
            "tests/test_adder.py",
        ),
        says="tests/test_adder.py",
    ),
    _planted(
        "strange-names", "names with bytes, escapes and markup lie in the tree", plant=_strange
    ),
    _planted("twins", "names that differ in case or form only lie in the tree", plant=_twins),
    _planted(
        "loops", "links to themselves, upwards, to devices without an end; a socket", plant=_loops
    ),
    _planted("deep", "folders in folders, deeper than a name may be long", plant=_deep),
    _planted("closed", "a file and a folder that nobody may read", plant=_forbidden),
    _planted(
        "our-own-names",
        "files with the names of ours: the sandbox's, pytest's, the tool's",
        files={
            "src.tar": "x",
            "ro/boot.py": ATTEMPTS,
            ".orchestrate/runs/x": "x",
            "boot.py": "raise SystemExit(0)\n",
            "-c": "x\n",
            "@args": "--sandbox process\n",
        },
    ),
)
