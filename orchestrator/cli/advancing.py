"""Takes a run as far as it goes, for the commands that do."""

import asyncio
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from orchestrator.cli import scripting
from orchestrator.cli.output import conclude, live
from orchestrator.errors import Busy, Misuse, Stop

if TYPE_CHECKING:
    from orchestrator.artifacts.report import Report
    from orchestrator.folder import RunFolder
    from orchestrator.live import Live
    from orchestrator.people import Anew
    from orchestrator.run import Outside


def advanced(
    folder: "RunFolder",
    *,
    confirm: bool,
    as_json: bool,
    quiet: bool,
    re_ask: bool = False,
    allow: tuple[str, ...] = (),
    flags: Mapping[str, str] | None = None,
    anew: "Anew | None" = None,
) -> int:
    """Prints what the run came to, or how far. `confirm` puts the plan to the terminal."""
    from orchestrator import run
    from orchestrator.cli import consent

    if folder.start().script is not None:
        return scripting.advanced(folder, as_json=as_json, quiet=quiet, re_ask=re_ask, flags=flags)
    shown = live(quiet=quiet or as_json)
    person = consent.terminal(shown)
    outside = run.Outside(
        env=os.environ,
        sinks=(shown,) if shown else (),
        re_ask=re_ask,
        signals=True,
        consent=consent.consent(person),
        allow=allow,
        ask=consent.ask(person),
        confirm=confirm and person is not None,
        flags=flags or {},
        anew=anew,
    )
    report = _walked(folder, outside, shown)
    return conclude(report, folder.path, as_json=as_json, quiet=quiet)


def _walked(folder: "RunFolder", outside: "Outside", shown: "Live | None") -> "Report":
    from orchestrator import run

    try:
        return asyncio.run(run.advance(folder, outside))
    except Stop as stop:
        if shown and not isinstance(stop, Busy | Misuse):
            _stopped(folder, shown)
        raise
    finally:
        if shown:
            shown.close()


def _stopped(folder: "RunFolder", shown: "Live") -> None:
    """Prints what is done, and what it took."""
    from orchestrator import standing
    from orchestrator.live import plain

    shown.close()
    stands = standing.of(folder)
    rows = [f"  {one.id:<32} {one.status}" for one in stands.milestones]
    click.echo("\n".join(["", *map(plain, rows), standing.spent(stands)]), err=True)
