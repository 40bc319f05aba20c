"""A model that answers from a recording, and refuses what is not in it."""

from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.errors import Missing
from orchestrator.events import Sink, Warned
from orchestrator.ledger import Ledger


class Replay:
    """Answers by id. A request with another digest than the recorded one is answered all the same,
    with a warning.
    """

    def __init__(self, recording: Ledger, *, sink: Sink) -> None:
        self._recorded = {one.id: one for one in recording.answers()}
        self._sink = sink

    async def complete(self, request: Request) -> Answer:
        """Raises Missing when the recording has no answer to this request."""
        found = self._recorded.get(request.id)
        if found is None:
            raise Missing(
                f"the recording has no answer to {request.id}",
                "record it again, or leave out --replay and set ANTHROPIC_API_KEY",
            )
        if found.digest != request.digest:
            self._sink(
                Warned(
                    message=f"request {request.id} differs from the recorded one "
                    f"({request.digest[:12]}, recorded {found.digest[:12]}); its answer is used"
                )
            )
        return found.answer
