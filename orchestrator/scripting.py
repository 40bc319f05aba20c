"""The short loop for one program: write, run, score with history, refine, keep the best."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from orchestrator import events
from orchestrator.agents import script
from orchestrator.agents.base import Asker, Material
from orchestrator.agents.judge import crashed, ended, facts, judge
from orchestrator.agents.script import PROGRAM, Draft, objections
from orchestrator.artifacts.evaluation import Edit
from orchestrator.artifacts.script import MOST, Correction, Judgement, Wanted, shown
from orchestrator.artifacts.values import Value
from orchestrator.changes.edits import Mismatch, edited
from orchestrator.errors import GaveUp, NoAnswer
from orchestrator.events import Sink
from orchestrator.sandbox import ExecResult

By = Literal["script", "corrections"]
CHANGED = {"script": "written", "corrections": "earlier corrections applied without a call"}


class Step(Value):
    """A correction, and why it was not applied: "" when it was."""

    correction: Correction
    refused: str


class Round(Value):
    """A version of the program, how it ran, what its judge said, and what became of that.
    `expected` is what its score should have come to, in tenths, None for the first version.
    """

    version: int
    by: By
    program: str
    ran: ExecResult
    judgement: Judgement
    expected: int | None
    steps: tuple[Step, ...] | None = None
    """What became of its corrections, None where nothing was refined after it."""

    @property
    def applied(self) -> tuple[Correction, ...]:
        return tuple(one.correction for one in self.steps or () if not one.refused)

    @property
    def left(self) -> tuple[str, ...]:
        """What was left to its author: a crash, what did not apply, what no few lines repair."""
        return () if self.steps is None else _left(self)

    @property
    def rank(self) -> tuple[bool, int, int]:
        """A crash is a fact and outranks a score; of two equal ones the later has its mends."""
        return not crashed(self.ran), self.judgement.score, self.version


class Written(Value):
    """What the loop came to. `bar` is in tenths; `reason` is why it ended early, "" otherwise."""

    rounds: tuple[Round, ...]
    bar: int
    reason: str = ""

    @property
    def best(self) -> Round:
        return max(self.rounds, key=lambda one: one.rank)

    @property
    def accepted(self) -> bool:
        return _passed(self.best, self.bar)


@dataclass(frozen=True)
class Desk:
    """What the loop works with. `tried` runs a program of that name, once ever."""

    asker: Asker
    tried: Callable[[str, str], Awaitable[ExecResult]]
    sink: Sink
    order: tuple[Material, ...]
    wanted: Wanted


@dataclass(frozen=True)
class _Version:
    """A program that is not judged yet."""

    program: str
    by: By
    expected: int | None


async def write(desk: Desk) -> Written:
    """The best version, at the first that reaches the bar or after all refinements.

    Raises GaveUp when there is no valid program or judgement at all, and what asking and running
    raise.
    """
    rounds: tuple[Round, ...] = ()
    try:
        reply = await script.write(desk.asker, desk.order, Draft(version=1))
        version = _Version(reply.value, "script", None)
        while True:
            rounds = (*rounds, await _judged(desk, version, rounds))
            last = rounds[-1]
            if _passed(last, desk.wanted.bar) or last.version > desk.wanted.refinements:
                return Written(rounds=rounds, bar=desk.wanted.bar)
            program, steps = corrected(last.program, last.judgement.corrections)
            rounds = (*rounds[:-1], last.model_copy(update={"steps": steps}))
            version = await _refined(desk, program, rounds)
    except NoAnswer as error:
        if not rounds:
            raise GaveUp(f"no valid answer: {error}", "say it in other words") from error
        return Written(rounds=rounds, bar=desk.wanted.bar, reason=f"no valid answer: {error}")


async def _judged(desk: Desk, version: _Version, earlier: tuple[Round, ...]) -> Round:
    ran = await desk.tried(PROGRAM, version.program)
    number = len(earlier) + 1
    draft = Draft(version=number, program=version.program, history=history(earlier))
    reply = await judge(desk.asker, desk.order, draft, ran)
    hoped = version.expected
    desk.sink(
        events.Scored(
            version=number,
            score=reply.value.score,
            expected=-1 if hoped is None else hoped,
            ran=ended(ran),
        )
    )
    return Round(
        version=number,
        by=version.by,
        program=version.program,
        ran=ran,
        judgement=reply.value,
        expected=hoped,
    )


async def _refined(desk: Desk, program: str, rounds: tuple[Round, ...]) -> _Version:
    """The next version: by its corrections alone where nothing is left over, else by Script."""
    last = rounds[-1]
    left, applied = last.left, [one.gain for one in last.applied]
    desk.sink(events.Refined(version=last.version, applied=len(applied), left=len(left)))
    if applied and not left:
        return _Version(program, "corrections", min(MOST, last.judgement.score + sum(applied)))
    draft = Draft(
        version=last.version + 1,
        program=program,
        findings=left or (_unsaid(last),),
        history=history(rounds),
    )
    reply = await script.write(desk.asker, desk.order, draft)
    every = (*last.judgement.corrections, *last.judgement.weaknesses)
    hoped = min(MOST, last.judgement.score + sum(one.gain for one in every))
    return _Version(reply.value, "script", hoped)


def corrected(program: str, corrections: tuple[Correction, ...]) -> tuple[str, tuple[Step, ...]]:
    """`program` with each correction that stands exactly once in it as it then is, and leaves a
    program that can be run; whole or not at all.
    """
    steps: list[Step] = []
    for one in corrections:
        result = edited(program, Edit(path=PROGRAM, remove=_lines(one.remove), add=_lines(one.add)))
        refused = result.reason if isinstance(result, Mismatch) else ""
        if isinstance(result, str):
            refused = "it changes nothing" if result == program else "; ".join(objections(result))
            program = program if refused else result
        steps.append(Step(correction=one, refused=refused))
    return program, tuple(steps)


def _lines(text: str) -> str:
    """Whole lines: without the last line's end a part of a longer line would fit, too."""
    return text if not text or text.endswith("\n") else f"{text}\n"


def _passed(one: Round, bar: int) -> bool:
    return not crashed(one.ran) and one.judgement.score >= bar


def _left(last: Round) -> tuple[str, ...]:
    found: list[str] = []
    for step in last.steps or ():
        if step.refused:
            one = step.correction
            found.append(
                f"{one.problem}\nA correction was proposed that could not be applied "
                f"({step.refused}):\n{_pair(one)}"
            )
    for one in last.judgement.weaknesses:
        place = f"line {one.line} of the judged version: " if one.line else ""
        found.append(f"{place}{one.problem}\n{one.remedy}")
    # A crash for which every correction could be applied shows at the next run whether it is gone.
    unmended = crashed(last.ran) and (found or not last.applied)
    return (facts(last.ran), *found) if unmended else tuple(found)


def _unsaid(last: Round) -> str:
    return f"The score is {shown(last.judgement.score)}: {last.judgement.summary}"


def _pair(one: Correction) -> str:
    return f"REMOVE\n{_lines(one.remove)}ADD\n{_lines(one.add)}".rstrip("\n")


def history(rounds: tuple[Round, ...]) -> str:
    """Every earlier version: its score beside the expected one, its corrections and their fate."""
    return "\n\n".join(_told(one) for one in rounds)


def _told(one: Round) -> str:
    said = one.judgement
    hoped = "" if one.expected is None else f", expected {shown(one.expected)}"
    lines = [
        f"version {one.version} ({CHANGED[one.by]}): score {shown(said.score)}{hoped}",
        f"run: {ended(one.ran)}",
        *(f"line {line.line}: {line.text}" for line in said.evidence),
    ]
    for step in one.steps or ():
        fate = f"not applied: {step.refused}" if step.refused else "applied"
        gain = shown(step.correction.gain)
        lines += [f"correction (expected gain {gain}): {step.correction.problem} [{fate}]"]
        lines += [_pair(step.correction)]
    for weak in said.weaknesses:
        lines.append(
            f"weakness (expected gain {shown(weak.gain)}): {weak.problem} {weak.remedy} "
            "[left to Script]"
        )
    return "\n".join([*lines, said.summary])
