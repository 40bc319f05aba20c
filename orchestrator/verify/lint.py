"""What ruff says about a Tree: it parses, it never executes."""

import asyncio
import json
import tempfile
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, TypeAdapter, ValidationError

from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.verdict import LintFact
from orchestrator.errors import Missing

MOST_FACTS = 100
RULES = "S,C90,PLR,D1,ANN,F"
IN_TESTS = ("S101", "D", "ANN", "PLR2004")
OPTIONS = """check --isolated --ignore-noqa --no-cache --no-respect-gitignore --exit-zero --quiet
--target-version py311 --output-format json"""


class Place(BaseModel):
    row: int = 0


class Finding(BaseModel):
    """One entry of ruff's JSON, of which we read these."""

    filename: str
    code: str | None = None
    message: str
    location: Place | None = None


FINDINGS = TypeAdapter(list[Finding])


async def facts(tree: Tree, ruff: Path) -> tuple[LintFact, ...]:
    """Security, complexity, documentation and typing facts, sorted, at most 100.

    Raises Missing when ruff does not run.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        await asyncio.to_thread(_write, tree, root)
        found = await _ruff(ruff, root)
    every = [
        LintFact(
            path=PurePosixPath(one.filename).relative_to(root.as_posix()).as_posix(),
            line=one.location.row if one.location else 0,
            code=one.code or "invalid-syntax",
            message=one.message[:300],
        )
        for one in found
    ]
    ordered = sorted(every, key=lambda one: (one.path, one.line, one.code, one.message))
    return tuple(ordered[:MOST_FACTS])


async def _ruff(ruff: Path, root: Path) -> list[Finding]:
    ignores = [f"--per-file-ignores=tests/**:{code}" for code in IN_TESTS]
    try:
        process = await asyncio.create_subprocess_exec(
            str(ruff), *OPTIONS.split(), "--select", RULES, *ignores, ".",
            cwd=root, env={}, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        return FINDINGS.validate_python(json.loads(out))
    except (OSError, ValueError, ValidationError) as error:
        raise Missing(f"ruff does not work: {error}", "install ruff") from error


def _write(tree: Tree, root: Path) -> None:
    for path, content in tree.items():
        parts = PurePosixPath(path).parts
        if path.endswith(".py") and not path.startswith("/") and ".." not in parts:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
