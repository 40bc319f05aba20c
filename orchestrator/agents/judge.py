"""Judge: a program and how it ran -> a score with evidence, and exact corrections."""

from orchestrator.agents.base import Asker, Brief, Material, Reply, clip
from orchestrator.agents.judgement import reader, schema_of
from orchestrator.agents.script import PROGRAM, Draft
from orchestrator.artifacts.script import MOST, Judgement
from orchestrator.sandbox import ExecResult

TASK = "Judge this version. Answer with the judgement as one JSON object."
SHOWN = 4000
"""Characters of each stream that are shown."""
CORRECTIONS = 12


async def judge(
    asker: Asker, order: tuple[Material, ...], draft: Draft, ran: ExecResult
) -> Reply[Judgement]:
    """A judgement of `draft`'s own program whose evidence exists. Raises NoAnswer."""
    brief = Brief(
        scope="run",
        attempt=draft.version,
        project=order,
        milestone=(),
        tail=(
            Material(name="program", content=numbered(draft.program)),
            Material(name="run", content=facts(ran)),
            Material(name="history", content=draft.history),
        ),
        task=TASK,
    )
    lines = len(draft.program.splitlines())
    read = reader(Judgement, lambda one: _problems(one, lines))
    return await asker.ask("judge", brief, schema=schema_of(Judgement), read=read)


def numbered(program: str) -> str:
    lines = program.splitlines()
    return "\n".join(f"{number:4}| {line}" for number, line in enumerate(lines, 1))


def ended(ran: ExecResult) -> str:
    """How a run ended, in a few words."""
    said = {
        "exited": f"exit code {ran.returncode}",
        "timed out": "timed out",
        "killed": f"killed by {ran.killed_by}",
        "too much output": "ended for too much output",
    }
    return said[ran.outcome] + (", an uncaught exception" if raised(ran) else "")


def raised(ran: ExecResult) -> bool:
    """Whether an exception that nobody caught ended it."""
    return (ran.outcome, ran.returncode) == ("exited", 1) and "Traceback (most rec" in ran.stderr


def crashed(ran: ExecResult) -> bool:
    """Whether it did not come to an end of its own; an exit code that it chose is no crash."""
    return ran.outcome != "exited" or raised(ran)


def facts(ran: ExecResult) -> str:
    """What is known for sure: it compiles (or it would not be here), and how one run ended."""
    parts = [f"It compiles. Run once in the sandbox as in `call`: {ended(ran)}."]
    for name, text in (("stdout", ran.stdout), ("stderr", ran.stderr)):
        parts.append(f"{name}:\n{clip(text, SHOWN)}" if text else f"{name}: nothing")
    return "\n".join(parts)


def _problems(judgement: Judgement, lines: int) -> tuple[str, ...]:
    found = [
        f"evidence {one.text[:60]!r}: {PROGRAM} has no line {one.line} (it has {lines})"
        for one in judgement.evidence
        if not 1 <= one.line <= lines
    ]
    found += [
        f"weakness {one.problem[:60]!r}: {PROGRAM} has no line {one.line} (it has {lines})"
        for one in judgement.weaknesses
        if not 0 <= one.line <= lines
    ]
    if not judgement.evidence:
        found.append("the score has no evidence")
    if len(judgement.corrections) > CORRECTIONS:
        found.append(f"{len(judgement.corrections)} corrections; at most {CORRECTIONS} may be")
    if judgement.score < MOST and not (judgement.corrections or judgement.weaknesses):
        found.append("a score below 10 needs a correction or a weakness that would raise it")
    return tuple(found)
