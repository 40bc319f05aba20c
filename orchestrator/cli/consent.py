"""The person at the terminal: asked about a package, the plan, a milestone."""

import asyncio
import os
import sys
import termios
from typing import TYPE_CHECKING

import click

from orchestrator.people import Ask
from orchestrator.verification import Consent

if TYPE_CHECKING:
    from orchestrator.live import Live


class Terminal:
    """Puts one question at a time; the status line of `shown` gives way."""

    def __init__(self, shown: "Live") -> None:
        self._shown = shown
        self._asking = asyncio.Lock()

    async def line(self, question: str) -> str:
        """What the person types."""
        async with self._asking:
            self._shown.close()
            return await _asked(question)

    async def consent(self, name: str) -> bool:
        """Whether a product may use the package `name`. Only a plain yes is one."""
        said = await self.line(
            f'The product asks for the package "{name}", which is not among the well-known ones;\n'
            "a made-up name may belong to an attacker, so look it up first.\n"
            f'May it use "{name}"? Type yes or no:'
        )
        return said.lower() in ("y", "yes")

    async def approve(self, question: str) -> str:
        """What the person says to a plan or a milestone."""
        from orchestrator.render import visible

        return await self.line(
            f"{visible(question)}\nType yes to go on, no to stop here, or what to change:"
        )


def terminal(shown: "Live | None") -> Terminal | None:
    """None where nobody reads and answers."""
    there = sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty()
    return Terminal(shown) if shown is not None and there else None


def consent(found: Terminal | None) -> Consent | None:
    return found.consent if found else None


def ask(found: Terminal | None) -> Ask | None:
    return found.approve if found else None


async def _asked(question: str) -> str:
    """Waits on the loop, not in a thread, which Ctrl-C could not end."""
    stdin = sys.stdin.fileno()
    termios.tcflush(stdin, termios.TCIFLUSH)  # what was typed before it is no answer to it
    click.echo(f"\n{question}", err=True)
    loop, answered = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(stdin, answered.set)
    try:
        await answered.wait()
    finally:
        loop.remove_reader(stdin)
    return os.read(stdin, 4096).decode("utf-8", "replace").strip()
