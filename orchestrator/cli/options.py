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
SETTINGS = (
    click.option("--model", help="One model for every role."),
    click.option("--max-retries", type=int, help="Attempts in all per milestone (3)."),
    click.option("--max-repairs", type=int, help="Repairs of red code within an attempt (2)."),
    click.option("--threshold", help="The weighted score that passes (3.5)."),
    click.option("--parallel", type=int, help="Milestones worked on at once (2)."),
    click.option(
        "--sandbox",
        type=click.Choice(["bubblewrap", "process"]),
        help="How generated code is run. 'process' is no boundary.",
    ),
    PACKAGES,
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
