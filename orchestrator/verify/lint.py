"""What ruff says about a Tree: it parses, it never executes."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, TypeAdapter, ValidationError

from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.verdict import LintFact
from orchestrator.errors import Missing
from orchestrator.scratch import temporary

MOST_FACTS = 100
SECONDS = 60.0
RULES = "S,C90,PLR,D1,ANN,F"
IN_TESTS = ("S101", "D", "ANN", "PLR2004")
BLOCKING: Mapping[str, str] = {
    "S102": "exec",
    "S301": "unpickling",
    "S306": "mktemp",
    "S307": "eval",
    "S501": "certificates are not checked",
    "S506": "unsafe YAML",
    "S602": "a shell runs a command",
    "S605": "a shell runs a command",
    "S701": "templates do not escape",
}
"""The few codes that cap the security score, in the product's own files."""
OPTIONS = """check --isolated --ignore-noqa --no-cache --no-respect-gitignore --exit-zero --quiet
--target-version py311 --output-format json"""


KEYS: Mapping[str, re.Pattern[str]] = {
    "a private key": re.compile(r"-----BEGIN ([A-Z]+ )*PRIVATE KEY-----"),
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a GitHub token": re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{50,})"),
    "an Anthropic key": re.compile(r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    "an OpenAI key": re.compile(r"\bsk-(proj-)?[A-Za-z0-9]{32,}"),
    "a Slack token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
    "a Google key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "a Stripe key": re.compile(r"\b[rs]k_live_[0-9A-Za-z]{20,}"),
    "a GitLab token": re.compile(r"\bglpat-[0-9A-Za-z_-]{20,}"),
    "a PyPI token": re.compile(r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,}"),
}


class Place(BaseModel):
    row: int = 0


class Finding(BaseModel):
    """One entry of ruff's JSON, of which we read these."""

    filename: str
    code: str | None = None
    message: str
    location: Place | None = None


FINDINGS = TypeAdapter(list[Finding])
CRASHED = Finding(filename="", code="unreadable", message="the linter crashed on these files")
"""Of ruff itself: source can be nested too deeply for it."""


async def facts(tree: Tree, ruff: Path, layout: Layout = LAYOUT) -> tuple[LintFact, ...]:
    """Security, complexity, documentation and typing facts and secrets: what blocks first, then by
    place, at most 100.

    Raises Missing when ruff does not run.
    """
    with temporary() as root:
        await asyncio.to_thread(_write, tree, root)
        found = await _ruff(ruff, root, layout)
    every = [*(_fact(one, root, layout) for one in found), *secrets(tree, layout)]
    ordered = sorted(
        every, key=lambda one: (not one.blocks, one.path, one.line, one.code, one.message)
    )
    return tuple(ordered[:MOST_FACTS])


def secrets(tree: Tree, layout: Layout = LAYOUT) -> Iterator[LintFact]:
    """Every line that holds something in a known key format; what it holds is not repeated."""
    for path in tree:
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            for name, pattern in KEYS.items():
                if pattern.search(line):
                    blocks = not layout.is_test(path)
                    message = f"this looks like {name}"
                    yield LintFact(
                        path=path, line=number, code="secret", message=message, blocks=blocks
                    )


def _fact(one: Finding, root: Path, layout: Layout) -> LintFact:
    path = PurePosixPath(one.filename).relative_to(root.as_posix()).as_posix()
    return LintFact(
        path=path,
        line=one.location.row if one.location else 0,
        code=one.code or "invalid-syntax",
        message=one.message[:300],
        blocks=one.code in BLOCKING and not layout.is_test(path),
    )


async def _ruff(ruff: Path, root: Path, layout: Layout) -> list[Finding]:
    places = [f"{one}**" if one.endswith("/") else one for one in layout.tests]
    ignores = [f"--per-file-ignores={place}:{code}" for place in places for code in IN_TESTS]
    out = await _output(ruff, *OPTIONS.split(), "--select", RULES, *ignores, ".", root=root)
    try:
        return FINDINGS.validate_python(json.loads(out))
    except (ValueError, ValidationError) as error:
        if not (await _output(ruff, "--version", root=root)).startswith(b"ruff "):
            raise Missing(f"ruff does not work: {error}", "install ruff") from error
    return [CRASHED.model_copy(update={"filename": str(root / "project")})]


async def _output(ruff: Path, *argv: str, root: Path) -> bytes:
    """What ruff writes; what it wrote so far when it takes too long. Raises Missing."""
    try:
        process = await asyncio.create_subprocess_exec(
            str(ruff), *argv, cwd=root, env={}, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        raise Missing(f"ruff does not work: {error}", "install ruff") from error
    try:
        return (await asyncio.wait_for(process.communicate(), SECONDS))[0]
    except TimeoutError:
        process.kill()
        await process.wait()
        return b""


def _write(tree: Tree, root: Path) -> None:
    for path, content in tree.items():
        parts = PurePosixPath(path).parts
        if path.endswith(".py") and not path.startswith("/") and ".." not in parts:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
