"""Models: one method, several backends."""

from typing import Protocol, runtime_checkable

from orchestrator.artifacts.exchange import Answer, Request


class Model(Protocol):
    async def complete(self, request: Request) -> Answer:
        """The model's answer to `request`, whatever it is worth: a refusal or a cut-off answer is
        an Answer.

        Raises GaveUp when the provider failed for good or past its deadline, Missing when there is
        no way to ask, AwaitingHost when a host agent must answer first.
        """
        ...


@runtime_checkable
class Counts(Protocol):
    """A Model that may know how long a request is before it is asked."""

    async def count(self, request: Request) -> int:
        """The input tokens of `request` as the provider counts them, -1 when it does not say so
        within seconds. Free of charge; raises nothing.
        """
        ...
