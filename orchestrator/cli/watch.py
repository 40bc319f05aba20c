"""`watch`: a run, live, from another terminal."""

import signal
import sys
import threading
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import RUN, with_options
from orchestrator.cli.output import here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.watching import Logged

STOPPED = "nobody advances {run}; orchestrate resume goes on"


@click.command("watch")
@click.option("--json", "as_json", is_flag=True, help="The journal's lines, in ASCII.")
@with_options(RUN)
def watch(as_json: bool, name: str) -> int:
    """Follows a run from its beginning, as the process that advances it shows it. Only reads.

    Ends with the run: 0 complete, 1 not passed; 0 when it is stopped.

    Example: orchestrate watch
    """
    from orchestrator import folder as folders
    from orchestrator import watching

    run, ended = folders.find(here(), name), threading.Event()

    def end(_number: int, _frame: object) -> None:
        ended.set()

    # A KeyboardInterrupt may come where it is lost, as in a parser's callback.
    signal.signal(signal.SIGINT, end)
    lines = watching.lines(run, ended)
    if as_json:
        passed = None
        for line in lines:
            click.echo(watching.in_ascii(line), nl=False)
            passed = _passed(watching.event(line), passed)
    else:
        passed = _shown(lines)
    if ended.is_set():
        return 130
    if passed is None:
        click.echo(STOPPED.format(run=run.name), err=True)
    return 1 if passed is False else 0


def _shown(lines: "Iterator[str]") -> bool | None:
    from rich.console import Console

    from orchestrator import watching
    from orchestrator.live import Live

    shown = Live(Console(file=sys.stdout, force_terminal=sys.stdout.isatty()))
    passed: bool | None = None
    try:
        for line in lines:
            if (found := watching.event(line)) is None:
                continue
            passed = _passed(found, passed)
            shown.tell(found.event, at=found.logged.timestamp())
    finally:
        shown.close()
    return passed


def _passed(found: "Logged | None", before: bool | None) -> bool | None:
    """How the run ended, None while it has not."""
    if found is None:
        return before
    if found.event.kind == "run_ended":
        return found.event.passed
    return None if found.event.kind == "run_started" else before
