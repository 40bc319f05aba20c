"""Router: a milestone's own history -> the stage that a retry begins with."""

import json

from orchestrator.agents.base import Asker, Brief, Reply
from orchestrator.agents.judgement import reader, schema_of
from orchestrator.agents.room import Material
from orchestrator.agents.state import State, milestone_text
from orchestrator.artifacts.outcome import Attempt, Choice
from orchestrator.artifacts.values import DIMENSIONS, STAGES
from orchestrator.tracking import Tracked, track

TASK = "Choose the agent that goes on with this milestone. Answer with one JSON object."


async def choose(asker: Asker, state: State, *, remaining: int) -> Reply[Choice]:
    """The next stage after `state.attempts`, with `remaining` attempts to go. The request has
    nothing of siblings, clock or money. Raises NoAnswer.
    """
    brief = Brief(
        scope=state.milestone.id,
        attempt=state.attempt,
        project=(),
        milestone=(Material(name="milestone", content=milestone_text(state.milestone)),),
        tail=(Material(name="state", content=told(state.attempts, remaining)),),
        task=TASK,
    )
    return await asker.ask("router", brief, schema=schema_of(Choice), read=reader(Choice, _said))


def _said(choice: Choice) -> tuple[str, ...]:
    return () if choice.reason.strip() else ("reason is empty: say what in the history decides it",)


def told(attempts: tuple[Attempt, ...], remaining: int) -> str:
    """The history as JSON text, keys sorted."""
    state = {
        "attempts": [_attempt(one) for one in attempts],
        "findings": [_finding(one) for one in track(attempts)],
        "agents": list(STAGES),
        "remaining_attempts": remaining,
    }
    return json.dumps(state, indent=1, sort_keys=True, ensure_ascii=False)


def _attempt(one: Attempt) -> dict[str, object]:
    judged = one.evaluation
    return {
        "number": one.number,
        "began_with": one.entry,
        "because_of": one.cause,
        "repairs": one.repairs,
        "verdict": one.verdict.outcome if one.verdict else "not verified",
        "failed_tests": len(one.verdict.tests.failures) if one.verdict else 0,
        "turned_down_for": list(one.gate.reasons[:10]),
        "scores": {name: judged.score(name) for name in DIMENSIONS} if judged else {},
        "culprit_by_eval": judged.culprit if judged else "",
        "agent_without_answer": one.failed_stage or "",
    }


def _finding(one: Tracked) -> dict[str, object]:
    return {
        "id": one.id,
        "dimension": one.finding.dimension,
        "severity": one.finding.severity,
        "path": one.finding.path,
        "problem": one.finding.problem,
        "seen_in_attempts": list(one.seen),
        "status": one.status,
    }
