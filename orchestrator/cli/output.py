"""What the command line prints: progress to standard error, results to standard output."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.errors import Missing, Stop

if TYPE_CHECKING:
    from orchestrator.artifacts.report import Report
    from orchestrator.artifacts.values import Value
    from orchestrator.live import Live


MARKS = {
    "complete": "ok",
    "failed_after_retries": "FAILED",
    "blocked": "blocked",
    "cancelled": "ended",
}


def fail(stop: Stop, *, as_json: bool) -> int:
    """One line and its remedy; with `as_json` one object on standard output."""
    if as_json:
        said = {
            "status": "error",
            "error": stop.message,
            "fix": stop.remedy,
            "exit": stop.exit_code,
        }
        click.echo(json.dumps(said))
    else:
        click.echo(f"orchestrate: {_line(stop.message)}", err=True)
        if stop.remedy:
            click.echo(f"  -> {_line(stop.remedy)}", err=True)
    return stop.exit_code


def _line(text: str) -> str:
    """One line that drives no terminal: it may quote a file, a program or a server."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def as_text(value: "Value") -> str:
    """`value` as JSON of ASCII alone: what it quotes must not drive the terminal."""
    return json.dumps(value.model_dump(mode="json"))


def here() -> Path:
    """The folder that the person works in. Raises Missing when it was deleted."""
    try:
        return Path.cwd()
    except OSError as error:
        raise Missing("the current folder is gone", "change to another one") from error


def live(*, quiet: bool) -> "Live | None":
    if quiet:
        return None
    from rich.console import Console

    from orchestrator.live import Live

    return Live(Console(file=sys.stderr, force_terminal=sys.stderr.isatty()))


def conclude(report: "Report", folder: Path, *, as_json: bool, quiet: bool) -> int:
    """The result of a run: 0 when every milestone is complete, else 1."""
    if as_json:
        click.echo(as_text(report))
    elif not quiet:
        click.echo(summary(report, folder))
    return 0 if report.passed else 1


def summary(report: "Report", folder: Path) -> str:
    from orchestrator.live import plain

    facts = report.facts
    lines = [""]
    if facts.sandbox == "process":
        lines.append("UNSANDBOXED: the code ran as an ordinary process (--sandbox process)")
    for one in facts.milestones:
        mark = MARKS[one.status]
        tests = one.tests
        ran = f", {tests.passed}/{tests.total} tests, coverage {tests.coverage}%" if tests else ""
        tries = f"{len(one.attempts)} attempt{'s' * (len(one.attempts) != 1)}"
        scored = f"score {one.score}, " if one.score else ""
        lines.append(plain(f"{mark:<8}{one.id}: {one.title} ({scored}{tries}{ran})"))
    lines += ["", f"product  {report.product_folder}", f"report   {folder / 'report.md'}"]
    if facts.launch and facts.launch.command:
        lines.append(
            plain(f"run it   cd {report.product_folder} && {' '.join(facts.launch.command)}")
        )
    if report.possibly_billed_twice:
        lines.append(f"{report.possibly_billed_twice} calls may have been billed twice")
    return "\n".join(lines)
