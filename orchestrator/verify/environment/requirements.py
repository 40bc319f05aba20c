"""What a product asks for, parsed here: names, extras, versions and markers, and nothing else."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, cast

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value

Source = Literal["requirements.txt", "pyproject.toml"]
MOST_LINES = 40
LONGEST_LINE = 300
LONGEST_NAME = 100
WELL_KNOWN = Path(__file__).parent.parent / "packages.txt"


class Requirements(Value):
    """The requirement lines of a Tree in canonical form, in the file's order, each once."""

    lines: tuple[str, ...]
    source: Source = "requirements.txt"


class Refused(Value):
    """Why a product's requirements are not accepted, one line each."""

    problems: tuple[str, ...]


class _Line(NamedTuple):
    place: str
    text: str


def requirements(tree: Tree) -> Requirements | Refused:
    """What `requirements.txt` asks for; without that file, the dependencies of the [project] in
    `pyproject.toml`.
    """
    if "requirements.txt" in tree or "pyproject.toml" not in tree:
        text = tree.text("requirements.txt") if "requirements.txt" in tree else ""
        return _accepted("requirements.txt", _lines(text))
    listed = _dependencies(tree.text("pyproject.toml"))
    if isinstance(listed, str):
        return Refused(problems=(f"pyproject.toml: {listed}",))
    return _accepted("pyproject.toml", [_Line("pyproject.toml:", one.strip()) for one in listed])


def unknown(lines: Iterable[str], allowed: Iterable[str]) -> tuple[str, ...]:
    """The canonical names in `lines` that are neither well known nor `allowed`, each once.

    Only what a product asks for by name: names are made up, and squatted. What those packages
    require in turn is their authors' choice, and not looked at.
    """
    known = {*_well_known(), *(canonicalize_name(one) for one in allowed)}
    names = (canonicalize_name(Requirement(line).name) for line in lines)
    return tuple(dict.fromkeys(name for name in names if name not in known))


def refusal(name: str, source: Source) -> str:
    """What an agent is told about a package that is not well known and that nobody has allowed."""
    return (
        f'{source} asks for "{name}", which is not among the well-known packages and which nobody '
        "has allowed: use another one, or the standard library (a person may say "
        f"--allow-package {name})"
    )


def _well_known() -> frozenset[str]:
    lines = WELL_KNOWN.read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def _lines(text: str) -> Iterator[_Line]:
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        if line:
            yield _Line(f"requirements.txt line {number}:", line)


def _dependencies(text: str) -> list[str] | str:
    """The dependencies of the [project], or one line: why they cannot be read."""
    try:
        project = tomllib.loads(text).get("project", {})
    except (ValueError, RecursionError) as error:  # a number can be too long, tables too deep
        return f"cannot be read: {' '.join(str(error).split())[:200]}"
    listed: object = (
        cast(dict[str, object], project).get("dependencies", [])
        if (isinstance(project, dict))
        else None
    )
    strings = isinstance(listed, list) and all(
        isinstance(one, str) for one in cast(list[object], listed)
    )
    return cast(list[str], listed) if strings else "its [project] dependencies are no list of texts"


def _accepted(source: Source, lines: Iterable[_Line]) -> Requirements | Refused:
    found: dict[str, None] = {}
    problems: list[str] = []
    for place, line in lines:
        parsed = _parse(line)
        if isinstance(parsed, Requirement):
            found[str(parsed)] = None
        else:
            problems.append(f"{place} {line[:120]!r} {parsed}")
    if len(found) > MOST_LINES:
        problems.append(f"{source} has {len(found)} requirements, more than {MOST_LINES}")
    if problems:
        return Refused(problems=tuple(problems))
    return Requirements(lines=tuple(found), source=source)


def _parse(line: str) -> Requirement | str:
    if line.startswith("-"):
        return "is an option; only requirements are allowed"
    if len(line) > LONGEST_LINE or not line.isprintable():
        return "is too long or holds control characters"
    if "@" in line or "://" in line:
        return "names a URL or a path; only packages of the index are allowed"
    try:
        parsed = Requirement(line)
    except (InvalidRequirement, RecursionError):
        return "is not a requirement (name, extras, version specifier, marker)"
    return parsed if len(parsed.name) <= LONGEST_NAME else "has a name that is too long"
