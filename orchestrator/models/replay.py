"""A model that answers from a recording, and refuses what is not in it."""

from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.errors import Missing
from orchestrator.events import Sink, Warned
from orchestrator.ledger import Ledger


class Replay:
    """Answers by id: the answer to the very request when there is one, else the latest under its
    id, with a warning.
    """

    def __init__(self, recording: Ledger, *, sink: Sink) -> None:
        recorded = recording.answers()
        self._exact = {(one.id, one.digest): one for one in recorded}
        self._latest = {one.id: one for one in recorded}
        self._sink = sink

    async def complete(self, request: Request) -> Answer:
        """Raises Missing when the recording has no answer to this request."""
        exact = self._exact.get((request.id, request.digest))
        if exact is not None:
            return exact.answer
        found = self._latest.get(request.id)
        if found is None:
            raise Missing(
                f"the recording has no answer to {request.id}",
                "record it again, or leave out --replay and set ANTHROPIC_API_KEY",
            )
        self._sink(
            Warned(
                message=f"request {request.id} differs from the recorded one "
                f"({request.digest[:12]}, recorded {found.digest[:12]}); its answer is used"
            )
        )
        return found.answer
