"""The sandbox with something taken away, and what a project achieves in it."""

import asyncio
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.artifacts.tree import Tree
from orchestrator.sandbox import Command, ExecResult
from orchestrator.sandbox.bubblewrap import Bubblewrap
from tests.hostile.ablation.row import Measured, Place
from tests.hostile.canaries import Canaries
from tests.hostile.project import Project, write

Edit = tuple[str, str]
"""Words of bubblewrap's arguments, with * for any part of one, and what stands in their place."""
LIMITS: Mapping[str, float] = {
    "seconds": 20, "memory_mib": 512, "processes": 64, "output_kib": 64
}  # fmt: skip
_WRAPPER = """#!{python} -IS
import fnmatch, json, os, sys
argv = sys.argv[1:]
for old, new in json.loads({edits!r}):
    old, new, at, found = old.split(), new.split(), 0, 0
    while at <= len(argv) - len(old):
        if all(map(fnmatch.fnmatchcase, argv[at:at + len(old)], old)):
            argv[at:at + len(old)] = new
            at, found = at + len(new), found + 1
        else:
            at += 1
    assert found, (old, argv)
{before}
os.execvp("bwrap", ["bwrap", *argv])
"""


@dataclass(frozen=True)
class Away:
    """What is taken away: options of bubblewrap's, values of modules (module, name, value), fields
    of the command. `before` is Python that the wrapper runs; `opened` leaves a secret open.
    %NAME% stands for a place of the canaries.
    """

    edits: tuple[Edit, ...] = ()
    values: tuple[tuple[Any, str, object], ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    before: str = ""
    opened: bool = False

    def __add__(self, other: "Away") -> "Away":
        return Away(
            edits=self.edits + other.edits,
            values=self.values + other.values,
            limits={**self.limits, **other.limits},
            before=self.before + other.before,
            opened=self.opened or other.opened,
        )


def proof(
    project: Project,
    away: Away,
    behind: Away | None = None,
    *,
    always: Away | None = None,
) -> Callable[[Place], Measured]:
    """The attack with everything in place, without `away`, and without `behind` as well; each
    with `always`, which is no protection.
    """

    def measure(place: Place) -> Measured:
        least = always or Away()

        def tried(taken: Away, name: str) -> tuple[str, ...]:
            return tuple(_achieved(project, least + taken, place, place.base / name))

        both = tried(away + behind, "both") if behind is not None else None
        return Measured(tried(Away(), "in-place"), tried(away, "without"), both)

    return measure


@contextmanager
def patched(values: tuple[tuple[Any, str, object], ...]) -> Iterator[None]:
    """Values of modules or classes replaced for a while."""
    with ExitStack() as undo:
        for owner, name, value in values:
            undo.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, value)
        yield


def wrapper(folder: Path, away: Away, marks: Mapping[str, str]) -> str:
    """A program that stands in for bubblewrap: its options are edited, then it is executed."""
    if not away.edits and not away.before:
        return "bwrap"

    def fill(text: str) -> str:
        return re.sub(r"%([A-Z0-9]+)%", lambda found: marks[found[1]], text)

    path = folder / "bwrap"
    edits = json.dumps([[fill(old), fill(new)] for old, new in away.edits])
    python = Path(marks["ENV"], "bin/python").resolve()
    path.write_text(_WRAPPER.format(python=python, edits=edits, before=fill(away.before)))
    path.chmod(0o755)
    return str(path)


def _achieved(project: Project, away: Away, place: Place, base: Path) -> Iterator[str]:
    base.mkdir(mode=0o755)
    before = _processes()
    with Canaries(base, None) as canaries, patched(away.values):
        marks = dict(canaries.marks) | {
            "ENV": str(place.environment),
            "REPO": str(base / "project"),
        }
        filled = {
            path: re.sub(r"%%([A-Z0-9]+)%%", lambda found: marks[found[1]], str(text))
            for path, text in project.files.items()
        }
        write(Project(project.name, project.family, "", filled), canaries.project)
        canaries.settle()
        os.environ.update(canaries.environment)
        with ExitStack() as closing:
            fds: tuple[int, ...] = ()
            if away.opened:
                heirloom = os.open(canaries.heirloom, os.O_RDONLY)
                closing.callback(os.close, heirloom)
                fds = (heirloom,)
            command = Command(
                argv=("{env}/bin/python", *project.command[1:]),
                tree=Tree({path: text.encode() for path, text in filled.items()}),
                environment=place.environment,
                tools=None,
                pass_fds=fds,
                **{**LIMITS, **away.limits},  # type: ignore[arg-type]
            )
            program = wrapper(base, away, marks)
            cache = base / "cache"
            cache.mkdir()
            result = asyncio.run(Bubblewrap(cache, program=program).exec(command))
        yield from _told(project, result, canaries)
        yield from canaries.touched()
        yield from (f"{path} changed" for path in canaries.changed())
        yield from _survived(before | {canaries._victim.pid})


def _told(project: Project, result: ExecResult, canaries: Canaries) -> Iterator[str]:
    said = result.stdout + result.stderr
    yield from (line[:200] for line in said.splitlines() if line.startswith("REACHED "))
    if canaries.told(said):
        yield "a secret was told"
    if result.outcome not in project.expect:
        yield f"ended as {result.outcome} ({result.returncode}): {said[-300:]}"


def _processes() -> set[int]:
    """Those of the outer sandbox's own namespace; for root, who has none, there is nothing to see:
    everybody's would be there.
    """
    if os.geteuid() == 0:
        return set()
    return {int(path.name) for path in Path("/proc").glob("[0-9]*")}


def _survived(known: set[int]) -> Iterator[str]:
    """What is left in the outer sandbox; it ends with it."""
    for pid in _processes() - known:
        with suppress(OSError):
            if (
                Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")[2][0]
                != "Z"
            ):
                yield "a process survived"
