"""What a person says while a run goes on: words dropped into its folder become decisions."""

import secrets
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from orchestrator.artifacts.values import Value
from orchestrator.errors import AwaitingPerson, Missing
from orchestrator.events import Awaited, Heard, Sink, Warned
from orchestrator.ledger import Ledger, disk
from orchestrator.ledger.aside import aside
from orchestrator.settings import Approval

PLAN = "run"
"""The scope of what is said about the plan."""
EVERY = ""
"""The scope of what is said to every milestone that has not ended."""
WORDS_BYTES = 16 * 1024
SUFFIX = ".word.json"

Kind = Literal["steer", "approve", "cancel"]
Ask = Callable[[str], Awaitable[str]]
"""Puts a question to the person at the terminal; their line."""


class Word(Value):
    """`scope` is a milestone's id, PLAN or EVERY; `text` is empty but for steering; `at` is UTC,
    ISO 8601; `name` is the file that brought it, or how else it came.
    """

    kind: Kind
    scope: str
    text: str = ""
    at: str
    name: str


class _Said(Value):
    """What was said at one place, maybe nothing."""

    words: tuple[Word, ...] = ()


class Anew(Value):
    """After everything had ended: `milestone` is to be built on; `words` say what to change."""

    milestone: str
    words: tuple[str, ...]


def word(kind: Kind, scope: str, text: str = "") -> Word:
    """A new one, said now."""
    now = datetime.now(UTC)
    name = f"{now:%Y%m%d-%H%M%S-%f}-{secrets.token_hex(3)}{SUFFIX}"
    return Word(
        kind=kind, scope=scope, text=text, at=now.isoformat(timespec="milliseconds"), name=name
    )


def drop(folder: Path, said: Word) -> None:
    """Leaves a word for the run, durably and without its lock. Raises Missing."""
    try:
        disk.write(folder / said.name, said.model_dump_json().encode())
    except OSError as error:
        raise Missing(f"cannot write {folder}: {error.strerror}", "mend the folder") from error


def dropped(folder: Path) -> tuple[Word, ...]:
    """Every readable word in `folder`, oldest first. Raises Missing when it cannot be listed."""
    try:
        paths = sorted(folder.glob(f"[0-9]*{SUFFIX}"))
        read = [(path.name, disk.peek(path, WORDS_BYTES)) for path in paths]
    except OSError as error:
        raise Missing(f"cannot read {folder}: {error.strerror}", "mend its permissions") from error
    found: list[Word] = []
    for name, content in read:
        try:
            found.append(Word.model_validate_json(content).model_copy(update={"name": name}))
        except ValidationError:
            continue
    return tuple(found)


class People:
    """Turns the words in `folder` into decisions of `ledger`, each at the place that takes it.

    What is decided at a place is said there again in every later walk; a word is taken by each
    milestone that it concerns once. `approve` are the gates at which a person must agree; with
    `confirm` the plan is one while nothing is built yet. `ask` reaches the person at the terminal,
    None where there is none.
    """

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        *,
        sink: Sink,
        approve: Collection[Approval] = (),
        ask: Ask | None = None,
        confirm: bool = False,
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._sink = sink
        self._approve = approve
        self._ask = ask
        self._confirm = confirm
        self._taken: dict[str, set[str]] = {}

    def steered(self, scope: str, boundary: str, *, fresh: bool) -> tuple[str, ...]:
        """What is said to milestone `scope` at `boundary`; new words are taken when it is `fresh`,
        with nothing recorded behind it.
        """
        place = f"{scope}/steer/{boundary}"
        said = self._decided(place)
        if said is None and fresh and (new := self._new(scope, "steer")):
            said = self._decide(place, scope, new)
        self._take(scope, said)
        return tuple(one.text for one in said.words) if said else ()

    def ends(self, scope: str, boundary: str, *, fresh: bool) -> bool:
        """Whether a person ended `scope` at this boundary, or ends it now."""
        place = f"{scope}/cancel/{boundary}"
        said = self._decided(place)
        if said is None and fresh and (new := self._new(scope, "cancel")):
            said = self._decide(place, scope, new[:1])
        self._take(scope, said)
        return said is not None

    def landed(self, scope: str, number: int) -> bool:
        """Whether it is decided what a person says before this landing."""
        return self._decided(f"{scope}/landing/{number}") is not None

    async def landing(self, scope: str, number: int, question: str) -> tuple[str, ...]:
        """What is said to a milestone that is ready to land, or to the plan: () is a yes.

        Where approval is needed, waits for it at the terminal, else raises AwaitingPerson.
        `question` is put with the `number` of times that it came so far.
        """
        place = f"{scope}/landing/{number}"
        said = self._decided(place)
        if said is None:
            new = self._new(scope, "steer", "approve")
            if not new and self._needed(scope) and not self._new(EVERY, "cancel"):
                new = (await self._answered(scope, question),)
            if new or scope != PLAN:
                said = await aside(self._decide, place, scope, new)
        self._take(scope, said)
        return tuple(one.text for one in said.words if one.kind == "steer") if said else ()

    def late(self, scope: str) -> None:
        """Warns of words to `scope` alone that came when it had ended."""
        for one in self._new(scope, "steer", "cancel"):
            if one.scope == scope:
                self._sink(Warned(message=f"too late for {scope}: {one.kind} {one.text}".strip()))

    def again(self, wish: Anew) -> None:
        """Records a wish, after the earlier ones."""
        self._ledger.decide(f"{PLAN}/retry/{len(self.wishes()) + 1}", wish.model_dump_json())
        self._sink(Heard(scope=wish.milestone, what="retry", text=" ".join(wish.words)))

    def wishes(self) -> tuple[Anew, ...]:
        """Every recorded one, oldest first."""
        found: list[Anew] = []
        while (said := self._ledger.decision(f"{PLAN}/retry/{len(found) + 1}")) is not None:
            found.append(Anew.model_validate_json(said))
        return tuple(found)

    def _needed(self, scope: str) -> bool:
        if scope != PLAN:
            return "milestone" in self._approve
        if "plan" in self._approve:
            return True
        return self._confirm and not self.begun()

    def begun(self) -> bool:
        """Whether anything was answered for a milestone."""
        return any(not one.id.startswith(f"{PLAN}/") for one in self._ledger.answers())

    async def _answered(self, scope: str, question: str) -> Word:
        what = "the plan" if scope == PLAN else scope
        self._sink(Awaited(scope=scope, question=question))
        line = (await self._ask(question)).strip() if self._ask else "no"
        if line.lower() in ("y", "yes"):
            return word("approve", scope)
        if line.lower() not in ("", "n", "no"):
            return word("steer", scope, line)
        name = "plan" if scope == PLAN else scope
        raise AwaitingPerson(
            f"{what} waits for your approval",
            f"orchestrate approve {name}, or orchestrate steer {name} TEXT, or orchestrate cancel; "
            "then: orchestrate resume",
        )

    def _new(self, scope: str, *kinds: str) -> tuple[Word, ...]:
        scopes = (scope,) if scope == PLAN else (scope, EVERY)
        taken = self._taken.get(scope, set())
        return tuple(
            one
            for one in dropped(self._folder)
            if one.kind in kinds and one.scope in scopes and one.name not in taken
        )

    def _take(self, scope: str, said: _Said | None) -> None:
        if said is not None:
            self._taken.setdefault(scope, set()).update(one.name for one in said.words)

    def _decided(self, place: str) -> _Said | None:
        found = self._ledger.decision(place)
        return None if found is None else _Said.model_validate_json(found)

    def _decide(self, place: str, scope: str, words: tuple[Word, ...]) -> _Said:
        said = _Said(words=words)
        self._ledger.decide(place, said.model_dump_json())
        for one in words:
            self._sink(Heard(scope=scope, what=one.kind, text=one.text))
        return said
