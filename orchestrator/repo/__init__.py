"""The product's git repository: trees in, commits out; only branches and the checkout ever move."""

import shutil
from pathlib import Path

from orchestrator.artifacts.tree import Tree
from orchestrator.errors import Changed, Missing
from orchestrator.repo import remains
from orchestrator.repo.branches import Branches
from orchestrator.repo.checkout import MAIN, Checkout
from orchestrator.repo.git import Git, inside, touching, usable
from orchestrator.repo.objects import NOTHING, Message
from orchestrator.repo.store import Conflict, Merged, Store
from orchestrator.scratch import publish, sync

__all__ = ["Conflict", "Merged", "Repo", "inside", "usable"]

_FIRST = "Begin"


class Repo:
    """In `path`, the product's folder. Git's processes inherit `lock_fd`, the run's lock.

    Every method raises Missing when git or the disk fails.
    """

    def __init__(self, path: Path, *, git: Path, lock_fd: int | None) -> None:
        self._path = path
        self._dir = path / ".git"
        self._binary = git
        self._anywhere = Git(git, lock_fd=lock_fd, cwd=path)
        self._git = self._anywhere.at(path, GIT_DIR=str(self._dir), GIT_WORK_TREE=str(path))
        self._store = Store(path, self._anywhere)
        self._checkout = Checkout(path, self._git, self._store)
        self._branches = Branches(self._git, self._store)

    @property
    def path(self) -> Path:
        """The product's folder."""
        return self._path

    async def create(self, scaffold: Tree, *, at: str) -> str:
        """The first commit of main, from `scaffold`, checked out; done again, the same.

        Raises Changed when the folder is a repository that began otherwise.
        """
        await usable(self._binary)
        if not self._dir.exists():
            await self._init()
        first = await self.commit(scaffold, parents=(), message=_FIRST, at=at)
        if not (await self._git.run("for-each-ref", "--count=1")).out:
            self._checkout.begin(first)
            head = await self._git.run("symbolic-ref", "--quiet", "HEAD", codes=(0, 1))
            if head.out.decode("utf-8", "replace").strip() != MAIN:
                await self._git.run("symbolic-ref", "HEAD", MAIN)
            await self._set_main(first, NOTHING, why="begun")
        main = await self.main()
        if not await self.is_ancestor(first, main):
            raise Changed(f"{self._path} is a repository already", "choose another folder: --into")
        if main == first:
            await self.checkout()
        return first

    async def commit(self, tree: Tree, *, parents: tuple[str, ...], message: str, at: str) -> str:
        """The id of a commit of `tree`: the same for the same arguments. No ref moves.

        `at` is UTC, ISO 8601. A file keeps its executable bit from the first parent that has it.
        """
        return await self._store.commit(tree, Message(parents=parents, text=message, at=at))

    async def read(self, commit: str) -> Tree:
        """The files of a commit. Raises Changed when one is a link or a submodule."""
        return await self._store.read(commit)

    async def merge(self, ours: str, theirs: str) -> Merged:
        """Both commits' changes since their common ancestor, in one tree. No ref moves.

        Markers in conflicted files name the two commits.
        """
        return await self._store.merge(ours, theirs)

    async def is_ancestor(self, commit: str, of: str) -> bool:
        """Whether `commit` is `of` or comes before it."""
        return await self._store.is_ancestor(commit, of)

    async def main(self) -> str:
        """Main's commit. Raises Changed when there is no main."""
        ran = await self._git.run("rev-parse", "--verify", "--quiet", MAIN, codes=(0, 1))
        if ran.code:
            raise Changed(f"{self._path} has no branch main", "git branch main")
        return ran.out.decode().strip()

    async def pack(self, commit: str, after: str) -> bytes:
        """A git pack of what `commit` has and `after`, which comes before it, has not.

        Raises Changed when that is more than can be recorded.
        """
        return await self._store.pack(commit, after)

    async def unpack(self, commit: str, pack: bytes) -> None:
        """Takes `commit` from a pack, unless it is here. Raises Changed when the pack is broken."""
        await self._store.unpack(commit, pack)

    async def branch(self, name: str, commit: str) -> None:
        """Makes a branch other than main, or moves it on: nothing when it contained `commit`
        already, or main does.
        """
        await self._branches.grow(name, commit)

    async def settle(self, name: str, commit: str) -> None:
        """Puts a branch at `commit`; what it leaves behind is kept by a tag
        `attempt/<last part of name>/<commit>`.
        """
        await self._branches.settle(name, commit)
        await self._branches.mark(name, commit)

    async def retire(self, name: str) -> None:
        """Removes a branch, and the tags of what it left behind, each only when main contains it
        and nobody has it checked out.
        """
        await self._branches.retire(name, await self.main())

    async def advance(self, old: str, new: str) -> None:
        """Moves main from `old` on to `new`; nothing when `new` is in main already.

        Raises Changed when main is elsewhere. The checkout stays behind.
        """
        main = await self.main()
        if await self.is_ancestor(new, main):
            return
        if main != old:
            raise self._moved(main, old)
        if not await self.is_ancestor(old, new):
            raise ValueError(f"{new} does not come after {old}")
        self._checkout.leave_behind(old, new)
        try:
            await self._set_main(new, old, why="milestone merged")
        except Missing:
            if (main := await self.main()) != old:
                raise self._moved(main, old) from None
            raise

    async def dirty(self) -> tuple[str, ...]:
        """Paths with a person's uncommitted edits that a checkout of main would overwrite or
        unstage; () when another branch is checked out.
        """
        return await self._checkout.edited(await self.main())

    async def checkout(self) -> None:
        """Brings the product's folder to main's commit.

        Raises Changed, having overwritten nothing, when a person's uncommitted edits or another
        branch are in the way.
        """
        await self._checkout.bring(await self.main())

    def clean(self) -> None:
        """Removes what killed processes left. For the holder of the run's lock, before all else."""
        with touching(self._path):
            remains.clean(self._path)

    async def _init(self) -> None:
        """`git init` is not atomic, a rename is."""
        new = self._path / remains.INIT
        with touching(self._path):
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir(parents=True)
        init = ("init", "--quiet", "--template=", "--initial-branch=main")
        await self._anywhere.at(new).run(*init)
        with touching(self._path):
            publish(new / ".git", self._dir)
            new.rmdir()

    async def _set_main(self, new: str, old: str, *, why: str) -> None:
        """For good: what the checkout's state says of main must be true after a power cut."""
        await self._git.run("update-ref", "-m", why, MAIN, new, old)
        with touching(self._path):
            sync(self._dir / "refs" / "heads")

    def _moved(self, main: str, old: str) -> Changed:
        return Changed(
            f"main of {self._path} is {main[:12]}, not {old[:12]}: somebody moved it",
            "orchestrate resume goes on from there",
        )
