"""How a milestone is built, and how the product is run."""

from typing import Annotated, Literal

from orchestrator.artifacts.values import AnyCase, Value


class Folder(Value):
    path: str
    purpose: str


class Technology(Value):
    choice: str
    rationale: str


class Launch(Value):
    """How the product is run.

    `command` is an argv whose first word is `python` (the product's own interpreter), run in the
    project folder; a check's argv follows it. A `service` reads its port from the variable `PORT`
    and listens on 127.0.0.1. A `library` has an empty `command`. `module` is the name that `import`
    must accept in every case.
    """

    kind: Annotated[Literal["cli", "service", "library"], AnyCase]
    command: tuple[str, ...]
    module: str


class Architecture(Value):
    overview: str
    folders: tuple[Folder, ...]
    schemas: tuple[str, ...]
    service_boundaries: tuple[str, ...]
    internal_dependencies: tuple[str, ...]
    external_dependencies: tuple[str, ...]
    """Requirement lines for requirements.txt: name, extras, version specifier."""
    technology_choices: tuple[Technology, ...]
    public_interface: str
    launch: Launch


def problems(architecture: Architecture) -> tuple[str, ...]:
    launch = architecture.launch
    found: list[str] = []
    if launch.kind == "library" and launch.command:
        found.append("launch.command of a library must be empty")
    if launch.kind != "library" and (len(launch.command) < 2 or launch.command[0] != "python"):
        found.append(
            f"launch.command {list(launch.command)} must start with 'python' and name what to run"
        )
    if not all(part.isidentifier() for part in launch.module.split(".")):
        found.append(f"launch.module {launch.module!r} is not an importable module name")
    return tuple(found)
