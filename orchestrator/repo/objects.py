"""Commits as values: what git prints about one, and what it must be told to make one."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.errors import Changed, Missing
from orchestrator.repo.git import WHO

_NEW = "refs/orchestrator/new"
NOTHING = "0" * 40


class Entry(NamedTuple):
    mode: str
    """100644 or 100755."""
    blob: str


Entries = Mapping[str, Entry]


class Message(Value):
    """What a commit says beside its tree. `at` is UTC, ISO 8601."""

    parents: tuple[str, ...]
    text: str
    at: str


def blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def listed(output: bytes, commit: str) -> Entries:
    """The entries that `ls-tree -r -z` prints. Raises Changed for what is not a regular file."""
    found: dict[str, Entry] = {}
    for line in output.split(b"\0")[:-1]:
        facts, _, name = line.partition(b"\t")
        mode, kind, sha = facts.decode().split(" ")
        path = _path(name, commit)
        if kind != "blob" or mode == "120000":
            what = "a symbolic link" if kind == "blob" else "a submodule"
            raise Changed(
                f"{path!r} in commit {commit} is {what}; a product has regular files only",
                "replace it with files and commit that, then: orchestrate resume",
            )
        found[path] = Entry("100755" if mode == "100755" else "100644", sha)
    return found


def _path(name: bytes, commit: str) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Changed(
            f"{name!r} in commit {commit} is not a UTF-8 name", "rename it and commit that"
        ) from error


def contents(output: bytes) -> dict[str, bytes]:
    """Blob id -> content, of what `cat-file --batch` prints. Raises Missing for a lost blob."""
    found: dict[str, bytes] = {}
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        sha, what, *size = output[at:end].decode().split(" ")
        if what != "blob":
            raise Missing(f"git object {sha} is {what}", "git fsck, and restore it from a copy")
        stop = end + 1 + int(size[0])
        found[sha] = output[end + 1 : stop]
        at = stop + 1
    return found


def entries(tree: Tree, parents: Iterable[Entries]) -> dict[str, Entry]:
    """A file keeps the mode that it has in the first parent that knows it."""
    known = tuple(parents)
    made: dict[str, Entry] = {}
    for path, content in tree.items():
        mode = next((one[path].mode for one in known if path in one), "100644")
        made[path] = Entry(mode, blob(content))
    return made


def stream(tree: Tree, message: Message, files: Entries, known: frozenset[str]) -> bytes:
    """What `fast-import` reads to make the commit, without a ref, and print its id.

    Blobs in `known` are in the repository already.
    """
    return b"".join(_lines(tree, message, files, known))


def _lines(tree: Tree, message: Message, files: Entries, known: frozenset[str]) -> Iterator[bytes]:
    seconds = _seconds(message.at)
    yield f"feature done\ncommit {_NEW}\nmark :1\n".encode()
    for role in ("author", "committer"):
        name, mail = WHO[f"GIT_{role.upper()}_NAME"], WHO[f"GIT_{role.upper()}_EMAIL"]
        yield f"{role} {name} <{mail}> {seconds} +0000\n".encode()
    yield _data(f"{message.text.rstrip()}\n".encode("utf-8", "replace").replace(b"\0", b""))
    for number, parent in enumerate(message.parents):
        yield f"{'merge' if number else 'from'} {parent}\n".encode()
    yield b"deleteall\n"
    for path, (mode, sha) in files.items():
        if sha in known:
            yield f"M {mode} {sha} {_quoted(path)}\n".encode()
        else:
            yield f"M {mode} inline {_quoted(path)}\n".encode() + _data(tree[path])
    yield f"get-mark :1\nreset {_NEW}\nfrom {NOTHING}\n\ndone\n".encode()


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _seconds(at: str) -> int:
    moment = datetime.fromisoformat(at)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
