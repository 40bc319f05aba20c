"""The milestones' branches, moved and removed only so that whatever was made stays reachable."""

import os

from orchestrator.artifacts.values import Value
from orchestrator.repo.checkout import MAIN
from orchestrator.repo.git import Git
from orchestrator.repo.objects import NOTHING
from orchestrator.repo.store import Store

_SHORT = 12


class _Ref(Value):
    name: str
    commit: str
    worktree: str
    """Where it is checked out, "" when it is not."""


class Branches:
    """`git` runs in the repository. What a branch leaves behind is kept by the tags
    `attempt/<last part of its name>/<commit>`.
    """

    def __init__(self, git: Git, store: Store) -> None:
        self._git = git
        self._store = store

    async def grow(self, name: str, commit: str) -> None:
        """Makes the branch or moves it on; nothing where it, its tags or main contain `commit`."""
        if not await self._refs(f"--contains={commit}", *_own(name), MAIN):
            await self.settle(name, commit)

    async def settle(self, name: str, commit: str) -> None:
        """Puts the branch at `commit`, wherever it was."""
        ref, tags = _own(name)
        found = await self._refs(ref)
        old = found[0].commit if found else ""
        if old and not await self._store.is_ancestor(old, commit):
            await self._git.run("update-ref", f"{tags}/{old[:_SHORT]}", old)
        if old != commit:
            await self._git.run("update-ref", ref, commit, old or NOTHING)
        await self._drop(await self._refs(tags), commit)

    async def mark(self, name: str, commit: str) -> None:
        """Tags the best attempt of the branch `name`."""
        await self._git.run("update-ref", _best(name), commit)

    async def retire(self, name: str, main: str) -> None:
        """Removes the branch and its tags, each only when its commit is proven to be in `main` and
        nobody has it checked out.
        """
        await self._drop(await self._refs(*_own(name), _best(name)), main)

    async def _drop(self, refs: tuple[_Ref, ...], of: str) -> None:
        for one in refs:
            if not one.worktree and await self._store.is_ancestor(one.commit, of):
                # 128: somebody moved or removed it just now, so it is theirs
                await self._git.run("update-ref", "-d", one.name, one.commit, codes=(0, 128))

    async def _refs(self, *which: str) -> tuple[_Ref, ...]:
        wanted = "--format=%(refname)%00%(objectname)%00%(worktreepath)"
        ran = await self._git.run("for-each-ref", wanted, *which)
        lines = [os.fsdecode(line).split("\0") for line in ran.out.splitlines()]
        return tuple(
            _Ref(name=name, commit=commit, worktree=worktree) for name, commit, worktree in lines
        )


def _best(name: str) -> str:
    return f"refs/tags/best/{name.rpartition('/')[2]}"


def _own(name: str) -> tuple[str, str]:
    """The ref of the branch, and the folder of its tags."""
    return f"refs/heads/{name}", f"refs/tags/attempt/{name.rpartition('/')[2]}"
