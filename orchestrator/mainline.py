"""Main as a milestone finds it when its turn has come: a person's commits on it become its base."""

import base64
import shlex

from pydantic import Field

from orchestrator.artifacts.values import Value
from orchestrator.errors import Changed
from orchestrator.ledger import Ledger
from orchestrator.repo import Repo


class Seen(Value):
    """Where main was found: `commit`, with a git pack (base64) of what it has beyond the commit
    that was expected. Both are "" when it was where the run had left it.
    """

    commit: str = Field(pattern=r"^([0-9a-f]{40})?$")
    pack: str


class Mainline:
    """For one milestone, whose looks at main are the decisions `<milestone>/main/<n>`: each that
    found main elsewhere, and each that no merge came of. The merge that came of the last is
    `<milestone>/main/landed`.
    """

    def __init__(self, repo: Repo, ledger: Ledger, milestone: str) -> None:
        self._repo = repo
        self._ledger = ledger
        self._milestone = milestone
        self._landing = f"{milestone}/main/landed"
        self._next = 1
        self._noted = False
        self._refused = False

    async def look(self, expected: str, made: str) -> str:
        """The commit of main to merge `made` into: `expected`, or a person's that comes after it.

        Raises Changed when main does not contain what it should, has something that no product has
        (a link, a submodule) or grew by more than can be recorded.
        """
        seen = self._decided()
        self._noted = seen is not None
        if seen is not None:
            self._next += 1
            return await self._restored(seen, expected) if seen.commit else expected
        main = await self._repo.main()
        if main == expected or (not self._refused and await self._merged(made, main)):
            return expected
        if not await self._repo.is_ancestor(expected, main):
            raise self._rewritten(main, expected)
        await self._repo.read(main)  # what cannot be built on is refused before it is recorded
        pack = await self._repo.pack(main, expected)
        self._note(Seen(commit=main, pack=base64.b64encode(pack).decode()))
        return main

    def hold(self) -> None:
        """Notes the latest look, before anything but a merge comes of it: from then on main may
        hold what was merged later.
        """
        if not self._noted:
            self._note(Seen(commit="", pack=""))

    async def land(self, base: str, commit: str) -> bool:
        """Moves main from `base` to `commit`, or finds it there. False when it is to be looked at
        again: somebody moves it, or once moved it just then.

        Raises Changed when `commit` was in main once and somebody took it out.
        """
        if self._decided() is not None:
            return False
        landed = self._ledger.decision(self._landing)
        try:
            await self._repo.advance(base, commit)
        except Changed:
            if landed == commit:
                raise self._rewritten(await self._repo.main(), commit) from None
            self._refused = True
            return False
        if landed is None:
            self._ledger.decide(self._landing, commit)
        return True

    async def _merged(self, made: str, main: str) -> bool:
        """Whether an earlier walk merged `made`, and main went on from there. When landing was
        refused, it was a person who merged it.
        """
        if self._ledger.decision(self._landing) is not None:
            return True
        return await self._repo.is_ancestor(made, main)

    async def _restored(self, seen: Seen, expected: str) -> str:
        """In a replay main does not have the person's commits yet."""
        await self._repo.unpack(seen.commit, base64.b64decode(seen.pack))
        main = await self._repo.main()
        if not await self._repo.is_ancestor(expected, seen.commit):
            raise self._rewritten(seen.commit, expected)
        if main != expected and not await self._repo.is_ancestor(seen.commit, main):
            raise self._rewritten(main, seen.commit)
        await self._repo.advance(expected, seen.commit)
        return seen.commit

    def _place(self) -> str:
        return f"{self._milestone}/main/{self._next}"

    def _decided(self) -> Seen | None:
        value = self._ledger.decision(self._place())
        try:
            return None if value is None else Seen.model_validate_json(value)
        except ValueError as error:
            raise Changed(
                f"decision {self._place()} is not readable", "restore it from a copy"
            ) from error

    def _note(self, seen: Seen) -> None:
        self._ledger.decide(self._place(), seen.model_dump_json())
        self._next += 1
        self._noted = True

    def _rewritten(self, main: str, needed: str) -> Changed:
        """Merging loses nothing of either; a main that only went back is moved forward again."""
        git = f"git -C {shlex.quote(str(self._repo.path))}"
        return Changed(
            f"main of {self._repo.path} is {main[:12]}, which does not contain {needed[:12]} any "
            "more",
            f"{git} switch main && {git} merge {needed}, then: orchestrate resume",
        )
