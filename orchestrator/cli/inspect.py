"""Commands on a folder of one's own, without a run: verify, sandbox, apply."""

import asyncio
import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import PACKAGES, with_options
from orchestrator.cli.output import as_text, here
from orchestrator.errors import Misuse

if TYPE_CHECKING:
    from orchestrator.project.trying import Trial
    from orchestrator.settings import Settings

EXITS = {"pass": 0, "fail": 1, "inconclusive": 8}
UNSANDBOXED = "UNSANDBOXED: the code ran as an ordinary process (--sandbox process)"
DIR = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="The result as one JSON object.")
SANDBOX = click.option(
    "--sandbox",
    type=click.Choice(["bubblewrap", "process"]),
    help="How the project's code is run. 'process' is no boundary.",
)


@click.command("verify")
@DIR
@click.option(
    "--criteria",
    "criteria_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What it must do, as JSON; without it, its own tests decide.",
)
@with_options(SANDBOX, PACKAGES, JSON)
def verify(folder: Path, criteria_file: Path | None, as_json: bool, **flags: object) -> int:
    """The whole verification that a milestone gets, on the project in DIR, which stays as it is.

    Example: orchestrate verify . --criteria criteria.json

    \b
    FILE says how the product is run, and what must hold; every criterion needs a contract test
    (tests/contract/...::test_m1_c1_...), a shown and a held check:
      {"launch": {"kind": "cli", "command": ["python", "-m", "app"], "module": "app"},
       "criteria": [{"id": "M1-C1", "text": "It adds two numbers."}],
       "checks": [{"id": "M1-C1-held-1", "criterion": "M1-C1", "visibility": "held",
                   "title": "", "steps": [{"kind": "command", "argv": ["2", "3"],
                     "stdin": "", "exit_code": 0, "stderr": [], "files": [],
                     "stdout": [{"how": "equals", "text": "5"}]}]}]}

    Exit codes: 0 pass, 1 fail, 8 inconclusive, 3 when this machine cannot verify.
    """
    from orchestrator.cli import findings
    from orchestrator.project import verifying

    chosen = _settings(folder, flags)
    found = asyncio.run(verifying.verify(folder, criteria_file, chosen, os.environ))
    if as_json:
        click.echo(json.dumps(findings.told(found)))
    else:
        if found.verdict.sandbox == "process":
            click.echo(UNSANDBOXED)
        click.echo(findings.shown(found))
    return EXITS[found.verdict.outcome]


@click.command("sandbox")
@DIR
@click.argument("words", metavar="-- CMD ...", nargs=-1, required=True)
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Seconds.")
@with_options(SANDBOX, PACKAGES, JSON)
def sandbox(
    folder: Path, words: tuple[str, ...], timeout: float, as_json: bool, **flags: object
) -> int:
    """Runs one command on a copy of DIR in the sandbox; `python` has what DIR requires.

    Example: orchestrate sandbox . --timeout 10 -- python -m app --help

    Exit codes: 0 when the command ended with 0, else 1; 3 when the sandbox does not work here.
    """
    from orchestrator.project import trying

    callable_with(words, timeout)
    chosen = _settings(folder, flags)
    done = asyncio.run(trying.run(folder, words, seconds=timeout, chosen=chosen, env=os.environ))
    if as_json:
        click.echo(as_text(done))
        return 0 if done.passed else 1
    if done.backend == "process":
        click.echo(UNSANDBOXED, err=True)
    pass_on(done.stdout, done.stderr)
    if said := _ended(done, timeout):
        click.echo(f"orchestrate: {said}", err=True)
    return 0 if done.passed else 1


def _ended(done: "Trial", timeout: float) -> str:
    """How, when the command did not end by itself and whole."""
    ends = {
        "exited": "the output is cut" if done.truncated else "",
        "timed out": f"timed out after {timeout:g} s",
        "killed": f"killed by {done.killed_by}",
        "too much output": "ended for too much output",
    }
    return ends[done.outcome]


def callable_with(words: tuple[str, ...], timeout: float) -> None:
    """Raises Misuse for what no program can be called with, or for so long."""
    if not (math.isfinite(timeout) and timeout > 0):
        raise Misuse(f"--timeout {timeout} is no time", "give seconds, such as --timeout 10")
    for word in words:
        if "\0" in word or any("\ud800" <= char <= "\udfff" for char in word):
            raise Misuse(f"{word!r} cannot be given to a program", "give UTF-8 text without NUL")


def pass_on(stdout: str, stderr: str) -> None:
    """What a program said, but for what would drive the terminal."""
    from orchestrator.render import visible

    for said, err in ((stdout, False), (stderr, True)):
        if said:
            click.echo(visible(said), nl=not said.endswith("\n"), err=err)


@click.command("apply")
@click.argument("answer", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--into", "folder", metavar="DIR", type=click.Path(path_type=Path), required=True,
    help="The project's folder.",
)  # fmt: skip
@with_options(JSON)
def apply(answer: Path, folder: Path, as_json: bool) -> int:
    """Makes the changes of an agent's ANSWER (a file, or -) in DIR: all of them or none.

    ANSWER is text with marked blocks, or JSON: {"files": [{"path", "content"}], "edits": [{"path",
    "remove", "add"}], "deletes": [path]}. The rules are those of the Impl agent, who may not touch
    tests or what decides how they run.

    Example: orchestrate apply answer.md --into .

    Exit codes: 0 when applied, 1 when refused, with every path that is in the way.
    """
    from orchestrator.live import plain
    from orchestrator.project import applying

    done = applying.apply(_answer(answer), folder)
    if as_json:
        said = {"problems"} if done.problems else {"written", "deleted"}
        told = done.model_dump(mode="json", include=said)
        click.echo(json.dumps({"applied": not done.problems, **told}))
    else:
        rows = (("refused", done.problems), ("wrote", done.written), ("deleted", done.deleted))
        for mark, lines in rows:
            for line in lines:
                click.echo(plain(f"{mark:<8} {line}"))
    return 1 if done.problems else 0


def _answer(path: Path) -> bytes:
    """Not more of it than an answer may have, and one byte."""
    from orchestrator.project.applying import MOST_ANSWER_BYTES

    try:
        if str(path) == "-":
            return sys.stdin.buffer.read(MOST_ANSWER_BYTES + 1)
        with path.open("rb") as file:
            return file.read(MOST_ANSWER_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Misuse(f"cannot read {path}: {why}", "name a file with an agent's answer") from error


def _settings(folder: Path, flags: dict[str, object]) -> "Settings":
    """A project's own orchestrate.toml does not choose how the project is judged."""
    from orchestrator import settings

    home = here()
    own = home.resolve().is_relative_to(folder.resolve())
    return settings.load(Path(os.devnull) if own else home, os.environ, flags).settings
