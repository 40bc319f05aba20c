"""Commits, read and made without a ref or a checkout."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from pydantic import ConfigDict

from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.errors import Changed
from orchestrator.repo import objects
from orchestrator.repo.git import Git, Ran, touching
from orchestrator.repo.remains import OWN
from orchestrator.scratch import sync

_CACHED = 64
_HEAD = b"ref: refs/heads/main\n"
_CONFLICT = re.compile(r"CONFLICT \((.*)\)")
_PACKED = 16 * 1024 * 1024


class Conflict(Value):
    """One thing that git could not merge. `kind` is git's stable name of it (`modify/delete`),
    `paths` are those that it concerns, the one in the merged tree first.
    """

    kind: str
    paths: tuple[str, ...]


class Merged(Value):
    """A merge's tree; files that could not be merged are in `conflicts`, and why in `causes`."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    tree: Tree
    conflicts: tuple[str, ...]
    causes: tuple[Conflict, ...] = ()


class Store:
    """The objects of the repository in `root`, seen through a git folder of our own that has none
    of its configuration, attributes or refs.
    """

    def __init__(self, root: Path, git: Git) -> None:
        self._shared = root / ".git"
        self._own = self._shared / OWN
        self._git = git.at(
            self._own,
            GIT_DIR=str(self._own),
            GIT_OBJECT_DIRECTORY=str(self._shared / "objects"),
        )
        self._known: dict[str, objects.Entries] = {}

    async def commit(self, tree: Tree, said: objects.Message) -> str:
        before = [await self.entries(one) for one in said.parents]
        files = objects.entries(tree, before)
        known = frozenset(entry.blob for one in before for entry in one.values())
        ran = await self._run(
            *("fast-import", "--quiet", "--date-format=raw", "--done"),
            stdin=objects.stream(tree, said, files, known),
        )
        made = ran.out.decode().strip()
        with touching(self._shared):  # a ref must not come to name what a power cut takes back
            sync(self._shared / "objects" / "pack")
        self._remember(made, files)
        return made

    async def read(self, commit: str) -> Tree:
        entries = await self.entries(commit)
        wanted = sorted({entry.blob for entry in entries.values()})
        ran = await self._run(
            "cat-file", "--batch", stdin="".join(f"{x}\n" for x in wanted).encode()
        )
        found = objects.contents(ran.out)
        return Tree({path: found[entry.blob] for path, entry in entries.items()})

    async def entries(self, commit: str) -> objects.Entries:
        if commit not in self._known:
            ran = await self._run("ls-tree", "-r", "-z", "--full-tree", commit)
            self._remember(commit, objects.listed(ran.out, commit))
        return self._known[commit]

    async def merge(self, ours: str, theirs: str) -> Merged:
        ran = await self._run(
            *("merge-tree", "--write-tree", "-z", "--name-only", "--messages"),
            *(ours, theirs),
            codes=(0, 1),
        )
        tree, *told = ran.out.decode("utf-8", "replace").split("\0")
        end = told.index("") if "" in told else len(told)
        return Merged(
            tree=await self.read(tree),
            conflicts=tuple(sorted(set(told[:end]))),
            causes=tuple(_causes(told[end + 1 :])),
        )

    async def pack(self, commit: str, after: str) -> bytes:
        span = (commit, f"^{after}")
        ran = await self._run("rev-list", "--objects", "--disk-usage", *span)
        if (size := int(ran.out)) > _PACKED:
            raise Changed(
                f"main got {size >> 20} MiB up to commit {commit[:12]}; at most {_PACKED >> 20} "
                "can be recorded",
                f"take the large files out: git -C {shlex.quote(str(self._shared.parent))} reset "
                f"--soft {after}, commit without them, then: orchestrate resume",
            )
        stdin = "".join(f"{one}\n" for one in span).encode()
        return (await self._run("pack-objects", "--revs", "--stdout", "-q", stdin=stdin)).out

    async def unpack(self, commit: str, pack: bytes) -> None:
        if await self._has(commit):
            return
        # Strict, since a recording may come from anywhere: no path `.git` or `..`, no loose end.
        ran = await self._run("unpack-objects", "--strict", "-q", stdin=pack, codes=(0, 1, 128))
        if ran.code or not await self._has(commit):
            raise Changed(
                f"the recorded commit {commit[:12]} of main cannot be restored from its record",
                "restore the run's folder from a copy, or begin a new run",
            )

    async def _has(self, commit: str) -> bool:
        ran = await self._run("cat-file", "-e", f"{commit}^{{commit}}", codes=(0, 1, 128))
        return ran.code == 0

    async def is_ancestor(self, commit: str, of: str) -> bool:
        ran = await self._run("merge-base", "--is-ancestor", commit, of, codes=(0, 1))
        return ran.code == 0

    async def _run(self, *arguments: str, stdin: bytes = b"", codes: tuple[int, ...] = (0,)) -> Ran:
        with touching(self._own):
            self._prepare()
        return await self._git.run(*arguments, stdin=stdin, codes=codes)

    def _prepare(self) -> None:
        """What makes a folder a git folder; a shallow clone stays one."""
        for name in ("refs", "objects"):
            (self._own / name).mkdir(parents=True, exist_ok=True)
        for path, content in (
            (self._own / "HEAD", _HEAD),
            (self._own / "shallow", _content(self._shared / "shallow")),
        ):
            if _content(path) != content:
                path.write_bytes(content)

    def _remember(self, commit: str, entries: objects.Entries) -> None:
        while len(self._known) >= _CACHED:
            del self._known[next(iter(self._known))]
        self._known[commit] = entries


def _causes(told: list[str]) -> Iterator[Conflict]:
    """Of groups of: number of paths, paths, kind, message."""
    at = 0
    while at < len(told) and told[at]:
        end = at + 1 + int(told[at])
        if match := _CONFLICT.fullmatch(told[end]):
            yield Conflict(kind=match[1], paths=tuple(told[at + 1 : end]))
        at = end + 2


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
