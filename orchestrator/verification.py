"""Verification behind the ledger: each tree is locked, installed and verified once."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable

from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.verdict import Verdict
from orchestrator.budget import RUN, Budget
from orchestrator.events import Sink, Warned
from orchestrator.halt import Halt
from orchestrator.ledger import Ledger
from orchestrator.ledger.aside import aside
from orchestrator.slots import Slots
from orchestrator.verify import Subject, Verifier, unverified
from orchestrator.verify.environment import (
    Locked,
    Requirements,
    refusal,
    requirements,
    unknown,
)

Consent = Callable[[str], Awaitable[bool]]
"""Asks a person whether a product may use the package of that name."""


Examine = Callable[[Subject], Awaitable[Verdict]]
"""Finds a verdict, in this process or in one of its own. Raises a Stop when there is none now."""

YES = "yes"
NO = "no"


def worked(verdict: Verdict) -> float:
    """The seconds that a verification took."""
    took = verdict.seconds
    return took.suite + took.mutants + took.checks if took else 0.0


def allowing(name: str) -> str:
    """The place of the decision that a flag of `resume` is."""
    return f"run/allowed/{name}"


class Verification:
    """`allowed` are packages that the settings allow beside the well-known ones; for any other
    there is `consent`, None where there is nobody to ask. `examine` finds what is not in the
    ledger, None for the verifier itself. `recording` is the ledger of a replayed
    run: its verdicts are never used, only compared.
    """

    def __init__(
        self,
        verifier: Verifier,
        ledger: Ledger,
        halt: Halt,
        *,
        sink: Sink,
        budget: Budget,
        slots: Slots,
        examine: Examine | None = None,
        allowed: tuple[str, ...] = (),
        consent: Consent | None = None,
        recording: Ledger | None = None,
    ) -> None:
        self._verifier = verifier
        self._ledger = ledger
        self._halt = halt
        self._sink = sink
        self._budget = budget
        self._slots = slots
        self._examine = examine or verifier.verify
        self._allowed = allowed
        self._consent = consent
        self._asking = asyncio.Lock()
        self._locking = asyncio.Lock()
        self._recording = recording

    async def consult(self, tree: Tree) -> None:
        """Asks a person about the packages of a product, where there is one to ask and it is not
        decided yet. To be done before a slot is held.
        """
        asked = requirements(tree)
        if isinstance(asked, Requirements):
            await self._refused(asked)

    async def verify(self, subject: Subject, scope: str, *, rank: int) -> Verdict:
        """The verdict on `subject`, whose lock is still empty: from the ledger, or found now and
        recorded. Its time is counted as worked for `scope`; the lowest `rank` is verified first.

        Raises what the verifier raises when the machine fails; that is never recorded.
        """
        asked = requirements(subject.tree)
        if not isinstance(asked, Requirements):
            return unverified(subject, asked.problems, self._verifier.sandbox)
        if refused := await self._refused(asked):
            return unverified(subject, refused, self._verifier.sandbox)
        locked = await self._lock(asked.lines)
        if locked.error:
            return unverified(subject, (locked.error,), self._verifier.sandbox)
        ready = subject.model_copy(update={"lock": locked.text})
        key = self._verifier.key(ready)
        found = self._ledger.verdict(key)
        if found is not None:
            self._budget.worked(scope, worked(found))
            return found
        async with self._slots.held(rank):
            self._halt.check()
            self._budget.check(scope)
            verdict = await self._examine(ready)
            await aside(self._ledger.record_verdict, key, verdict)
        for counted in (scope, RUN):
            self._budget.worked(counted, worked(verdict))
        self._compare(key, verdict)
        return verdict

    async def _refused(self, asked: Requirements) -> tuple[str, ...]:
        """What is said of each package that is not well known and not allowed; one line each."""
        names = unknown(asked.lines, self._allowed)
        return tuple([refusal(one, asked.source) for one in names if not await self._may(one)])

    async def _may(self, name: str) -> bool:
        """What a flag of `resume` allowed, or what a person said, now or earlier. Where nobody can
        be asked nothing is recorded: somebody may allow it later.
        """
        if self._ledger.decision(allowing(name)) == YES:
            return True
        place = f"run/package/{name}"
        async with self._asking:
            said = self._ledger.decision(place)
            if said is None and self._consent is not None:
                self._halt.check()
                agreed = await self._consent(name)
                self._halt.check()  # what was typed to be rid of the question is no answer
                said = YES if agreed else NO
                self._ledger.decide(place, said)
        return said == YES

    def _compare(self, key: str, verdict: Verdict) -> None:
        recorded = self._recording.verdict(key) if self._recording else None
        if recorded is not None and recorded.outcome != verdict.outcome:
            self._sink(
                Warned(
                    message=f"verification found {verdict.outcome} where {recorded.outcome} was "
                    f"recorded: {'; '.join(verdict.reasons[:2])}"
                )
            )

    async def _lock(self, lines: tuple[str, ...]) -> Locked:
        """The lock file is the index's word at one moment: a decision, kept."""
        digest = hashlib.sha256(json.dumps(lines).encode()).hexdigest()
        place = f"run/lock/{digest[:16]}"
        # The index may say another thing a moment later: who asks at once is told the same.
        async with self._locking:
            decided = self._ledger.decision(place)
            if decided is not None:
                return Locked.model_validate_json(decided)
            self._halt.check()
            locked = await self._verifier.lock(lines)
            self._ledger.decide(place, locked.model_dump_json())
            return locked
