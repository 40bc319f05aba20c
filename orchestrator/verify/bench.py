"""Where code is tried: a sandbox, an environment, our tools and the limits."""

import asyncio
import socket
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.sandbox import Command, ExecResult, Sandbox
from orchestrator.settings import Limits

TOOLS = Path(__file__).parent / "tools"
AT_ONCE = 3
LONGEST_RECORD = 4 * 1024 * 1024
ENV = {"TZ": "UTC", "COLUMNS": "80", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": ""}
"""A suite starts the product hundreds of times: its copy keeps the bytecode of the first."""


@dataclass(frozen=True)
class Bench:
    """`slots` bounds how many sandboxes work at once."""

    sandbox: Sandbox
    environment: Path
    limits: Limits
    slots: asyncio.Semaphore
    layout: Layout = LAYOUT
    tools: Path = TOOLS
    """Our scripts, read-only inside."""

    async def exec(
        self, argv: tuple[str, ...], tree: Tree, *, fd: int, seconds: float, stdin: bytes = b""
    ) -> ExecResult:
        return await self.sandbox.exec(
            Command(
                argv=("{env}/bin/python", *argv),
                tree=tree,
                environment=self.environment,
                tools=self.tools,
                stdin=stdin,
                env=ENV,
                pass_fds=(fd,),
                seconds=seconds,
                memory_mib=self.limits.memory_mib,
                processes=self.limits.processes,
                output_kib=self.limits.output_kib,
            )
        )


class Channel:
    """A socket pair, for `async with`: we hold one end, the sandbox inherits the other as `fd`."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self.fd = self._theirs.fileno()

    async def __aenter__(self) -> "Channel":
        self.reader, self.writer = await asyncio.open_connection(
            sock=self._ours, limit=LONGEST_RECORD
        )
        return self

    def hang_up(self) -> None:
        """Our copy of the sandbox's end is closed, so that its end shows on ours."""
        self._theirs.close()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._theirs.close()
        self.writer.close()
