"""What each agent gets to see of the project, trimmed to a token budget. Pure."""

import ast
from collections.abc import Iterable

from orchestrator.artifacts.architecture import Architecture
from orchestrator.artifacts.outcome import Attempt
from orchestrator.artifacts.plan import Milestone
from orchestrator.artifacts.specification import Specification
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import DIMENSIONS, Value
from orchestrator.artifacts.verdict import CheckResult, Verdict
from orchestrator.scoring import show

BYTES_PER_TOKEN = 3
"""A cautious average over code and prose; the same for every backend and model."""
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python raises for a source that it cannot parse, or that is nested too deeply."""


class Built(Value):
    """A merged milestone, as later ones remember it."""

    milestone: Milestone
    specification: Specification
    architecture: Architecture


def tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def is_test(path: str) -> bool:
    return path.startswith("tests/")


def code(tree: Tree, budget: int, *, numbered: bool = False) -> str:
    """The product's files in full, sorted by path; those past `budget` tokens are named as left
    out.
    """
    write = _numbered if numbered else _plain
    return _listing(((path, write(tree.text(path))) for path in tree if not is_test(path)), budget)


def signatures(tree: Tree, budget: int) -> str:
    """Names, parameters and docstrings of the product's Python files, without bodies."""
    files = (path for path in tree if path.endswith(".py") and not is_test(path))
    return _listing(((path, outline(tree.text(path))) for path in files), budget)


def tests(tree: Tree, budget: int) -> str:
    """The test files and the names of the tests in them."""
    files = (path for path in tree if path.endswith(".py") and is_test(path))
    return _listing(((path, _test_names(tree.text(path))) for path in files), budget)


def sources(tree: Tree, paths: Iterable[str], budget: int) -> str:
    """The named files in full."""
    return _listing(((path, _plain(tree.text(path))) for path in paths if path in tree), budget)


def _listing(files: Iterable[tuple[str, str]], budget: int) -> str:
    parts: list[str] = []
    left_out: list[str] = []
    used = 0
    for path, text in files:
        part = f"=== {path} ===\n{text}"
        used += tokens(part)
        if used > budget:
            left_out.append(path)
        else:
            parts.append(part)
    if left_out:
        parts.append(f"(left out for want of room: {', '.join(left_out)})")
    return "\n".join(parts) or "(no files yet)"


def _plain(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def _numbered(text: str) -> str:
    return "".join(f"{number:4d}| {line}\n" for number, line in enumerate(text.splitlines(), 1))


def outline(source: str) -> str:
    """Signatures and docstrings of `source`; a note where it does not parse."""
    try:
        module = ast.parse(source)
    except UNREADABLE:
        return "(this file does not parse)\n"
    return "\n".join(_outlined(module.body, "")) + "\n"


def _outlined(body: list[ast.stmt], indent: str) -> list[str]:
    lines: list[str] = []
    for node in body:
        if isinstance(node, ast.ClassDef):
            bases = ", ".join(ast.unparse(base) for base in node.bases)
            lines.append(
                f"{indent}class {node.name}({bases}):" if bases else f"{indent}class {node.name}:"
            )
            lines += _docstring(node, indent)
            lines += _outlined(node.body, f"{indent}    ")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines += [f"{indent}@{ast.unparse(one)}" for one in node.decorator_list]
            returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
            word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
            lines.append(f"{indent}{word} {node.name}({ast.unparse(node.args)}){returns}: ...")
            lines += _docstring(node, indent)
        elif isinstance(node, ast.AnnAssign):
            lines.append(f"{indent}{ast.unparse(node.target)}: {ast.unparse(node.annotation)}")
    return lines


def _docstring(
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, indent: str
) -> list[str]:
    text = ast.get_docstring(node)
    return [f"{indent}    # {line}" for line in text.splitlines()] if text else []


def _test_names(source: str) -> str:
    try:
        module = ast.parse(source)
    except UNREADABLE:
        return "(this file does not parse)\n"
    names = [
        node.name
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    ]
    return "".join(f"{name}\n" for name in names)


def project(built: tuple[Built, ...], budget: int) -> str:
    """What the merged milestones built, newest first within `budget`, shown in plan order."""
    parts = [_remembered(one) for one in built]
    kept, left_out = _newest(parts, budget)
    head = [f"({left_out} earlier milestones left out for want of room)"] if left_out else []
    return "\n\n".join(head + kept) or "(nothing is merged yet: this is the first milestone)"


def _remembered(one: Built) -> str:
    launch = one.architecture.launch
    command = " ".join(launch.command) or "(imported)"
    lines = [
        f"## {one.milestone.id}: {one.milestone.title}",
        *(f"- {criterion.id}: {criterion.text}" for criterion in one.milestone.acceptance_criteria),
        f"Run as a {launch.kind}: {command}; module {launch.module}",
        "Decisions:",
        *(f"- {made.choice}: {made.rationale}" for made in one.architecture.technology_choices),
        "Public interface:",
        one.architecture.public_interface,
    ]
    return "\n".join(lines)


def _newest(parts: list[str], budget: int) -> tuple[list[str], int]:
    kept: list[str] = []
    used = 0
    for part in reversed(parts):
        used += tokens(part)
        if used > budget:
            break
        kept.insert(0, part)
    return kept, len(parts) - len(kept)


def feedback(entries: tuple[str, ...], budget: int) -> str:
    """What earlier attempts were told, oldest first; the oldest give way when there is no room."""
    kept, left_out = _newest(list(entries), budget)
    head = [f"({left_out} earlier entries left out for want of room)"] if left_out else []
    return "\n\n".join(head + kept)


def history(attempts: tuple[Attempt, ...], budget: int) -> str:
    """Scores and findings of every earlier attempt, oldest first."""
    kept, left_out = _newest([_scored(one) for one in attempts], budget)
    head = [f"({left_out} earlier attempts left out for want of room)"] if left_out else []
    return "\n\n".join(head + kept)


def _scored(attempt: Attempt) -> str:
    evaluation = attempt.evaluation
    lines = [f"## attempt {attempt.number}: {'passed' if attempt.gate.passed else 'turned down'}"]
    if evaluation is None:
        return "\n".join(
            [*lines, "not evaluated:", *(f"- {reason}" for reason in attempt.gate.reasons)]
        )
    scores = ", ".join(f"{name} {evaluation.score(name)}" for name in DIMENSIONS)
    lines.append(f"weighted {show(attempt.gate.score)}: {scores}")
    lines += [
        f"- [{one.dimension}, {one.severity}] {one.path}:{one.line}: {one.problem}"
        for one in evaluation.findings
    ]
    return "\n".join(lines)


def report(verdict: Verdict) -> str:
    """The verdict as Eval sees it: held checks as criterion and kind of outcome only, no output, no
    input.
    """
    suite = verdict.tests
    lines = [
        f"verdict: {verdict.outcome}",
        f"tests: {suite.total} in all, {suite.passed} passed, {suite.failed} failed, "
        f"{suite.errors} errors, {suite.skipped} skipped",
        f"coverage: {suite.coverage}% of statements"
        if suite.coverage >= 0
        else "coverage: not measured",
        *(f"reason: {reason}" for reason in verdict.reasons),
        *(f"passed: {name}" for name in suite.tests),
        *(f"check {one.check} (shown, {one.criterion}): {one.outcome}" for one in _shown(verdict)),
        *_held(verdict),
        *_strength(verdict),
    ]
    return "\n".join(lines)


def _shown(verdict: Verdict) -> list[CheckResult]:
    return [one for one in verdict.checks if one.visibility == "shown"]


def _held(verdict: Verdict) -> list[str]:
    outcomes = sorted(
        {(one.criterion, one.outcome) for one in verdict.checks if one.visibility == "held"}
    )
    return [f"held checks of {criterion}: {outcome}" for criterion, outcome in outcomes]


def _died(killed: bool) -> str:
    return "red, as it must be" if killed else "still green"


def _strength(verdict: Verdict) -> list[str]:
    """Timed out is not told from red: that depends on the machine."""
    bodies = [one for one in verdict.strength if one.kind in ("body", "expected")]
    single = [one for one in verdict.strength if one.kind == "operator"]
    lines = [f"suite where {one.name}: {_died(one.killed)}" for one in bodies]
    if single:
        dead = sum(one.killed for one in single)
        lines.append(f"suite on products with one operator changed: red on {dead} of {len(single)}")
    lines += [f"suite still green where {one.name}" for one in single if not one.killed]
    return lines


def failures(verdict: Verdict, budget: int) -> str:
    """What is red, with traces for tests and details for shown checks; for held ones criterion and
    kind.
    """
    parts = [f"test {one.test} failed:\n{one.error}" for one in verdict.tests.failures]
    parts += [
        f"shown check {one.check} ({one.criterion}): {one.outcome}\n{one.detail}"
        for one in _shown(verdict)
        if one.outcome != "passed"
    ]
    parts += [line for line in _held(verdict) if not line.endswith(": passed")]
    parts.append("in short:\n" + "\n".join(f"- {reason}" for reason in verdict.reasons))
    kept: list[str] = []
    used = 0
    for part in parts:
        used += tokens(part)
        if used <= budget:
            kept.append(part)
    if len(kept) < len(parts):
        kept.append(f"({len(parts) - len(kept)} more left out for want of room)")
    return "\n\n".join(kept)


def lint(verdict: Verdict) -> str:
    return (
        "\n".join(
            f"{one.path}:{one.line}: {one.code}{' BLOCKS' * one.blocks} {one.message}"
            for one in verdict.lint
        )
        or "(none)"
    )
