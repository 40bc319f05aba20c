"""The command that calibrates Eval on the shipped set."""

import asyncio
import json
import os
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import LIMITS, MODELS, OUTPUT, SANDBOX, THRESHOLD, with_options
from orchestrator.cli.output import as_text, here, live
from orchestrator.errors import AwaitingHost, Changed, Misuse, Stop

if TYPE_CHECKING:
    from orchestrator.calibrating import Calibration, Wanted
    from orchestrator.calibration import Missed, Row, Table
    from orchestrator.folder import RunFolder
    from orchestrator.live import Live
    from orchestrator.models.host import Pending
    from orchestrator.run import Outside
    from orchestrator.settings import Settings

HEAD = ("dimension", "in order", "false passes", "pass the gate", "clean", "defective", "spread")
WIDTHS = (16, 14, 14, 15, 7, 11, 6)
LEGEND = """\
in order: the clean project scores higher than the defective one on the defect's own dimension
false passes: those not in order whose defective project passes the gate
clean, defective: mean scores; spread: highest less lowest score, {spread}"""


@click.command("calibrate")
@click.option(
    "--project", "projects", metavar="NAME", multiple=True, help="This project alone (repeatable)."
)
@click.option(
    "--half",
    type=click.Choice(["tune", "report", "both"]),
    default="both",
    show_default=True,
    help="Which defects: those to improve a prompt on, or those to report.",
)
@click.option(
    "--repeats",
    type=click.IntRange(1, 99),
    default=1,
    show_default=True,
    help="Evaluations of each project.",
)
@click.option("--host", "hosted", is_flag=True, help="You answer: requests and answers are files.")
@click.option(
    "--replay",
    type=click.Path(path_type=Path, file_okay=False),
    help="Answer from this recording of a calibration; a shipped one by its date.",
)
@with_options(*MODELS, THRESHOLD, SANDBOX, *LIMITS, *OUTPUT)
def calibrate(
    projects: tuple[str, ...],
    half: str,
    repeats: int,
    hosted: bool,
    replay: Path | None,
    as_json: bool,
    quiet: bool,
    **flags: object,
) -> int:
    """How well Eval tells good code from bad: 5 clean projects against 30 planted defects.

    Each project is tested in the sandbox and evaluated as a milestone is. The same command again
    goes on where it was interrupted, and asks nothing twice.

    Example: orchestrate calibrate --half tune --max-cost 10

    \b
    Without a key: --host writes a file for each request and says where; write the answer files,
    then give the same command again. --replay DIR counts recorded answers.
    """
    from orchestrator.calibrating import Wanted

    if hosted and replay is not None:
        raise Misuse("--host and --replay exclude each other", "give one of them")
    wanted = Wanted.model_validate({"projects": projects, "half": half, "repeats": repeats})
    folder, chosen = _begun(replay, {**flags, **({"backend": "host"} if hosted else {})})
    shown = live(quiet=quiet or as_json)
    outside = _outside(flags, (shown,) if shown else ())
    with closing(shown) if shown else nullcontext():
        found = _calibrated(folder, wanted, outside, chosen)
    if found is None:
        _waiting(outside.pending, as_json=as_json, quiet=quiet)
    elif as_json:
        click.echo(as_text(found))
    elif not quiet:
        click.echo(told(found, folder.path))
    return 0


def _begun(replay: Path | None, flags: dict[str, object]) -> "tuple[RunFolder, Settings]":
    from orchestrator import machine, recordings, settings
    from orchestrator.calibrating import begin, replaying

    home = here()
    if replay is None:
        chosen = settings.load(home, os.environ, flags).settings
        return begin(home, chosen), chosen
    shipped = machine.shipped("examples") / "calibration" / "answers" / replay
    recording = recordings.find(replay if replay.exists() else shipped)
    chosen = replaying(recording, flags)
    return begin(home, chosen, recording), chosen


def _outside(flags: dict[str, object], sinks: "tuple[Live, ...]") -> "Outside":
    from orchestrator.run import Outside

    limits = {
        name: str(value)
        for name, value in flags.items()
        if name.startswith("max_") and value is not None
    }
    return Outside(env=os.environ, sinks=sinks, signals=True, flags=limits)


def _calibrated(
    folder: "RunFolder", wanted: "Wanted", outside: "Outside", chosen: "Settings"
) -> "Calibration | None":
    """None while a host's answers are missing. A Stop's remedy is this command, not `resume`."""
    from orchestrator.calibrating import calibrate

    try:
        return asyncio.run(calibrate(folder, wanted, outside, chosen))
    except AwaitingHost:
        return None
    except Changed as stop:
        stop.remedy = f"undo the change, or begin anew: move {folder.path} away"
        raise
    except Stop as stop:
        for ours in ("orchestrate resume", "orchestrate next", "`orchestrate next`"):
            stop.remedy = stop.remedy.replace(f"{ours} --", "the same command with --")
            stop.remedy = stop.remedy.replace(ours, "the same command again")
        raise


def _waiting(pending: "list[Pending]", *, as_json: bool, quiet: bool) -> None:
    from orchestrator.live import plain

    listed = sorted(pending, key=lambda one: one.id)
    if as_json:
        requests = [
            {
                "id": one.id,
                "request_file": str(one.request_file),
                "answer_file": str(one.answer_file),
                "refused": one.refused,
            }
            for one in listed
        ]
        click.echo(json.dumps({"status": "waiting", "requests": requests}))
    elif not quiet:
        click.echo(f"{len(listed)} answers are missing, in {listed[0].request_file.parent}")
        for one in listed:
            why = f"  (not taken: {one.refused})" if one.refused else ""
            click.echo(plain(f"  {one.request_file.name}  ->  {one.answer_file.name}{why}"))
        click.echo("write them, then give the same command again")


def told(found: "Calibration", folder: Path) -> str:
    """The tables as text."""
    gate = f"the gate at {found.threshold / 100:.2f}, no score below {found.floor}"
    effort = f" ({found.effort} effort)" if found.effort else ""
    lines = [f"Eval, answered by {', '.join(found.models)}{effort}; {gate}"]
    for table in found.tables:
        lines += ["", *_table(table)]
    repeated = any(one.repeats > 1 for one in found.tables)
    spread = "over the repeats" if repeated else "over the clean projects"
    return plain_lines(
        [*lines, "", *LEGEND.format(spread=spread).splitlines(), f"kept in {folder}"]
    )


def plain_lines(lines: list[str]) -> str:
    from orchestrator.live import plain

    return "\n".join(plain(line).rstrip() for line in lines)


def _table(table: "Table") -> list[str]:
    defects, clean = table.rows[-1].defects, table.clean_evaluations
    lines = [
        f"half {table.half}: {defects} defects, {table.repeats} evaluations of each project"
        if table.repeats > 1
        else f"half {table.half}: {defects} defects",
        _line(HEAD),
        *(_line(_cells(row)) for row in table.rows),
        f"clean projects pass the gate {table.clean_passed} of {clean} times",
    ]
    missed = [f"  {_missed(one)}" for one in table.missed] or ["  none"]
    unanswered = [f"no valid answer: {name}" for name in table.unanswered]
    return [*lines, "missed:", *missed, *unanswered]


def _line(cells: tuple[str, ...]) -> str:
    return "".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=True))


def _cells(row: "Row") -> tuple[str, ...]:
    share = "" if row.accuracy is None else f" {100 * row.accuracy:.0f} %"
    return (
        row.dimension,
        f"{row.in_order}/{row.pairs}{share}",
        f"{row.false_passes}/{row.pairs}",
        f"{row.passed}/{row.evaluations}",
        _points(row.clean),
        _points(row.defective),
        _points(row.spread),
    )


def _points(points: float | None) -> str:
    return "-" if points is None else f"{points:.2f}"


def _missed(one: "Missed") -> str:
    label = one.label
    return (
        f"{label.dimension:<16}{label.project}/{label.id} ({label.severity}): in order "
        f"{one.in_order}/{one.pairs}, clean {_points(one.clean)}, defective "
        f"{_points(one.defective)}, passes {one.passed}/{one.evaluations}"
    )
