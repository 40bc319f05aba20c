"""Every hostile and every honest project, through the command line, as root and as a user."""

import importlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.hostile.driving import drive
from tests.hostile.project import Project
from tests.hostile.table import Entry, entries
from tests.hostile.user import User, ordinary, whoever

HONEST_ALWAYS = 1
NO_PROJECTS = {"conftest", "test_hostile"}
UID = 20_000 + os.getpid() % 10_000
"""Nobody else's, so that whatever it leaves behind is ours."""


def _projects() -> list[Project]:
    """Those of every module here, a family's own together."""
    names = sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - NO_PROJECTS)
    modules = [importlib.import_module(f"tests.hostile.{name}") for name in names]
    found = [one for module in modules for one in getattr(module, "PROJECTS", ())]
    return sorted(found, key=lambda one: one.family)


def _cases() -> Iterator[object]:
    """Without the marker one of each family, an honest one, and one as an ordinary user."""
    root = os.geteuid() == 0
    seen: dict[str, int] = {}
    for project in _projects():
        number = seen[project.family] = seen.get(project.family, 0) + 1
        always = number <= (HONEST_ALWAYS if project.family == "honest" else 1)
        for who in ("root", "user") if root else ("user",):
            often = always and (not root or who == "root" or project.family == "secrets")
            yield pytest.param(
                project,
                who,
                id=f"{project.family}-{project.name}-{who}",
                marks=() if often else pytest.mark.full,
            )


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """A folder that everybody may pass."""
    folder = Path(tempfile.mkdtemp(prefix="orchestrate-hostile-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.fixture(scope="session")
def users(ground: Path) -> Callable[[str], User]:
    """By name; made when first asked for, since it takes a copy of Python and an environment."""

    @cache
    def user(name: str) -> User:
        if os.geteuid() == 0 and name == "user":
            return ordinary(ground, UID)
        return whoever(ground / "cache")

    return user


def test_names_are_each_used_once() -> None:
    names = [f"{one.family}-{one.name}" for one in _projects()]

    assert len(names) == len(set(names))


def test_there_are_as_many_as_promised() -> None:
    count: Mapping[str, int] = {
        family: sum(one.family == family for one in _projects())
        for family in {one.family for one in _projects()}
    }

    assert sum(count.values()) - count["honest"] >= 80, count
    assert count["forging"] >= 25, count
    assert count["honest"] >= 15, count


@pytest.mark.parametrize(
    ("name", "sings"),
    [
        ("home", "a secret was told"),
        ("variables-of-all", "a secret was told"),
        ("tcp", "TCP on 127.0.0.1 was reached"),
        ("tcp-6", "TCP on ::1 was reached"),
        ("udp", "UDP was reached"),
        ("unix-sockets", "the Unix socket was reached"),
        ("abstract-sockets", "the abstract socket was reached"),
        ("what-others-own", "precious was touched"),
        ("dot-dot", "drop/dropped was made"),
        ("git-hooks", "project/.git/config changed"),
    ],
)
def test_canaries_sing_without_a_sandbox(
    name: str, sings: str, ground: Path, users: Callable[[str], User]
) -> None:
    project = next(one for one in _projects() if one.name == name)

    driven = drive(project, users("user"), ground, flags=("--sandbox", "process"))

    assert any(sings in line for line in driven.harm), (driven.harm, driven.output)


@pytest.mark.parametrize(("project", "who"), list(_cases()))
def test_ends_safely(
    project: Project,
    who: str,
    ground: Path,
    users: Callable[[str], User],
    request: pytest.FixtureRequest,
) -> None:
    driven = drive(project, users(who), ground)

    entries(request.config).append(Entry(project=project, who=who, driven=driven))
    assert (driven.harm, driven.wrong) == ((), ()), f"{project.about}\n{driven.output}"
