"""Models: one method, several backends."""

from typing import Protocol

from orchestrator.artifacts.exchange import Answer, Request


class Model(Protocol):
    async def complete(self, request: Request) -> Answer:
        """The model's answer to `request`, whatever it is worth: a refusal or a cut-off answer is
        an Answer.

        Raises GaveUp when the provider failed for good or past its deadline, Missing when there is
        no way to ask, AwaitingHost when a host agent must answer first.
        """
        ...
