"""Each protection taken away: a hostile project then gets through, or a named layer stops it."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.hostile.ablation import (
    installing,
    limits,
    naming,
    rendering,
    rooting,
    sandboxing,
    verifying,
)
from tests.hostile.ablation.outer import Outer
from tests.hostile.ablation.row import Case
from tests.hostile.ablation.table import Row, Summary, rows
from tests.hostile.user import ordinary, whoever

MODULES = (sandboxing, limits, rooting, verifying, installing, naming, rendering)
TESTED = (verifying, installing)
UID = 30_000 + os.getpid() % 10_000
"""Nobody else's."""


def _cases() -> Iterator[object]:
    for module in MODULES:
        for case in module.CASES:
            marks = [] if case.quick else [pytest.mark.full]
            if case.part == "root":
                reason = "what matters only to root is shown as root"
                marks.append(pytest.mark.skipif(os.geteuid() != 0, reason=reason))
            tested = module in TESTED
            yield pytest.param(module.__name__, case, tested, id=case.name, marks=marks)


@pytest.fixture(scope="module")
def outer(request: pytest.FixtureRequest) -> Iterator[Callable[[], Outer]]:
    folder = Path(tempfile.mkdtemp(prefix="orchestrate-ablation-", dir="/tmp"))
    folder.chmod(0o755)
    request.config.pluginmanager.register(Summary())

    @cache
    def made() -> Outer:
        root = os.geteuid() == 0
        return Outer(ordinary(folder, UID) if root else whoever(folder / "cache"), folder)

    yield made
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_names_are_each_used_once() -> None:
    names = [case.name for module in MODULES for case in module.CASES]

    assert len(names) == len(set(names))


@pytest.mark.parametrize(("module", "case", "tested"), list(_cases()))
def test_protection_is_needed_or_named_redundant(
    module: str,
    case: Case,
    tested: bool,
    outer: Callable[[], Outer],
    request: pytest.FixtureRequest,
) -> None:
    made = outer()
    if case.part == "root":
        found = made.as_root(module, case.name)
    else:
        found = made.measure(module, case.name, tested=tested)

    wrong = case.wrong(found)
    rows(request.config).append(Row(case, found, wrong))
    assert not wrong, f"{case.protection}: {wrong}\n{made.said}"
