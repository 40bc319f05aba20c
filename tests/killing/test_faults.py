"""With a full or a read-only disk a run stops with 3 and says where; with room it goes on."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.command import Provider, report_of
from tests.disk import small
from tests.killing import faults
from tests.killing.matrix import PRODUCT, Matrix, clean, outcome
from tests.killing.victim import CACHE, Act, Aim
from tests.test_kill import SCRIPT

may_mount = pytest.mark.skipif(os.geteuid() != 0, reason="may not mount")


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    """A run that nobody disturbed, with its trace."""
    with Provider(SCRIPT) as provider:
        matrix = Matrix(tmp_path_factory.mktemp("traced"), clean(), provider, {}, traced=True)
        assert matrix.run() == 0, matrix.said
    return matrix


def failing(top: Path, aims: Sequence[Aim], traced: Matrix) -> None:
    """A run whose disk fails at each of `aims` stops as it should, and comes to the same."""
    with Provider(SCRIPT) as provider:
        matrix = Matrix(top, clean(), provider, {"disk": aims})
        assert matrix.run() == 0, matrix.said
        assert [end.wrong for end in matrix.ends if end.wrong] == []
        assert matrix.problems() == []
        assert matrix.left == []
        assert matrix.rows["disk"].again == 0
        assert provider.twice <= report_of(matrix.home).possibly_billed_twice
    found, expected = outcome(matrix.home), outcome(traced.home)
    assert {what: found[what] for what in found if found[what] != expected[what]} == {}


@pytest.mark.full
def test_a_disk_that_fails_at_a_boundary_stops_the_run_with_3_until_it_is_mended(
    tmp_path: Path, traced: Matrix
) -> None:
    failing(tmp_path, faults.some(tmp_path / "home"), traced)


@pytest.mark.full
@may_mount
def test_a_folder_that_git_cannot_write_stops_the_run_with_3_until_it_can(
    tmp_path: Path, traced: Matrix
) -> None:
    failing(tmp_path, faults.around_git("lock", tmp_path / "home" / PRODUCT), traced)


@pytest.mark.full
@may_mount
def test_a_disk_with_no_room_for_git_stops_the_run_with_3_until_there_is_some(
    tmp_path: Path, traced: Matrix
) -> None:
    with small(tmp_path / "home", 12) as home:
        failing(tmp_path, faults.around_git("fill", home), traced)


@pytest.mark.full
@pytest.mark.parametrize("act", ["ENOSPC", "EROFS"])
@pytest.mark.parametrize("disk", ["home", "tmp", "cache"])
def test_a_disk_that_fails_at_any_change_of_a_run_stops_it_with_3(
    tmp_path: Path, traced: Matrix, act: Act, disk: str
) -> None:
    log = tmp_path / "log"
    said = traced.log.read_text("utf-8")
    log.write_text(said.replace(str(traced.home.parent), str(tmp_path)), "utf-8")
    below = CACHE if disk == "cache" else tmp_path / disk
    aims = [*faults.everywhere(log, below, act)]
    assert aims
    failing(tmp_path, aims, traced)
