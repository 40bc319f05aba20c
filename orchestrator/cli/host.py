"""Commands for an outer agent that is the model: start, next, submit. One JSON line each, exit 0
for every state.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import INTO, RUN, SETTINGS, with_options
from orchestrator.errors import AwaitingHost, Stop

if TYPE_CHECKING:
    from orchestrator.artifacts.report import Report
    from orchestrator.folder import RunFolder
    from orchestrator.models.host import Pending

SCHEMA = 1
SHOWN = 4
"""Requests listed in one line, which stays under 2 KB."""


@click.command("start")
@click.argument("words", nargs=-1)
@click.option("--new", is_flag=True, help="Another run, even when one is unfinished.")
@with_options(INTO, *SETTINGS)
def start(words: tuple[str, ...], new: bool, into: Path | None, **flags: object) -> int:
    """Begins a run that you answer yourself; prints the first request.

    Example: orchestrate start "a to-do list for the shell"
    """
    from orchestrator import folder as folders
    from orchestrator import run, settings
    from orchestrator.api import worthy
    from orchestrator.cli.group import checked

    home = Path.cwd()
    text = worthy(checked(words, []))
    open_runs = [one for one in folders.runs(home) if not (one.path / "report.json").exists()]
    same = [one for one in open_runs if one.start().idea == text]
    if same and not new:
        return _step(same[-1], frozenset(), note="resumed an unfinished run of this idea")
    chosen = settings.load(home, os.environ, {**flags, "backend": "host"}).settings
    return _step(asyncio.run(run.begin(home, text, chosen, env=os.environ, into=into)), frozenset())


@click.command("next")
@with_options(RUN)
def next_request(name: str) -> int:
    """Prints the request that waits, or the result. Never advances past it; safe to repeat.

    Example: orchestrate next
    """
    from orchestrator import folder as folders

    return _step(folders.find(Path.cwd(), name), frozenset())


@click.command("submit")
@click.argument("request")
@with_options(RUN)
def submit(request: str, name: str) -> int:
    """Takes the answer to REQUEST from its answer file and goes on; safe to repeat.

    Example: orchestrate submit run/planner/1/1
    """
    from orchestrator import folder as folders

    return _step(folders.find(Path.cwd(), name), frozenset({request}))


def _step(folder: "RunFolder", submitted: frozenset[str], note: str = "") -> int:
    """Walks the run as far as its answers reach and prints where it stands."""
    from orchestrator import run

    outside = run.Outside(env=os.environ, submitted=submitted)
    try:
        report = asyncio.run(run.advance(folder, outside))
    except AwaitingHost:
        _print(_waiting(folder, outside.pending, submitted, note))
        return 0
    except Stop as stop:
        _print({"status": "error", "error": stop.message, "fix": stop.remedy, "run": folder.name})
        return 0 if stop.exit_code in (5, 6) else stop.exit_code
    _print(_done(folder, report))
    return 0


def _waiting(
    folder: "RunFolder", pending: "list[Pending]", submitted: frozenset[str], note: str
) -> dict[str, object]:
    first = pending[0]
    said: dict[str, object] = {
        "status": "request",
        "run": folder.name,
        "id": first.id,
        "request_file": str(first.request_file),
        "answer_file": str(first.answer_file),
        "command": f"orchestrate submit {first.id}",
    }
    others = [one.id for one in pending[1 : SHOWN + 1]]
    if others:
        said["also_waiting"] = others
        said["folder"] = str(first.request_file.parent)
    missing = sorted(submitted.intersection(one.id for one in pending))
    if missing:
        said["note"] = f"no answer file for {missing[0]}: write it, then submit again"
    elif note:
        said["note"] = note
    return said


def _done(folder: "RunFolder", report: "Report") -> dict[str, object]:
    return {
        "status": "done" if report.passed else "failed",
        "run": folder.name,
        "product": report.product_folder,
        "report": str(folder.path / "report.md"),
        "milestones": {one.id: one.status for one in report.facts.milestones},
    }


def _print(said: dict[str, object]) -> None:
    click.echo(json.dumps({"schema": SCHEMA, **said}, ensure_ascii=False, separators=(",", ":")))
