"""`script`: one program, written, scored, refined and run."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import LIMITS, MODELS, OUTPUT, SANDBOX, with_options
from orchestrator.cli.output import as_text, here, live
from orchestrator.errors import AwaitingHost, Misuse

if TYPE_CHECKING:
    from orchestrator.artifacts.script import Scripted, Wanted
    from orchestrator.folder import RunFolder
    from orchestrator.run import Outside

AFTER = "orchestrator.arguments"
STDIN_BYTES = 1 << 20
ROW = "  {:>7}  {:>5}  {:>8}  {:<11}  {:>7}  {:>4}  {}"


class _Called(click.Command):
    """What follows `--` is the program's own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ctx.meta[AFTER] = tuple(args[at + 1 :])
        return super().parse_args(ctx, args[:at])


@click.command("script", cls=_Called, options_metavar="[OPTIONS]")
@click.argument("words", metavar='"PROMPT" [-- ARGS ...]', nargs=-1)
@click.option("--min-score", default="9.6", show_default=True, help="What accepts, from 0 to 10.")
@click.option(
    "--max-refinements", type=click.IntRange(0, 20), default=3, show_default=True,
    help="Versions after the first.",
)  # fmt: skip
@click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds, each run.")
@click.option("--stdin", type=click.Path(path_type=Path), help="A file for its standard input.")
@click.option("--out", type=click.Path(path_type=Path), help="The program's file (./<name>.py).")
@click.option("--force", is_flag=True, help="Replace the file where there is one.")
@click.option("--host", is_flag=True, help="You answer: requests are files.")
@click.option(
    "--replay", type=click.Path(path_type=Path, file_okay=False),
    help="Answer from this recorded script run; the program is run again.",
)  # fmt: skip
@with_options(*MODELS, SANDBOX, *LIMITS[:4], *OUTPUT)
@click.pass_context
def script(
    ctx: click.Context,
    words: tuple[str, ...],
    min_score: str,
    max_refinements: int,
    timeout: float,
    stdin: Path | None,
    out: Path | None,
    force: bool,
    host: bool,
    replay: Path | None,
    as_json: bool,
    quiet: bool,
    **flags: object,
) -> int:
    """One Python program from a sentence: standard library only, scored until it is good, then run.

    Each version is run in the sandbox with ARGS and scored; the judge's corrections are applied as
    they are where they fit. The best version lands in FILE; an accepted one is run, its output
    shown. After a stop: orchestrate resume.

    Example: orchestrate script "print the N first primes, one a line" -- 20

    Exit codes: 0 accepted and run to exit code 0, else 1; what stops a run has its own.
    """
    home = here()
    if replay is not None:
        if words or host:
            raise Misuse("a recording brings its own prompt", "leave out the prompt and --host")
        folder = _replayed(home, replay, out, force, flags)
    else:
        wanted = _wanted(min_score, max_refinements, timeout, stdin, ctx.meta[AFTER])
        flags = {**flags, "backend": "host" if host else None}
        folder = _begun(home, words, wanted, out, force, flags)
    return advanced(folder, as_json=as_json, quiet=quiet)


def _wanted(
    bar: str, refinements: int, timeout: float, stdin: Path | None, arguments: tuple[str, ...]
) -> "Wanted":
    import base64

    from pydantic import ValidationError

    from orchestrator.artifacts.script import Wanted
    from orchestrator.cli.inspect import callable_with

    callable_with(arguments, timeout)
    try:
        return Wanted(
            bar=bar,  # pyright: ignore[reportArgumentType]
            refinements=refinements,
            seconds=timeout,
            arguments=arguments,
            stdin=base64.b64encode(_given(stdin)),
        )
    except ValidationError as error:
        first = error.errors()[0]
        flag = "--timeout" if first["loc"] == ("seconds",) else "--min-score"
        why = first["msg"].removeprefix("Value error, ")
        raise Misuse(f"{flag}: {why}", "such as --min-score 9.6 --timeout 30") from error


def _given(path: Path | None) -> bytes:
    if path is None:
        return b""
    try:
        with path.open("rb") as file:
            content = file.read(STDIN_BYTES + 1)
    except OSError as error:
        raise Misuse(f"cannot read {path}: {error.strerror}", "give a readable file") from error
    if len(content) > STDIN_BYTES:
        raise Misuse(f"{path} is larger than 1 MiB", "give a smaller sample of the input")
    return content


def _begun(
    home: Path,
    words: tuple[str, ...],
    wanted: "Wanted",
    out: Path | None,
    force: bool,
    flags: dict[str, object],
) -> "RunFolder":
    from orchestrator import run, settings
    from orchestrator.api import worthy
    from orchestrator.cli.group import checked

    prompt = worthy(checked(words, []))
    _free(run.script.file(home, prompt, out or ""), force)
    chosen = settings.load(home, os.environ, flags).settings
    return asyncio.run(
        run.begin(home, prompt, chosen, env=os.environ, into=out, script=wanted, force=force)
    )


def _replayed(
    home: Path, path: Path, out: Path | None, force: bool, flags: dict[str, object]
) -> "RunFolder":
    from orchestrator import recordings, run

    start = recordings.find(path).start()
    if start.script is None:
        raise Misuse(f"{path} is no script run", "orchestrate --replay DIR")
    _free(run.script.file(home, start.idea, out or ""), force)
    return asyncio.run(recordings.begin(home, path, os.environ, flags=flags, into=out, force=force))


def _free(path: Path, force: bool) -> None:
    """Raises Misuse when the program cannot go to `path`."""
    if path.is_dir() or not path.parent.is_dir():
        why = "is a folder" if path.is_dir() else "lies in no folder"
        raise Misuse(f"{path} {why}", "choose another file with --out")
    if os.path.lexists(path) and not force:
        raise Misuse(f"{path} exists", "choose another file with --out, or --force")


def advanced(
    folder: "RunFolder",
    *,
    as_json: bool,
    quiet: bool,
    re_ask: bool = False,
    flags: Mapping[str, str] | None = None,
) -> int:
    """Takes a script run to its end and prints what it came to."""
    from orchestrator import run
    from orchestrator.models import host

    shown = live(quiet=quiet or as_json)
    outside = run.Outside(
        env=os.environ,
        sinks=(shown,) if shown else (),
        re_ask=re_ask,
        signals=True,
        flags=flags or {},
    )
    host.note_all(folder.inbox)
    try:
        done = asyncio.run(run.script.write(folder, outside))
    except AwaitingHost as stop:
        return _waits(stop, folder, outside, as_json=as_json)
    finally:
        if shown:
            shown.close()
    return _concluded(done, as_json=as_json, quiet=quiet)


def _waits(stop: AwaitingHost, folder: "RunFolder", outside: "Outside", *, as_json: bool) -> int:
    """Says where the request is, and where its answer goes."""
    import json

    (one,) = outside.pending
    said = {
        "status": "request",
        "run": folder.name,
        "id": stop.request,
        "request_file": str(one.request_file),
        "answer_file": str(one.answer_file),
        "command": "orchestrate resume",
        "refused": one.refused,
    }
    if as_json:
        click.echo(json.dumps(said))
        return 0
    if one.refused:
        click.echo(f"the answer was not taken: {one.refused}")
    for name, text in (("request", one.request_file), ("answer", one.answer_file)):
        click.echo(f"{name:<8} {text}")
    click.echo("write the answer, then: orchestrate resume")
    return 0


def _concluded(done: "Scripted", *, as_json: bool, quiet: bool) -> int:
    from orchestrator.cli.inspect import UNSANDBOXED, pass_on

    if as_json:
        click.echo(as_text(done))
        return 0 if done.passed else 1
    if not quiet:
        click.echo(_summary(done), err=True)
    if done.ran is not None:
        if done.sandbox == "process":
            click.echo(UNSANDBOXED, err=True)
        pass_on(done.ran.stdout, done.ran.stderr)
        if not done.ran.passed:
            sys.stdout.flush()
            click.echo(f"orchestrate: the program ended badly: {done.ran.ended}", err=True)
    return 0 if done.passed else 1


def _summary(done: "Scripted") -> str:
    from orchestrator.artifacts.script import shown
    from orchestrator.live import plain

    lines = ["", ROW.format("version", "score", "expected", "made by", "applied", "left", "run")]
    for one in done.versions:
        hoped = "-" if one.expected is None else shown(one.expected)
        row = (one.version, shown(one.score), hoped, one.by, one.applied, one.left, one.ran)
        lines.append(ROW.format(*row))
    reached = f"version {done.best}, score {shown(done.score)}"
    lines.append("")
    if done.accepted:
        lines.append(f"accepted {reached}")
    else:
        lines.append(f"NOT ACCEPTED: the best is {reached}; {shown(done.bar)} accepts. Not run.")
    if done.reason:
        lines.append(done.reason)
    return "\n".join([*map(plain, lines), f"program  {done.program}", ""])


def told(folder: "RunFolder", outside: "Outside") -> dict[str, object]:
    """The same for an outer agent: one state of its protocol."""
    from orchestrator import run
    from orchestrator.artifacts.script import shown

    done = asyncio.run(run.script.write(folder, outside))
    return {
        "status": "done" if done.passed else "failed",
        "run": folder.name,
        "program": done.program,
        "score": shown(done.score),
        "ran": done.ran.ended if done.ran else "not accepted, so not run",
        "report": str(folder.path / "report.md"),
    }
