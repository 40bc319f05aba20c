"""What comes between two attempts: who chooses, what needs nobody, what is made simpler."""

from dataclasses import dataclass

from orchestrator import routing, scoring
from orchestrator.artifacts.outcome import Attempt
from orchestrator.errors import NoAnswer
from orchestrator.milestone.work import Work
from orchestrator.tracking import named


@dataclass(frozen=True)
class Refinement:
    """The findings, by id, whose corrections are in the code, and the score they are to bring."""

    applied: tuple[str, ...]
    expected: int


UNREFINED = Refinement((), 0)


async def routed(
    work: Work, made: tuple[Attempt, ...], step: routing.Retry
) -> tuple[routing.Retry, str]:
    """Router's choice and its message where the settings ask for it, it answers and it makes sense;
    `step`, which is the rules' choice, otherwise.
    """
    if work.settings.routing == "rules":
        return step, ""
    try:
        left = routing.remaining(made, max_retries=work.settings.max_retries)
        chosen = await work.choose(left)
    except NoAnswer:
        return step, ""
    if not routing.sensible(chosen.next_agent, made[-1]):
        return step, ""
    return routing.Retry(stage=chosen.next_agent, reason=chosen.reason), chosen.message


async def corrected(
    work: Work, made: tuple[Attempt, ...], step: routing.Retry
) -> tuple[routing.Retry, Refinement]:
    """`step` after the corrections of the last evaluation that need nobody: straight to Eval when
    nothing else is left to do, or when they are to gain enough.
    """
    evaluation, settings = made[-1].evaluation, work.settings
    if evaluation is None:
        return step, UNREFINED
    mine = named(made)[made[-1].number]
    applied = await work.refine(mine)
    if not applied:
        return step, UNREFINED
    hoped = scoring.expected(evaluation, [mine[name] for name in applied])
    unmet = any(not one.met for one in evaluation.criteria)
    enough = scoring.enough(hoped, threshold=settings.threshold, floor=settings.floor)
    if len(applied) == len(mine) or (enough and not unmet):
        step = routing.Retry(stage="eval", reason="the corrections given are applied")
    return step, Refinement(applied, scoring.weigh(hoped))


async def simplified(work: Work, made: tuple[Attempt, ...]) -> Attempt | None:
    """The attempt that Refactor's change is: kept where verification stays green and the gate
    passes with no lower score; None, and everything as it was, otherwise.
    """
    before, last = work.state, made[-1]
    work.state = before.but(attempt=last.number + 1, attempts=made)
    try:
        reply = await work.simplify()
        work.state = work.state.but(tree=reply.value.tree)
        changed = reply.value.tree != before.tree
        if changed and (verdict := await work.verify()).outcome == "pass":
            evaluation = await work.evaluate(verdict)
            gate = work.gate(verdict, evaluation, "")
            if gate.passed and gate.score >= last.gate.score:
                await work.keep("refactor", reply.value.tree, reply.at)
                return Attempt(
                    number=last.number + 1,
                    cause="refactor",
                    entry="impl",
                    repairs=0,
                    commit=work.commit,
                    verdict=verdict,
                    evaluation=evaluation,
                    gate=gate,
                    error="",
                )
    except NoAnswer:
        pass  # what passed stays as it is
    work.state = before
    return None
