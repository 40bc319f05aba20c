"""Asking an agent: render, ask, read, and ask again with the exact errors."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from orchestrator.agents.room import Material, clip, fit
from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.artifacts.values import AgentName, Value
from orchestrator.errors import NoAnswer
from orchestrator.models import Model
from orchestrator.render import Renderer, material
from orchestrator.settings import Settings

T = TypeVar("T")


class Brief(Value):
    """What an agent gets: material from the stable to the changing, and one closing line that says
    what to do.
    """

    scope: str
    attempt: int
    project: tuple[Material, ...]
    milestone: tuple[Material, ...]
    tail: tuple[Material, ...]
    task: str
    rungs: int = 0
    """How far up the ladder a builder's model is for this."""


class Invalid(Exception):
    """An answer that cannot be used: `reasons` are what its author must be told."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Reply(Generic[T]):
    """A valid answer: what it says, and when it was given (UTC, ISO 8601)."""

    value: T
    at: str


class Asker:
    """Puts briefs to a model. Turns are counted per scope, agent and attempt, so every request has
    its own id.
    """

    def __init__(
        self,
        model: Model,
        prompts: Renderer,
        settings: Settings,
        *,
        pressed: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`pressed` says whether a scope's budget runs out."""
        self._model = model
        self._prompts = prompts
        self._settings = settings
        self._pressed = pressed
        self._systems: dict[AgentName, str] = {}
        self._turns: Counter[tuple[str, AgentName, int]] = Counter()

    def following(self, scope: str, agent: AgentName, attempt: int) -> str:
        """The id of the next request that this agent would be put."""
        return f"{scope}/{agent}/{attempt}/{self._turns[scope, agent, attempt] + 1}"

    async def ask(
        self, agent: AgentName, brief: Brief, *, schema: str, read: Callable[[Answer], T]
    ) -> Reply[T]:
        """The agent's first valid answer.

        `schema` is the JSON schema of the answer as text, "" for code. `read` turns an answer into
        a value or raises Invalid. Raises NoAnswer when the last re-ask was not valid either.
        """
        extra: tuple[Material, ...] = ()
        reasons: tuple[str, ...] = ()
        for _ in range(self._settings.max_reasks + 1):
            answer = await self._model.complete(self._request(agent, brief, extra, schema))
            try:
                return Reply(read(_usable(answer)), answer.at)
            except Invalid as error:
                reasons = error.reasons
            extra = (
                Material(name="previous_answer", content=clip(answer.text)),
                Material(name="errors", content="\n".join(f"- {reason}" for reason in reasons)),
            )
        raise NoAnswer(agent, reasons)

    def _system(self, agent: AgentName) -> str:
        if agent not in self._systems:
            self._systems[agent] = self._prompts.render(f"{agent}.md.j2")
        return self._systems[agent]

    def _request(
        self, agent: AgentName, brief: Brief, extra: tuple[Material, ...], schema: str
    ) -> Request:
        place = (brief.scope, agent, brief.attempt)
        self._turns[place] += 1
        role = self._settings.role(agent, brief.rungs - self._pressed(brief.scope))
        again = (
            "\nThe previous answer was not valid, for the reasons under errors. Answer again."
            if extra
            else ""
        )
        fitted = fit(
            (brief.project, brief.milestone, brief.tail + extra), self._settings.request_tokens
        )
        blocks = tuple(map(_block, fitted))
        return Request(
            scope=brief.scope,
            agent=agent,
            attempt=brief.attempt,
            turn=self._turns[place],
            system=self._system(agent),
            blocks=(
                *(one for one in blocks[:2] if one),
                f"{blocks[2]}\n\n{brief.task}{again}".strip(),
            ),
            output_schema=schema,
            model=role.model,
            effort=role.effort,
            max_tokens=role.max_tokens,
        )


def _block(materials: tuple[Material, ...]) -> str:
    return "\n\n".join(material(one.name, one.content) for one in materials if one.content)


def _usable(answer: Answer) -> Answer:
    if answer.stop == "refused":
        raise Invalid(f"the answer was a refusal ({answer.stop_detail or 'no reason given'})")
    if answer.stop == "broken":
        raise Invalid(f"no answer came ({answer.stop_detail or 'no reason given'})")
    if not answer.text.strip():
        cut = answer.stop == "cut off"
        raise Invalid("the answer was too long and was cut off" if cut else "the answer was empty")
    return answer
