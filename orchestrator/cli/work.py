"""Commands that advance a run: idea, plan, run, resume, demo."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.advancing import advanced
from orchestrator.cli.group import checked
from orchestrator.cli.options import (
    INTO,
    LIMITS,
    OUTPUT,
    PACKAGES,
    RUN,
    SETTINGS,
    YES,
    with_options,
)
from orchestrator.cli.output import here, live
from orchestrator.errors import Missing, Misuse

if TYPE_CHECKING:
    from orchestrator.artifacts.plan import Plan

FILE = click.option(
    "--file", "file", type=click.Path(path_type=Path), help="Read the idea from this file."
)
REPLAY = click.option(
    "--replay",
    type=click.Path(path_type=Path, file_okay=False),
    help="Answer from this recording; everything is verified again.",
)


@click.command("idea", hidden=True)
@click.argument("words", nargs=-1)
@with_options(FILE, INTO, REPLAY, YES, *SETTINGS, *OUTPUT)
@click.pass_context
def idea(
    ctx: click.Context,
    words: tuple[str, ...],
    file: Path | None,
    into: Path | None,
    replay: Path | None,
    yes: bool,
    as_json: bool,
    quiet: bool,
    **flags: object,
) -> int:
    """From an idea to a tested project and a report."""
    if replay is not None:
        if words or file:
            raise Misuse("a recording brings its own idea", "leave the idea out with --replay")
        return replayed(replay, into=into, flags=flags, as_json=as_json, quiet=quiet)
    parent = ctx.parent.command if ctx.parent else None
    every = parent.commands.items() if isinstance(parent, click.Group) else ()
    names = [name for name, command in every if not command.hidden]
    text = _idea(words, file, names)
    return _begun(text, None, into, flags, yes=yes, as_json=as_json, quiet=quiet)


def _idea(words: tuple[str, ...], file: Path | None, commands: list[str]) -> str:
    from orchestrator.api import worthy

    if file is not None:
        return worthy(_text(file))
    if words == ("-",):
        return worthy(_decoded(sys.stdin.buffer.read() if sys.stdin else b"", "standard input"))
    return worthy(checked(words, commands))


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Misuse(
            f"cannot read {path}: {error.strerror}", "give a readable UTF-8 text file"
        ) from error
    return _decoded(content, str(path))


def _decoded(content: bytes, origin: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Misuse(
            f"{origin} is not UTF-8: {error.reason} at byte {error.start}", "give UTF-8 text"
        ) from error


def _begun(
    text: str,
    plan: "Plan | None",
    into: Path | None,
    flags: dict[str, object],
    *,
    yes: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    from orchestrator import run, settings

    home = here()
    chosen = settings.load(home, os.environ, flags).settings
    folder = asyncio.run(run.begin(home, text, chosen, env=os.environ, plan=plan, into=into))
    return advanced(folder, confirm=not yes, as_json=as_json, quiet=quiet)


@click.command("plan")
@click.argument("words", nargs=-1)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("plan.json"),
    show_default=True,
    help="Where the plan goes.",
)
@with_options(FILE, *SETTINGS, *OUTPUT)
def plan(
    words: tuple[str, ...],
    file: Path | None,
    out: Path,
    as_json: bool,
    quiet: bool,
    **flags: object,
) -> int:
    """Only the plan, as a file that you can edit and give to `run --plan`.

    Example: orchestrate plan "a to-do list for the shell"
    """
    from orchestrator import planfile, quote, run, settings

    text = _idea(words, file, [])
    if out.exists() or not out.parent.is_dir():
        why = "exists" if out.exists() else "lies in no folder"
        raise Misuse(f"{out} {why}", "choose another file with --out")
    home = here()
    chosen = settings.load(home, os.environ, flags).settings
    folder = asyncio.run(run.begin(home, text, chosen, env=os.environ))
    shown = live(quiet=quiet or as_json)
    outside = run.Outside(env=os.environ, sinks=(shown,) if shown else (), signals=True)
    made = asyncio.run(run.plan_only(folder, outside))
    try:
        out.write_text(planfile.text(text, made), "utf-8")
    except OSError as error:
        raise Missing(
            f"cannot write {out}: {error.strerror}", "choose another file with --out"
        ) from error
    if not quiet:
        click.echo(
            made.model_dump_json() if as_json else f"{out}: {len(made.milestones)} milestones"
        )
        if not as_json:
            click.echo(f"quote: {quote.told(quote.quote(made, chosen))}")
            click.echo(f"edit it, then: orchestrate run --plan {out}")
    return 0


@click.command("run")
@click.option(
    "--plan", "path", type=click.Path(path_type=Path), required=True, help="The plan file."
)
@with_options(INTO, YES, *SETTINGS, *OUTPUT)
def run_plan(
    path: Path, into: Path | None, yes: bool, as_json: bool, quiet: bool, **flags: object
) -> int:
    """Builds a plan that `plan` wrote and you may have edited.

    Example: orchestrate run --plan plan.json
    """
    from orchestrator import planfile
    from orchestrator.api import worthy

    text, made = planfile.read(_text(path), str(path))
    return _begun(worthy(text), made, into, flags, yes=yes, as_json=as_json, quiet=quiet)


@click.command("resume")
@click.option(
    "--re-ask", is_flag=True, help="Ask again where the prompts or the tool have changed."
)
@with_options(RUN, YES, PACKAGES, *LIMITS, *OUTPUT)
def resume(
    name: str,
    re_ask: bool,
    yes: bool,
    allow_packages: tuple[str, ...] | None,
    as_json: bool,
    quiet: bool,
    **flags: str | None,
) -> int:
    """Goes on with a run: what was answered, verified and decided is not done again.

    Limits are those of the run, less what you give here.

    Example: orchestrate resume --max-cost 20
    """
    from orchestrator import folder as folders
    from orchestrator import settings

    # Through the settings, for their one way to read and refuse a name.
    allow = settings.over(settings.Settings(), {"allow_packages": allow_packages}).allow_packages
    found = folders.find(here(), name)
    if not quiet and not as_json:
        click.echo(f"resuming {found.name}", err=True)
    return advanced(
        found,
        confirm=not yes,
        as_json=as_json,
        quiet=quiet,
        re_ask=re_ask,
        allow=allow,
        flags={name: value for name, value in flags.items() if value is not None},
    )


@click.command("demo")
@click.option("--into", type=click.Path(path_type=Path), help="A new folder for the demo.")
@with_options(*OUTPUT)
def demo(into: Path | None, as_json: bool, quiet: bool) -> int:
    """A whole run from a shipped recording: really built, really tested, no key.

    Example: orchestrate demo
    """
    from orchestrator import machine

    home = _demo_folder(into)
    return replayed(
        machine.shipped("examples") / "todo-cli" / "recording",
        home=home,
        as_json=as_json,
        quiet=quiet,
        flags={},
    )


def _demo_folder(into: Path | None) -> Path:
    home, number = into or Path("orchestrate-demo"), 1
    while into is None and home.exists():
        number += 1
        home = Path(f"orchestrate-demo-{number}")
    try:
        home.mkdir(parents=True)
        (home / ".gitignore").write_text("*\n", "utf-8")
    except FileExistsError as error:
        raise Misuse(f"{home} exists", "choose a new folder with --into") from error
    except OSError as error:
        raise Missing(
            f"cannot write {home}: {error.strerror}", "choose another folder with --into"
        ) from error
    return home.resolve()


def replayed(
    path: Path,
    *,
    flags: dict[str, object],
    as_json: bool,
    quiet: bool,
    home: Path | None = None,
    into: Path | None = None,
) -> int:
    """A run that answers from the recording at `path`."""
    from orchestrator import recordings

    folder = asyncio.run(recordings.begin(home or here(), path, os.environ, flags=flags, into=into))
    return advanced(folder, confirm=False, as_json=as_json, quiet=quiet)
