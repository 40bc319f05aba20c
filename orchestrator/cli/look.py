"""Commands that only read: status, runs, report, doctor."""

import json
import os

import click

from orchestrator.cli.options import RUN, with_options
from orchestrator.cli.output import as_text, here
from orchestrator.errors import Missing, Misuse

JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.command("status")
@with_options(RUN, JSON)
def status(name: str, as_json: bool) -> int:
    """Where a run stands, from its journal. Only reads.

    Example: orchestrate status
    """
    from orchestrator import folder as folders
    from orchestrator import standing
    from orchestrator.live import plain

    found = folders.find(here(), name)
    stands = standing.of(found)
    if as_json:
        click.echo(as_text(stands))
        return 0
    click.echo(plain(f"{stands.run}: {stands.state}"))
    for one in stands.milestones:
        click.echo(plain(f"  {one.id:<32} {one.status}"))
    click.echo(standing.spent(stands))
    return 0


@click.command("runs")
@with_options(JSON)
def runs(as_json: bool) -> int:
    """Every run in this folder, oldest first.

    Example: orchestrate runs
    """
    from orchestrator import folder as folders
    from orchestrator.live import plain

    every = folders.runs(here())
    rows = [
        {
            "run": one.name,
            "created": one.start().created,
            "reported": one.reported,
            "idea": one.start().idea[:80],
        }
        for one in every
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return 0
    for row in rows:
        mark = "reported" if row["reported"] else "open"
        click.echo(plain(f"{row['run']:<44} {mark:<9} {row['idea']}"))
    if not rows:
        click.echo("no runs here")
    return 0


@click.command("report")
@with_options(RUN, JSON)
def report(name: str, as_json: bool) -> int:
    """Prints a run's final report.

    Example: orchestrate report > report.md
    """
    from orchestrator import folder as folders

    found = folders.find(here(), name)
    path = found.path / ("report.json" if as_json else "report.md")
    if not found.reported:
        raise Misuse(
            f"{found.name} has no report yet", "orchestrate status, then orchestrate resume"
        )
    try:
        click.echo(path.read_text("utf-8"), nl=False)
    except OSError as error:
        raise Missing(
            f"cannot read {path}: {error.strerror}", "orchestrate resume writes it again"
        ) from error
    return 0


@click.command("doctor")
@with_options(JSON)
def doctor(as_json: bool) -> int:
    """What this machine can do, the effective settings and where they come from.

    Example: orchestrate doctor
    """
    from orchestrator import diagnosis
    from orchestrator.live import plain

    found = diagnosis.examine(here(), os.environ)
    if as_json:
        click.echo(as_text(found))
    else:
        for one in found.checks:
            click.echo(plain(f"{'ok ' if one.ok else 'NO '} {one.name:<12} {one.detail}"))
            if not one.ok and one.remedy:
                click.echo(plain(f"    -> {one.remedy}"))
        click.echo("")
        for name, value, origin in found.settings:
            click.echo(plain(f"{name:<18} {value:<14} {origin}"))
    return 0 if all(one.ok for one in found.checks) else 3
