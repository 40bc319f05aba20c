"""Verification behind the ledger: each tree is locked, installed and verified once."""

import hashlib
import json

from orchestrator.artifacts.verdict import Verdict
from orchestrator.events import Sink, Warned
from orchestrator.halt import Halt
from orchestrator.ledger import Ledger
from orchestrator.verify import Subject, Verifier, unverified
from orchestrator.verify.environment import Locked, Requirements, requirements


class Verification:
    """`recording` is the ledger of a replayed run: its verdicts are never used, only compared."""

    def __init__(
        self,
        verifier: Verifier,
        ledger: Ledger,
        halt: Halt,
        *,
        sink: Sink,
        recording: Ledger | None = None,
    ) -> None:
        self._verifier = verifier
        self._ledger = ledger
        self._halt = halt
        self._sink = sink
        self._recording = recording

    async def verify(self, subject: Subject) -> Verdict:
        """The verdict on `subject`, whose lock is still empty: from the ledger, or found now and
        recorded.

        Raises what the verifier raises when the machine fails; that is never recorded.
        """
        asked = requirements(subject.tree)
        if not isinstance(asked, Requirements):
            return unverified(subject, asked.problems, self._verifier.sandbox)
        locked = await self._lock(asked.lines)
        if locked.error:
            return unverified(subject, (locked.error,), self._verifier.sandbox)
        ready = subject.model_copy(update={"lock": locked.text})
        key = self._verifier.key(ready)
        found = self._ledger.verdict(key)
        if found is not None:
            return found
        self._halt.check()
        verdict = await self._verifier.verify(ready)
        self._ledger.record_verdict(key, verdict)
        self._compare(key, verdict)
        return verdict

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
        decided = self._ledger.decision(place)
        if decided is not None:
            return Locked.model_validate_json(decided)
        self._halt.check()
        locked = await self._verifier.lock(lines)
        self._ledger.decide(place, locked.model_dump_json())
        return locked
