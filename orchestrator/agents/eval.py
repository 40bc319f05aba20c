"""Eval: code and facts -> five scores, a judgement per criterion, findings, the culprit."""

from collections import Counter

from orchestrator import memory, tracking
from orchestrator.agents.base import Asker, Reply
from orchestrator.agents.judgement import reader, schema_of
from orchestrator.agents.room import Material
from orchestrator.agents.state import State
from orchestrator.artifacts.evaluation import CITED, Evaluation, Finding
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import DIMENSIONS
from orchestrator.artifacts.verdict import Verdict

OVERLOOKED = "overlooked"
"""How a judge admits that a score falls with no change in the code."""
TASK = "Evaluate this attempt. Answer with the evaluation as one JSON object."


async def evaluate(asker: Asker, state: State, verdict: Verdict) -> Reply[Evaluation]:
    """An evaluation whose evidence exists. Raises NoAnswer."""
    brief = state.brief(
        Material(name="code", content=memory.code(state.tree, state.budget, numbered=True)),
        Material(name="test_report", content=memory.report(verdict)),
        Material(name="lint", content=memory.lint(verdict)),
        Material(name="history", content=memory.history(state.attempts, state.budget // 4)),
        task=TASK,
    )

    def problems(evaluation: Evaluation) -> tuple[str, ...]:
        criteria = tuple(one.id for one in state.milestone.acceptance_criteria)
        return (
            *_scores(evaluation),
            *_criteria(evaluation, criteria),
            *_cited(evaluation, state.tree),
            *_exempted(evaluation, verdict),
            *_taken_back(evaluation, state),
        )

    read = reader(Evaluation, problems)
    return await asker.ask("eval", brief, schema=schema_of(Evaluation), read=read)


def _taken_back(evaluation: Evaluation, state: State) -> list[str]:
    """Every open finding is accounted for, and a score falls without a change in the code that it
    cites only where the judge says what was overlooked.
    """
    found = list(tracking.unaccounted(evaluation, tracking.track(state.attempts)))
    judged = [one.evaluation for one in state.attempts if one.evaluation]
    if not judged or state.judged is None:
        return found
    for slip in tracking.slips(judged[-1], evaluation, state.judged, state.tree):
        score = next(one for one in evaluation.scores if one.dimension == slip.dimension)
        if not any(OVERLOOKED in one.casefold() for one in score.evidence):
            found.append(
                f"{slip.dimension} falls from {slip.was} to {slip.now}, but the code that it cites "
                f"is as it was: keep {slip.was}, cite what changed, or write in its evidence "
                f"'{OVERLOOKED}' and what an earlier evaluation did not see"
            )
    return found


def _scores(evaluation: Evaluation) -> list[str]:
    counted = Counter(one.dimension for one in evaluation.scores)
    found = [
        f"dimension {name} is scored {counted[name]} times, it must be once"
        for name in DIMENSIONS
        if counted[name] != 1
    ]
    for one in evaluation.scores:
        if not 1 <= one.score <= 5:
            found.append(f"{one.dimension} scores {one.score}, it must be from 1 to 5")
        if not one.evidence:
            found.append(f"{one.dimension} is scored without evidence")
    return found


def _criteria(evaluation: Evaluation, criteria: tuple[str, ...]) -> list[str]:
    judged = Counter(one.criterion for one in evaluation.criteria)
    found = [
        f"criterion {name} is judged {judged[name]} times" for name in criteria if judged[name] != 1
    ]
    return found + [
        f"criterion {name!r} is not one of this milestone"
        for name in judged
        if name not in criteria
    ]


def _cited(evaluation: Evaluation, tree: Tree) -> list[str]:
    """Evidence must begin with `path:line` of a line that exists; a finding's path must exist when
    it is given.
    """
    found: list[str] = []
    for score in evaluation.scores:
        for evidence in score.evidence:
            cited = CITED.match(evidence)
            if cited is None:
                found.append(
                    f"{score.dimension}: evidence {evidence[:80]!r} does not begin with path:line"
                )
            elif reason := _absent(tree, cited[1], int(cited[2])):
                found.append(f"{score.dimension}: evidence {reason}")
    return [*found, *absent(evaluation.findings, tree)]


def absent(findings: tuple[Finding, ...], tree: Tree) -> tuple[str, ...]:
    """The places of `findings` that are not in `tree`; one line each."""
    found: list[str] = []
    for one in findings:
        if one.path and one.line and (reason := _absent(tree, one.path, one.line)):
            found.append(f"finding {one.problem[:60]!r}: {reason}")
    return tuple(found)


def _exempted(evaluation: Evaluation, verdict: Verdict) -> list[str]:
    blocking = {(one.code, one.path, one.line) for one in verdict.lint if one.blocks}
    found: list[str] = []
    for one in evaluation.exemptions:
        if (one.code, one.path, one.line) not in blocking:
            found.append(f"exemption {one.code} {one.path}:{one.line}: no such lint fact blocks")
        elif not one.reason.strip():
            found.append(f"exemption {one.code} {one.path}:{one.line} has no reason")
    return found


def _absent(tree: Tree, path: str, line: int) -> str:
    if path not in tree:
        return f"{path}:{line} cites a file that is not in the code"
    lines = len(tree.text(path).splitlines())
    if 1 <= line <= lines:
        return ""
    return f"{path}:{line} cites a line that is not there (the file has {lines})"
