"""The library's front door: `Orchestrator(idea).run()`."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from orchestrator import run, settings
from orchestrator.artifacts.plan import Plan
from orchestrator.artifacts.report import Report
from orchestrator.errors import Misuse
from orchestrator.events import Sink
from orchestrator.folder import RunFolder
from orchestrator.models import Model

IDEA_BYTES = 64 * 1024


class Orchestrator:
    """One run of one idea, in its own run folder below `folder` (the current one by default).

    `chosen` are settings by name, such as `max_retries=3` or `threshold=4.0`; they win over the
    environment and orchestrate.toml. `model` names one for every role, or is a Model of your own.
    The product goes to `into` (`folder`/<product name> by default). The run starts with the first
    `run` or `arun`; calling again resumes it.

    Raises Misuse for an empty or oversized idea or a wrong setting.
    """

    def __init__(
        self,
        idea: str,
        *,
        plan: Plan | None = None,
        folder: Path | None = None,
        into: Path | None = None,
        sinks: tuple[Sink, ...] = (),
        env: Mapping[str, str] | None = None,
        model: Model | str | None = None,
        **chosen: object,
    ) -> None:
        self._idea = worthy(idea)
        self._plan = plan
        self._folder = (folder or Path.cwd()).resolve()
        self._into = into
        self._sinks = sinks
        self._env = os.environ if env is None else env
        self._model = None if isinstance(model, str) else model
        flags = chosen | ({"model": model} if isinstance(model, str) else {})
        self._settings = settings.load(self._folder, self._env, flags).settings
        self.folder: RunFolder | None = None

    def run(self) -> Report:
        """Runs to the report. Ctrl-C finishes and records what is in flight, twice stops now.

        Raises a Stop when it cannot go on now; calling again goes on.
        """
        return asyncio.run(self._advance(signals=True))

    async def arun(self) -> Report:
        """The same within your event loop, whose signals stay yours."""
        return await self._advance(signals=False)

    async def _advance(self, *, signals: bool) -> Report:
        if self.folder is None:
            self.folder = await run.begin(
                self._folder,
                self._idea,
                self._settings,
                env=self._env,
                plan=self._plan,
                into=self._into,
            )
        outside = run.Outside(env=self._env, sinks=self._sinks, model=self._model, signals=signals)
        return await run.advance(self.folder, outside)


def worthy(idea: str) -> str:
    """`idea` without surrounding white space. Raises Misuse when it is empty or too long."""
    text = idea.strip()
    if not text:
        raise Misuse(
            "the idea is empty", 'say what to build: orchestrate "a to-do list for the shell"'
        )
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise Misuse("the idea is not valid UTF-8", "give UTF-8 text, for example in a --file")
    size = len(text.encode("utf-8"))
    if size > IDEA_BYTES:
        raise Misuse(
            f"the idea has {size} bytes, more than {IDEA_BYTES}",
            "give the gist in a page or two; details belong into the milestones",
        )
    return text
