"""The person at the terminal: asked whether a product may use a package."""

import asyncio
import os
import sys
import termios
from typing import TYPE_CHECKING

import click

from orchestrator.verification import Consent

if TYPE_CHECKING:
    from orchestrator.live import Live


def consent(shown: "Live | None") -> Consent | None:
    """How to ask, None where nobody reads and answers. The status line of `shown` gives way."""
    there = sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty()
    if shown is None or not there:
        return None

    async def ask(name: str) -> bool:
        shown.close()
        return await _asked(name)

    return ask


async def _asked(name: str) -> bool:
    """Only a plain yes is one. Waits on the loop, not in a thread, which Ctrl-C could not end."""
    terminal = sys.stdin.fileno()
    termios.tcflush(terminal, termios.TCIFLUSH)  # what was typed before it is no answer to it
    click.echo(
        f'\nThe product asks for the package "{name}", which is not among the well-known ones;\n'
        "a made-up name may belong to an attacker, so look it up first.\n"
        f'May it use "{name}"? Type yes or no:',
        err=True,
    )
    loop, answered = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(terminal, answered.set)
    try:
        await answered.wait()
    finally:
        loop.remove_reader(terminal)
    return os.read(terminal, 1024).strip().lower() in (b"y", b"yes")
