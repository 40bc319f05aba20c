"""Sandboxes: one method runs a command that nobody trusts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

from pydantic import ConfigDict

from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.settings import SandboxName


class Command(Value):
    """What to run, on what, within which limits. Paths are absolute.

    A fresh, writable copy of `tree` is the working folder. `environment` (a Python environment with
    its `bin/python`) and `tools` (our own scripts) are visible read-only under `Box` paths; `argv`
    may use the placeholders {env} and {tools} for them. `env` is the whole environment: nothing is
    inherited.
    """

    argv: tuple[str, ...]
    tree: Tree
    environment: Path | None
    tools: Path | None
    stdin: bytes = b""
    env: Mapping[str, str] = {}
    pass_fds: tuple[int, ...] = ()
    """Descriptors of ours, kept open inside under the same numbers."""
    seconds: float
    memory_mib: int
    processes: int
    output_kib: int

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class ExecResult(Value):
    """What became of a command. A command that failed is a result; a sandbox that failed is
    Missing.

    `stdout` and `stderr` hold at most the limit's bytes each, the first ones, and are untrusted
    text.
    """

    outcome: Literal["exited", "timed out", "killed", "too much output"]
    returncode: int
    stdout: str
    stderr: str
    truncated: bool
    killed_by: Literal["", "time", "memory", "output", "signal"]
    seconds: float


class Sandbox(Protocol):
    @property
    def name(self) -> SandboxName: ...

    async def exec(self, command: Command) -> ExecResult:
        """Runs `command` to its end or its limit; no process of it survives the return.

        Raises Missing, with the remedy that fits, when the sandbox itself does not work.
        """
        ...
