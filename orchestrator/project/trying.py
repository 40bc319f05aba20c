"""One command on a copy of a person's project, in the sandbox."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from orchestrator import machine
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.errors import Misuse
from orchestrator.project import reading
from orchestrator.sandbox import Command
from orchestrator.settings import SandboxName, Settings
from orchestrator.verify import environment
from orchestrator.verify.environment import Requirements, refusal, requirements, unknown


class Trial(Value):
    """What became of a command, as ExecResult has it; the streams are untrusted text."""

    outcome: Literal["exited", "timed out", "killed", "too much output"]
    returncode: int
    stdout: str
    stderr: str
    timed_out: bool
    truncated: bool
    killed_by: Literal["", "time", "memory", "output", "signal"]
    backend: SandboxName

    @property
    def passed(self) -> bool:
        return self.outcome == "exited" and self.returncode == 0


async def run(
    folder: Path,
    argv: tuple[str, ...],
    *,
    seconds: float,
    chosen: Settings,
    env: Mapping[str, str],
) -> Trial:
    """Runs `argv` on a copy of `folder`; its `python` has what the project requires.

    Raises Misuse for a folder or requirements that cannot be used, Missing when the sandbox does
    not work here.
    """
    tree = _tree(folder)
    await machine.probed(chosen, env)
    place = machine.cache(env)
    sandbox = machine.sandbox(chosen, place)
    result = await sandbox.exec(
        Command(
            argv=argv,
            tree=tree,
            environment=await _environment(tree, chosen, env),
            tools=None,
            seconds=seconds,
            memory_mib=chosen.limits.memory_mib,
            processes=chosen.limits.processes,
            output_kib=chosen.limits.output_kib,
        )
    )
    return Trial(
        outcome=result.outcome,
        returncode=result.returncode,
        stdout=result.stdout,
        stderr=result.stderr,
        timed_out=result.outcome == "timed out",
        truncated=result.truncated,
        killed_by=result.killed_by,
        backend=sandbox.name,
    )


def _tree(folder: Path) -> Tree:
    found = reading.read(folder)
    if found.refused:
        raise Misuse(
            f"{folder} has names that no project may have: {'; '.join(found.refused[:5])}",
            "rename them; orchestrate verify names them all",
        )
    return found.tree


async def _environment(tree: Tree, chosen: Settings, env: Mapping[str, str]) -> Path:
    """With what the project requires; where that is nothing, no index is asked."""
    asked = requirements(tree)
    if not isinstance(asked, Requirements):
        raise _unusable(asked.problems)
    if strange := unknown(asked.lines, chosen.allow_packages):
        raise _unusable(tuple(refusal(name, asked.source) for name in strange))
    uv = machine.uv_of(chosen, env)
    if not asked.lines:
        return await environment.provide("", uv)
    locked = await environment.lock(asked.lines, uv)
    if locked.error:
        raise _unusable((locked.error,))
    return await environment.provide(locked.text, uv)


def _unusable(problems: tuple[str, ...]) -> Misuse:
    return Misuse(
        "; ".join(problems[:5]), "mend the project's requirements, or allow the package by name"
    )
