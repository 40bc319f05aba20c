"""A small project put through a public command, and what may come of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Family = Literal[
    "secrets",
    "escape",
    "network",
    "resources",
    "forging",
    "install",
    "injection",
    "rendering",
    "names",
    "honest",
]
Interface = Literal["verify", "sandbox", "apply"]


@dataclass(frozen=True)
class Project:
    """One project, hostile or honest.

    `files` maps a path below the project to its text or bytes; `plant`, called after they are
    written, makes what a mapping cannot hold (links, FIFOs, strange names). `criteria` is the JSON
    of `verify --criteria`, `command` is what `sandbox` runs, `answer` is what `apply` is given.
    `expect` names the acceptable verdicts (verify), outcomes (sandbox) or "refused" and "applied"
    (apply). No text of `absent` may come out of any output: the terminal's, stderr's, or the JSON
    as it is written. `says` is a part of some reason or of the output.
    """

    name: str
    family: Family
    about: str
    files: Mapping[str, str | bytes]
    interface: Interface = "verify"
    criteria: Mapping[str, object] | None = None
    command: tuple[str, ...] = ()
    answer: str = ""
    plant: Callable[[Path], None] | None = None
    expect: tuple[str, ...] = ("fail", "inconclusive")
    absent: tuple[str, ...] = ()
    says: str = ""


def write(project: Project, directory: Path) -> None:
    """Make the project's files below `directory`, then what it plants."""
    for name, content in project.files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if project.plant is not None:
        project.plant(directory)
