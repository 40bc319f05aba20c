"""A script run: the loop for one program, then the program on disk, run for real."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from orchestrator import machine, scripting
from orchestrator.agents.judge import ended
from orchestrator.agents.script import PROGRAM, ordered
from orchestrator.artifacts.plan import slugify
from orchestrator.artifacts.script import Ran, Scripted, VersionScore
from orchestrator.budget import spend
from orchestrator.errors import Missing, Misuse
from orchestrator.events import RunEnded, RunStarted, Warned
from orchestrator.folder import RunFolder
from orchestrator.ledger import disk
from orchestrator.render import Renderer
from orchestrator.run import wiring
from orchestrator.run.wiring import Outside, Wired, wired
from orchestrator.scripting import Desk, Round, Written
from orchestrator.trials import TRIALS, Trials


def file(home: Path, prompt: str, into: str | Path) -> Path:
    """Where the program goes: `into`, or a name made of the prompt."""
    return Path(into) if into else home / f"{slugify(prompt, 24) or 'program'}.py"


async def write(run: RunFolder, outside: Outside) -> Scripted:
    """Takes a script run to its end: what its ledger holds is not asked or tried twice.

    Raises a Stop when it cannot go on now, Misuse also for a file that is not this run's.
    """
    with wired(run, outside) as live:
        wanted = live.start.script
        if wanted is None:
            raise Misuse(f"{run.name} is not a script run", "orchestrate resume")
        live.sink(RunStarted(run=live.start.run, idea=live.start.idea))
        await machine.probed(live.settings, live.outside.env)
        budget = wiring.budget(live)
        trials = wiring.trials(live, budget, wanted)
        written = await scripting.write(
            Desk(
                asker=wiring.asker(live, budget),
                tried=trials.tried,
                sink=live.sink,
                order=ordered(live.start.idea, wanted),
                wanted=wanted,
            )
        )
        return await _ended(live, written, trials)


async def _ended(live: Wired, written: Written, trials: Trials) -> Scripted:
    best = written.best
    path = _placed(live, best.program)
    ran = await _run(trials, best.program) if written.accepted else None
    spent = spend(one.answer for one in live.ledger.answers())
    done = Scripted(
        run=live.start.run,
        prompt=live.start.idea,
        accepted=written.accepted,
        bar=written.bar,
        score=best.judgement.score,
        best=best.version,
        program=str(path),
        reason=written.reason,
        versions=tuple(_row(one) for one in written.rounds),
        ran=ran,
        calls=spent.calls,
        price=spent.price,
        sandbox=live.settings.sandbox,
    )
    live.sink(RunEnded(run=live.start.run, passed=done.passed, report=str(_report(live, done))))
    return done


async def _run(trials: Trials, program: str) -> Ran:
    found = await trials.run(PROGRAM, program)
    return Ran(
        outcome=found.outcome,
        returncode=found.returncode,
        ended=ended(found),
        stdout=found.stdout,
        stderr=found.stderr,
    )


def _row(one: Round) -> VersionScore:
    return VersionScore(
        version=one.version,
        by=one.by,
        score=one.judgement.score,
        expected=one.expected,
        applied=len(one.applied),
        left=len(one.left),
        ran=ended(one.ran),
    )


def _placed(live: Wired, program: str) -> Path:
    """Writes the program, once: what a person did to the file since then stays. Raises Misuse when
    another file is there, Missing when it cannot be written.
    """
    path = file(live.run.home, live.start.idea, live.start.into)
    content = program.encode()
    try:
        there = path.read_bytes() if os.path.lexists(path) else None
        if there is None or _ours(live, there):
            _write(path, content)
        elif there != content and _ours(live, content):
            live.sink(Warned(message=f"{path} was changed since; it is left as it is"))
        elif there != content and not live.start.force:
            raise Misuse(f"{path} exists", "move it away, then: orchestrate resume")
        else:
            _write(path, content)
    except OSError as error:
        raise Missing(
            f"cannot write {path}: {error.strerror}", "mend that, then: orchestrate resume"
        ) from error
    live.ledger.decide(_place(content), "")
    return path


def _ours(live: Wired, content: bytes) -> bool:
    """Whether this run wrote a file of that content."""
    return live.ledger.decision(_place(content)) is not None


def _place(content: bytes) -> str:
    return f"{TRIALS}/placed/{hashlib.sha256(content).hexdigest()}"


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing. Raises OSError."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _report(live: Wired, done: Scripted) -> Path:
    """The score history as report.json and report.md, which comes last. Raises Missing."""
    folder = live.run.path
    text = Renderer(*machine.data("templates")).render("script.md.j2", done=done)
    try:
        disk.write(folder / "report.json", f"{done.model_dump_json(indent=2)}\n".encode())
        disk.write(folder / "report.md", text.encode("utf-8", "replace"))
    except OSError as error:
        raise Missing(
            f"cannot write the report into {folder}: {error.strerror}",
            "free space or mend the permissions, then `orchestrate resume`",
        ) from error
    return folder / "report.md"
