"""Commands for an outer agent that is the model: start, next, submit. One JSON line each, exit 0
for every state.
"""

import asyncio
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import scripting
from orchestrator.cli.line import LINE, MANY, called, say
from orchestrator.cli.options import INTO, RUN, SETTINGS, with_options
from orchestrator.cli.output import here
from orchestrator.errors import AwaitingHost, AwaitingPerson, Busy, Missing, Misuse, Stop

if TYPE_CHECKING:
    from orchestrator.artifacts.report import Report
    from orchestrator.folder import RunFolder
    from orchestrator.models.host import Pending

COMMANDS = ("start", "next", "submit")
PATIENCE = 60.0
"""Seconds: clients cut commands off after two minutes."""
WAIT = click.option(
    "--wait",
    type=click.FloatRange(min=0, max=3600),
    default=PATIENCE,
    help="Seconds to wait for another call that works on the run, and for long tests.",
)
SHOWN = 4
"""Requests listed beside the first."""
BROKEN = (2, 3, 70, 130)
"""Exit codes of what is no state of the protocol."""
JSON = click.option("--json", is_flag=True, expose_value=False, help="What it prints anyway.")


@click.command("start")
@click.argument("words", nargs=-1)
@click.option("--new", is_flag=True, help="Another run, even when one is unfinished.")
@with_options(INTO, *SETTINGS, WAIT, JSON)
def start(
    words: tuple[str, ...], new: bool, into: Path | None, wait: float, **flags: object
) -> int:
    """Begins a run that you answer yourself; prints the first request.

    Example: orchestrate start "a to-do list for the shell"
    """
    from orchestrator import run, settings
    from orchestrator.api import worthy
    from orchestrator.cli.group import checked

    home = here()
    text = worthy(checked(words, []))
    same = None if new else _unfinished(home, text)
    if same is not None:
        return _step(
            same, wait=wait, note="resumed the unfinished run of this idea; --new begins another"
        )
    chosen = settings.load(home, os.environ, {**flags, "backend": "host"}).settings
    begun = asyncio.run(run.begin(home, text, chosen, env=os.environ, into=into))
    return _step(begun, wait=wait)


def _unfinished(home: Path, idea: str) -> "RunFolder | None":
    """The newest run of `idea` that a host answers and that has no report."""
    from orchestrator import folder as folders

    every = (one for one in folders.runs(home) if not one.reported)
    same = (one for one in every if (one.start().idea, one.start().script) == (idea, None))
    return max(filter(_hosted, same), key=folders.begun, default=None)


def _hosted(run: "RunFolder") -> bool:
    """Whether a host agent answers `run`: no other is advanced at somebody's expense. A damaged one
    counts, to be told of.
    """
    from orchestrator import settings

    try:
        return settings.parse(run.settings_text(), str(run.settings)).backend == "host"
    except Missing:
        return True


def _found(name: str) -> "RunFolder":
    """The run called `name`, or the newest that a host answers. Raises Misuse."""
    from orchestrator import folder as folders

    if name:
        run = folders.find(here(), name)
        if not _hosted(run):
            raise Misuse(f"{run.name} is not answered by a host agent", "orchestrate runs")
        return run
    run = max(filter(_hosted, folders.runs(here())), key=folders.begun, default=None)
    if run is None:
        raise Misuse("no run here that a host agent answers", 'orchestrate start "your idea"')
    return run


@click.command("next")
@click.option("--all", "every", is_flag=True, help="List every request that waits.")
@with_options(RUN, WAIT, JSON)
def next_request(every: bool, name: str, wait: float) -> int:
    """Prints the request that waits, or the result. Never advances past it; safe to repeat.

    Example: orchestrate next
    """
    return _step(_found(name), wait=wait, every=every)


@click.command("submit")
@click.argument("request")
@with_options(RUN, WAIT, JSON)
def submit(request: str, name: str, wait: float) -> int:
    """Takes the answer to REQUEST from its answer file and goes on; safe to repeat.

    Example: orchestrate submit run/planner/1/1
    """
    from orchestrator.models import host

    folder = _found(name)
    if not host.note(folder.inbox, request):
        fix = f"{called()} next"
        say({"status": "error", "error": f"no request {request!r}", "fix": fix})
        return 0
    return _step(folder, wait=wait, submitted=request)


def _step(
    folder: "RunFolder",
    *,
    wait: float,
    submitted: str = "",
    note: str = "",
    every: bool = False,
) -> int:
    """Walks the run as far as its answers reach and prints where it stands, with the whole list of
    what waits where `every` is asked for.
    """
    from orchestrator import run

    outside = run.Outside(env=os.environ, signals=True, patience=wait, wait=wait)
    try:
        if folder.start().script is not None:
            say(scripting.told(folder, outside))
            return 0
        report = asyncio.run(run.advance(folder, outside))
    except (AwaitingHost, AwaitingPerson, Busy) as stop:
        if outside.pending:
            said = _waiting(folder, outside.pending, submitted, every=every)
            say({**said, **({"note": note} if note else {})}, most=MANY if every else LINE)
        else:
            busy = isinstance(stop, Busy)
            say(_working(folder, stop) if busy else _asking(folder, stop))
        return 0
    except Stop as stop:
        return failed(stop, run=folder.name)
    say(_done(folder, report))
    return 0


def _asking(folder: "RunFolder", stop: Stop) -> dict[str, object]:
    """The user must say something that no agent may say for them."""
    approve = stop.remedy.partition(", or")[0].removeprefix("orchestrate ")
    return {
        "status": "needs_user",
        "run": folder.name,
        "question": stop.message,
        "command": f"{called()} {approve}",
        "then": f"{called()} next",
    }


def _working(folder: "RunFolder", stop: Stop) -> dict[str, object]:
    """Another call works on the run, and takes what was submitted; or a verification goes on."""
    return {
        "status": "working",
        "run": folder.name,
        "note": f"{stop.message}; what is submitted is kept",
        "command": f"{called()} next",
    }


def failed(stop: Stop, *, run: str = "") -> int:
    """Prints `stop`; a state of the protocol exits with 0."""
    fix = stop.remedy
    if fix.startswith("orchestrate "):
        fix = f"{called()} {fix.removeprefix('orchestrate ')}"
    said: dict[str, object] = {"status": "error", "error": stop.message, "fix": fix}
    say({**said, "run": run} if run else said)
    return stop.exit_code if stop.exit_code in BROKEN else 0


def _waiting(
    folder: "RunFolder", pending: "list[Pending]", submitted: str, *, every: bool
) -> dict[str, object]:
    """In plan order, but first the request that was just submitted and could not be taken."""
    first, *others = sorted(pending, key=lambda one: (one.id != submitted, _numbered(one.id)))
    said: dict[str, object] = {
        "status": "request",
        "run": folder.name,
        "id": first.id,
        "request_file": str(first.request_file),
        "answer_file": str(first.answer_file),
        "command": f"{called()} submit {first.id}",
    }
    if every:
        said["requests"] = [_listed(one) for one in (first, *others)]
        said["folder"] = str(first.request_file.parent)
    elif others:
        said["also_waiting"] = [_listed(one) for one in others[:SHOWN]]
        said["folder"] = str(first.request_file.parent)
    if first.refused:
        said["note"] = f"the answer was not taken: {first.refused}; write it anew, submit again"
    elif first.id == submitted:
        said["note"] = f"no answer file for {first.id}: write it, then submit again"
    return said


def _numbered(request: str) -> list[tuple[int, str]]:
    """Sorts milestone-10 after milestone-2."""
    parts = re.split(r"(\d+)", request)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _listed(one: "Pending") -> dict[str, object]:
    """File names alone: both lie in `folder`. What is `answered` needs only to be submitted."""
    said = {"id": one.id, "request": one.request_file.name, "answer": one.answer_file.name}
    return {**said, "answered": True} if one.answer_file.is_file() and not one.refused else {**said}


def _done(folder: "RunFolder", report: "Report") -> dict[str, object]:
    states = {one.id: one.status for one in report.facts.milestones}
    return {
        "status": "done" if report.passed else "failed",
        "run": folder.name,
        "product": report.product_folder,
        "report": str(folder.path / "report.md"),
        "milestones": states if len(states) <= 8 else f"{len(states)}, see the report",
    }
