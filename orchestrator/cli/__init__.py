"""The command line: parse, call, print, exit code."""

import sys
import traceback
from io import TextIOWrapper

import click

from orchestrator.cli import host
from orchestrator.cli.calibrate import calibrate
from orchestrator.cli.group import IdeaGroup
from orchestrator.cli.host import next_request, start, submit
from orchestrator.cli.inspect import apply, sandbox, verify
from orchestrator.cli.look import doctor, report, runs, status
from orchestrator.cli.output import fail
from orchestrator.cli.person import approve, cancel, retry, steer
from orchestrator.cli.scripting import script
from orchestrator.cli.watch import watch
from orchestrator.cli.work import demo, idea, plan, resume, run_plan
from orchestrator.errors import Misuse, Stop

NAME = "orchestrate"
EPILOG = """\b
Examples:
  orchestrate demo                       a whole run from a recording, no key needed
  orchestrate "a to-do list for the shell with due dates"
  orchestrate resume                     go on after any stop
  orchestrate script "print the first 20 primes"
  orchestrate verify DIR                 the verdict on any Python project

\b
Exit codes: 0 complete or pass, 1 not passed, 2 usage, 3 something missing, 4 budget,
5 waits for a person, 6 busy, 7 provider gave up, 8 inconclusive (verify), 70 a bug,
130 interrupted."""


@click.group(
    cls=IdeaGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="milestone-orchestrator")
def orchestrate() -> None:
    """Turns a product idea into a working, tested project.

    Say the idea in a sentence or more: orchestrate "IDEA" (or - for standard input).
    """


for command in (idea, plan, run_plan, resume, status, watch, runs, report, demo, doctor):
    orchestrate.add_command(command)
for command in (approve, steer, cancel, retry):
    orchestrate.add_command(command)
for command in (script, verify, sandbox, apply, calibrate):
    orchestrate.add_command(command)
for command in (start, next_request, submit):
    orchestrate.add_command(command)


def main(argv: list[str] | None = None) -> int:
    """Runs the command line on `argv` (sys.argv by default) and returns its exit code."""
    words = sys.argv[1:] if argv is None else argv
    try:
        return int(orchestrate.main(args=words, prog_name=NAME, standalone_mode=False) or 0)
    except Stop as stop:
        return _failed(stop, words)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.Abort:
        return 130
    except click.ClickException as error:
        hint = getattr(error, "ctx", None)
        remedy = f"{hint.command_path} --help" if hint else "orchestrate --help"
        return _failed(Misuse(error.format_message(), remedy), words)
    except Exception as bug:  # the edge: a bug keeps its traceback and has its own exit code
        traceback.print_exc()
        named = f"{type(bug).__name__}: {bug}"
        return _failed(Stop(f"this is a bug; no answer is lost ({named})"), words)


def _failed(stop: Stop, words: list[str]) -> int:
    if orchestrate.named(words) in host.COMMANDS:
        return host.failed(stop)
    ours = words[: words.index("--")] if "--" in words else words
    return fail(stop, as_json="--json" in ours)


def entry() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # What a terminal's encoding cannot show must not end a run.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
