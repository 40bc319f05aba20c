"""Killed at every boundary, a run goes on in a fresh process and comes to what it would have come
to: nothing asked again that was recorded, nothing left behind.

`python -m pytest -m full -s tests/test_kill.py` prints the whole table.
"""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.artifacts.exchange import Request
from orchestrator.artifacts.report import lasting
from tests.command import ONE, Provider, Running, folder_of, material, report_of
from tests.killing.boundaries import BOUNDARIES, BUILDING, SIDE
from tests.killing.matrix import Matrix, clean, outcome
from tests.killing.victim import CACHE, Aim
from tests.world import Script, code, evaluation, greeter

FIRST = "milestone-1-mvp"


def judged(request: Request) -> str:
    """Turns the first attempt down."""
    low = not material(request.prompt, "history")
    return evaluation("1", "greet", 2 if low else 4)


def written(request: Request) -> str:
    again = material(request.prompt, "findings")
    return code("1", "greet", '"Hello, " + name + "!"' if again else "")


SCRIPT = greeter({"planner": ONE, "eval": judged, "impl": written})


def await_sandbox(pid: int, *, skip: int = 0) -> None:
    """Returns when `pid` has a child that is a sandbox, `skip` others having come before; there is
    no event to wait for.
    """
    seen: set[str] = set()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                for child in (task / "children").read_text().split():
                    if Path(f"/proc/{child}/comm").read_text().strip() == "bwrap":
                        seen.add(child)
        if len(seen) > skip:
            return
        time.sleep(0.001)
    raise AssertionError("no sandbox was started")


def undisturbed(top: Path, script: Script) -> dict[str, object]:
    with Provider(script) as provider:
        matrix = Matrix(top, clean(), provider, {})
        assert (matrix.run(), matrix.problems()) == (0, [])
    return outcome(matrix.home)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a run of SCRIPT that nobody disturbed comes to."""
    return undisturbed(tmp_path_factory.mktemp("undisturbed"), SCRIPT)


def killed(
    top: Path,
    boundaries: Mapping[str, Sequence[Aim]],
    expected: dict[str, object],
    *,
    script: Script = SCRIPT,
    cache: Path | None = None,
) -> Path:
    """The home of a run that was killed at every aim and holds all that it must."""
    with Provider(script) as provider:
        matrix = Matrix(top, clean(), provider, boundaries, cache=cache)
        assert matrix.run() == 0, matrix.said
        print(f"\n{matrix.table()}")
        assert matrix.problems() == []
        assert matrix.left == []
        assert [end.wrong for end in matrix.ends if end.wrong] == []
        assert [row for row in matrix.rows.values() if row.again] == []
        said = report_of(matrix.home).possibly_billed_twice
        assert provider.twice == sum(row.twice for row in matrix.rows.values())
        assert provider.twice <= said == sum(row.said for row in matrix.rows.values())
    for what, value in outcome(matrix.home).items():
        assert value == expected[what]
    return matrix.home


def test_killed_once_at_each_boundary_it_comes_to_the_same(
    tmp_path: Path, expected: dict[str, object]
) -> None:
    killed(tmp_path, {name: aims[:1] for name, aims in BOUNDARIES.items()}, expected)


@pytest.mark.full
def test_killed_five_times_at_each_boundary_it_comes_to_the_same(
    tmp_path: Path, expected: dict[str, object], env: dict[str, str]
) -> None:
    assert {name: len(aims) for name, aims in BOUNDARIES.items() if len(aims) < 5} == {}
    home = killed(tmp_path / "killed", BOUNDARIES, expected)
    elsewhere = tmp_path / "replayed" / "home"
    elsewhere.mkdir(parents=True)
    replayed = Running(elsewhere, "--replay", str(folder_of(home).path), env=env)
    assert replayed.wait() == 0, replayed.said
    assert lasting(report_of(elsewhere)) == lasting(report_of(home))


@pytest.mark.full
def test_killed_while_milestones_are_built_side_by_side_it_comes_to_the_same(
    tmp_path: Path,
) -> None:
    expected = undisturbed(tmp_path / "undisturbed", greeter())
    killed(tmp_path / "killed", SIDE, expected, script=greeter())


@pytest.mark.full
@pytest.mark.skipif(os.geteuid() != 0, reason="a cache of its own is mounted")
def test_killed_while_its_environment_is_built_it_leaves_no_half_of_one(
    tmp_path: Path, expected: dict[str, object]
) -> None:
    cache = tmp_path / "cache"
    shutil.copytree(CACHE / "uv-sandbox", cache / "uv-sandbox", symlinks=True)
    for path in (cache / "uv-sandbox", *(cache / "uv-sandbox").rglob("*")):
        shutil.chown(path, 65534, 65534) if not path.is_symlink() else None
    killed(tmp_path / "killed", BUILDING, expected, cache=cache)
