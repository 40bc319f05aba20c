"""Script: what a person wants -> one program in one file, or its refinement."""

import ast
import json
import sys
import warnings

from orchestrator import memory
from orchestrator.agents.base import Asker, Brief, Material, Reply, clip
from orchestrator.agents.code import Change, ChangeReader
from orchestrator.artifacts.script import Wanted
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value

PROGRAM = "program.py"
"""Its name while it is written, wherever it goes: a request tells no path."""
LONGEST = 100_000
"""Bytes of a program."""
SHOWN = 4000
"""Characters of its standard input that are shown."""
FIRST = f"Write the program. Answer with {PROGRAM} as one FILE block."
AGAIN = (
    f"Refine {PROGRAM} so that every finding is answered; do not start over. Answer with the "
    "change as one block."
)


class Draft(Value):
    """The program as it stands ("" before the first version), what its next version must repair,
    and every earlier score as text.
    """

    version: int
    """Of the program that is asked for."""
    program: str = ""
    findings: tuple[str, ...] = ()
    history: str = ""


def ordered(prompt: str, wanted: Wanted) -> tuple[Material, ...]:
    """What stays the same in every request of a run."""
    call = f"python {PROGRAM}, with these arguments: {json.dumps(list(wanted.arguments))}"
    text = clip(wanted.stdin.decode("utf-8", "replace"), SHOWN)
    return (
        Material(name="wanted", content=prompt),
        Material(name="call", content=call),
        Material(name="stdin", content=text),
    )


async def write(asker: Asker, order: tuple[Material, ...], draft: Draft) -> Reply[str]:
    """A program that has no `objections` and differs from the one before. Raises NoAnswer."""
    before = Tree({PROGRAM: draft.program.encode()} if draft.program else {})
    brief = Brief(
        scope="run",
        attempt=draft.version,
        project=order,
        milestone=(),
        tail=(
            Material(name="program", content=draft.program),
            Material(name="history", content=draft.history),
            Material(name="findings", content="\n\n".join(draft.findings)),
        ),
        task=AGAIN if draft.program else FIRST,
    )

    def problems(change: Change) -> tuple[str, ...]:
        if PROGRAM not in change.tree:
            return (f"{PROGRAM} is missing: give it as a FILE block",)
        if change.tree == before:
            return (f"the answer changes nothing: {PROGRAM} is as it was",)
        return objections(change.tree.text(PROGRAM))

    read = ChangeReader(before, _may, problems)
    reply = await asker.ask("script", brief, schema="", read=read)
    return Reply(reply.value.tree.text(PROGRAM), reply.at)


def objections(program: str) -> tuple[str, ...]:
    """Why `program` cannot be run at all, one line each: its syntax, its size, its imports."""
    try:
        source = program.encode()
    except UnicodeEncodeError as error:
        return (f"{PROGRAM}: character {error.start} is a lone surrogate, not text",)
    if len(source) > LONGEST:
        return (f"{PROGRAM} has {len(source)} bytes; at most {LONGEST} may be",)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = ast.parse(source, PROGRAM)
            compile(source, PROGRAM, "exec", dont_inherit=True)
    except SyntaxError as error:
        return (f"{PROGRAM}:{error.lineno or 0}: {error.msg}",)
    except memory.UNREADABLE as error:
        return (f"{PROGRAM} cannot be compiled: {error}",)
    strange = sorted(_imported(parsed) - sys.stdlib_module_names)
    return tuple(f"{one!r} is not in the standard library; do without it" for one in strange)


def _imported(parsed: ast.Module) -> set[str]:
    """The top-level names of all modules that are imported, wherever in the program."""
    found: set[str] = set()
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            found |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0] if not node.level else ".")
    return found


def _may(path: str) -> str:
    return "" if path == PROGRAM else f"the program is one file, {PROGRAM}"
