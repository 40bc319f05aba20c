"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def _given(
    _ctx: click.Context, _option: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...] | None:
    """None when the flag was not given: then the file's and the environment's value stands."""
    return names or None


PACKAGES = click.option(
    "--allow-package",
    "allow_packages",
    metavar="NAME",
    multiple=True,
    callback=_given,
    help="A package beside the well-known ones that the product may use (repeatable).",
)
LIMITS = (
    click.option("--max-cost", metavar="USD", help="Dollars for the whole run; none by default."),
    click.option("--max-tokens", metavar="N", help="Tokens for the whole run."),
    click.option("--max-calls", metavar="N", help="Model calls for the whole run."),
    click.option(
        "--max-time", metavar="TIME", help="Model and verification time, added up (90m, 2h)."
    ),
    click.option("--max-milestone-cost", metavar="USD", help="The same for each milestone."),
    click.option("--max-milestone-tokens", metavar="N", hidden=True),
    click.option("--max-milestone-calls", metavar="N", hidden=True),
    click.option("--max-milestone-time", metavar="TIME", hidden=True),
)
"""`resume` takes them too; `none` takes one back."""
APPROVE = click.option(
    "--approve",
    type=click.Choice(["plan", "milestone"]),
    multiple=True,
    callback=_given,
    help="Wait for a person: before anything is built, before a milestone lands (repeatable).",
)
YES = click.option("--yes", is_flag=True, help="Do not ask at the terminal whether to build.")
MODELS = (
    click.option("--model", help="One model for every role."),
    click.option(
        "--preset",
        type=click.Choice(["balanced", "cheap", "best", "local"]),
        help="Which model each role speaks to (balanced).",
    ),
)
SANDBOX = click.option(
    "--sandbox",
    type=click.Choice(["bubblewrap", "process"]),
    help="How generated code is run. 'process' is no boundary.",
)
SETTINGS = (
    *MODELS,
    click.option("--max-retries", type=int, help="Attempts in all per milestone (3)."),
    click.option("--max-repairs", type=int, help="Repairs of red code within an attempt (2)."),
    click.option("--threshold", help="The weighted score that passes (3.5)."),
    click.option("--parallel", type=int, help="Milestones worked on at once (2)."),
    SANDBOX,
    PACKAGES,
    *LIMITS,
    APPROVE,
)
OUTPUT = (
    click.option("--json", "as_json", is_flag=True, help="The result as one JSON object."),
    click.option("--quiet", is_flag=True, help="No progress, no summary."),
)
INTO = click.option(
    "--into", type=click.Path(path_type=Path), help="The product's folder (./<product name>)."
)
RUN = click.option("--run", "name", default="", help="Which run; the newest by default.")


def with_options(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Puts `options` on a command, in the order in which its help shall list them."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate
