"""The checkout of main in the product's folder: which commit it shows, what a person edited."""

import asyncio
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ConfigDict

from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.errors import Changed, Missing
from orchestrator.repo import folder, objects
from orchestrator.repo.git import Git, touching
from orchestrator.repo.remains import INDEXING, OWN, STATE
from orchestrator.repo.store import Store
from orchestrator.scratch import sync

MAIN = "refs/heads/main"
_SHOWN = 5
_LOCK_TRIES = 40
_LOCK_SECONDS = 0.25
_LOCKED = "index.lock': File exists"


class _State(Value):
    """Each file in the folder is as in one of the commits `shows` ("": there is none), as long as
    main is one of `moved`. When main is another, a person moved it, and the folder with it.

    A checkout that was killed leaves more than one.
    """

    shows: tuple[str, ...]
    moved: tuple[str, ...]


class _Look(Value):
    """What is in the folder, and which of it is a person's edit."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    seen: Mapping[str, folder.Found]
    target: Tree
    edited: tuple[str, ...]


class Checkout:
    """Of main, in `root`. `git` runs in its repository and work tree."""

    def __init__(self, root: Path, git: Git, store: Store) -> None:
        self._root = root
        self._git = git
        self._store = store
        self._state = root / ".git" / OWN / STATE

    async def edited(self, main: str) -> tuple[str, ...]:
        return (await self._look(main)).edited if await self._head() == MAIN else ()

    def begin(self, first: str) -> None:
        """Notes, before main is made, that the folder shows nothing yet."""
        self._save(_State(shows=("",), moved=(first,)))

    def leave_behind(self, old: str, new: str) -> None:
        """Notes, before main moves from `old` to `new`, what the folder shows all the while."""
        self._save(_State(shows=self._shows(old), moved=(old, new)))

    async def bring(self, main: str) -> None:
        """Brings the folder to `main`. Raises Changed, having overwritten nothing of a person's."""
        shows = self._shows(main)
        if shows == (main,):
            return
        if (head := await self._head()) != MAIN:
            raise Changed(f"{self._root} is on {head or 'no branch'}, not main", "git switch main")
        look = await self._look(main)
        if look.edited:
            more = f" and {len(look.edited) - _SHOWN} more" if len(look.edited) > _SHOWN else ""
            raise Changed(
                f"{self._root} has uncommitted edits: {', '.join(look.edited[:_SHOWN])}{more}",
                "commit or stash them, then: orchestrate resume",
            )
        entries = await self._store.entries(main)
        executable = frozenset(path for path, one in entries.items() if one.mode == "100755")
        before = [await self._store.entries(one) for one in shows if one]
        anew = frozenset(
            path for path, one in entries.items() if any(one.mode != _mode(path, b) for b in before)
        )
        self._save(_State(shows=(*shows, main), moved=(main,)))
        with touching(self._root):
            folder.update(self._root, look.seen, look.target, executable=executable, anew=anew)
        await self._index(main)
        self._save(_State(shows=(main,), moved=(main,)))

    async def _look(self, main: str) -> _Look:
        """An edit is content, in the folder or the index, of none of these commits."""
        target = await self._store.read(main)
        trees = [await self._store.read(one) if one else Tree() for one in self._shows(main)]
        trees.append(target)
        with touching(self._root):
            seen = folder.snapshot(self._root, frozenset[str]().union(*trees))
        odd = [p for p, found in seen.items() if found not in [tree.get(p) for tree in trees]]
        cleaned = await self._cleaned(p for p in odd if isinstance(seen[p], bytes))
        edited = {p for p in odd if p not in cleaned or cleaned[p] not in _blobs(trees, p)}
        staged = await self._staged()
        if staged is not None:
            paths = staged.keys() | seen.keys()
            edited |= {p for p in paths if staged.get(p) not in _blobs(trees, p)}
        return _Look(seen=seen, target=target, edited=tuple(sorted(edited)))

    async def _cleaned(self, paths: Iterable[str]) -> dict[str, str]:
        """Blob ids as git would store these files: a checkout by git may have CRLF lines."""
        asked = [path for path in paths if "\n" not in path]
        if not asked:
            return {}
        stdin = "".join(f"{path}\n" for path in asked).encode()
        ran = await self._git.run("hash-object", "--stdin-paths", stdin=stdin)
        return dict(zip(asked, ran.out.decode().split(), strict=True))

    async def _staged(self) -> dict[str, str] | None:
        """Path -> blob id in the index, an unmerged one as ""; None without an index."""
        if not (self._root / ".git" / "index").exists():
            return None
        ran = await self._git.run("ls-files", "--stage", "-z")
        found: dict[str, str] = {}
        for line in ran.out.split(b"\0")[:-1]:
            facts, _, name = line.partition(b"\t")
            _, sha, stage = facts.decode().split(" ")
            found[os.fsdecode(name)] = sha if stage == "0" else ""
        return found

    async def _index(self, main: str) -> None:
        """Another git process, such as an editor's, holds the index for moments only."""
        mark = self._state.with_name(INDEXING)
        with touching(self._root):
            mark.touch()
            sync(mark.parent)
        for attempt in range(_LOCK_TRIES):
            ran = await self._git.run("read-tree", main, codes=(0, 128))
            if ran.code == 0:
                break
            if (held := _LOCKED in ran.err) and attempt < _LOCK_TRIES - 1:
                await asyncio.sleep(_LOCK_SECONDS)
                continue
            with suppress(OSError):  # the disk may be what failed
                mark.unlink()
            lock = self._root / ".git" / "index.lock"
            raise Missing(
                f"git cannot write the index of {self._root}: {ran.err.strip()}",
                f"end the other git process, or remove {lock} if there is none"
                if held
                else "free space or mend its permissions, then: orchestrate resume",
            )
        await self._git.run("update-index", "-q", "--refresh", codes=(0, 1, 128))
        with touching(self._root):
            sync(self._root / ".git")
            mark.unlink()

    async def _head(self) -> str:
        ran = await self._git.run("symbolic-ref", "--quiet", "HEAD", codes=(0, 1))
        return ran.out.decode("utf-8", "replace").strip()

    def _shows(self, main: str) -> tuple[str, ...]:
        try:
            state = _State.model_validate_json(self._state.read_bytes())
        except (FileNotFoundError, ValueError):
            return (main,)
        return state.shows if main in state.moved else (main,)

    def _save(self, state: _State) -> None:
        temporary = self._state.with_name("tmp-checkout")
        with touching(self._root), temporary.open("wb") as file:
            file.write(state.model_dump_json().encode())
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(self._state)
            sync(self._state.parent)


def _mode(path: str, entries: objects.Entries) -> str:
    return entries[path].mode if path in entries else ""


def _blobs(trees: Iterable[Tree], path: str) -> set[str | None]:
    return {objects.blob(tree[path]) if path in tree else None for tree in trees}
