"""Results that somebody tampered with: what the source says, and what our sentinels say."""

import pytest

from orchestrator.artifacts.layout import Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.verify.tampering import meddling, shadowing
from tests.verification import ADDER, CLI, Workshop, tree, workshop

__all__ = ["workshop"]

WRONG = "def add(a, b):\n    return 0\n"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("def pytest_runtest_call(item): ...", "pytest_runtest_call"),
        ("pytest_runtest_call = print", "pytest_runtest_call"),
        ("class P:\n    def pytest_runtest_logreport(self): ...", "pytest_runtest_logreport"),
        ("pytest_plugins = ['app.plugin']", "pytest_plugins"),
        ("def f(request):\n    request.config.pluginmanager.register(1)", "pluginmanager"),
        ("import _pytest.runner", "_pytest.runner"),
        ("from _pytest import runner", "_pytest"),
        ("import gc\ngc.get_referrers(1)", "get_referrers"),
    ],
)
@pytest.mark.parametrize("path", ["tests/conftest.py", "tests/unit/test_a.py"])
def test_what_reaches_for_other_tests_results_is_named(source: str, what: str, path: str) -> None:
    assert meddling(Tree({path: source.encode()})) == (f"{path}: {what}",)


def test_what_only_prepares_and_what_is_no_test_is_left_alone() -> None:
    source = (
        b"import pytest\n\n@pytest.fixture\ndef x(): ...\n\ndef pytest_configure(config): ...\n"
    )
    hook = b"def pytest_runtest_call(item): ...\n"

    assert meddling(Tree({"tests/conftest.py": source, "app/plugin.py": hook})) == ()


def test_modules_that_take_anothers_place_are_named() -> None:
    files = dict.fromkeys(
        ("json.py", "random/__init__.py", "pytest.py", "sitecustomize.py", "app/json.py",
         "test/__init__.py", "data/json/x.py", "src/typing.py"),
        b"",
    )  # fmt: skip

    assert shadowing(Tree(files)) == (
        "json.py: shadows the module json",
        "pytest.py: shadows the module pytest",
        "random/__init__.py: shadows the module random",
        "sitecustomize.py: shadows the module sitecustomize",
    )
    assert shadowing(Tree(files), Layout(sources=("src",))) == (
        "src/typing.py: shadows the module typing",
    )


SILENT = """import unittest.mock
import pytest

def quiet(self):
    pass

pytest.Function.runtest = quiet

from app.core import add

def test_m1_c1_adds_two_numbers():
    assert add(1, 2) == 3
"""
IN_PRODUCT = "import pytest\npytest.Function.runtest = lambda self: None\n" + WRONG
SWALLOWED = """import builtins
import sys

import pytest

from app.core import add

class Never(Exception):
    pass

def test_m1_c1_adds_two_numbers(monkeypatch):
    assert add(1, 2) == 3

original = pytest.Item.runtest if hasattr(pytest.Item, "runtest") else None
real = pytest.Function.runtest

def forgiving(self):
    try:
        real(self)
    except AssertionError:
        pass

pytest.Function.runtest = forgiving
"""


@pytest.mark.parametrize(
    "changed",
    [
        {"app/core.py": WRONG, "tests/contract/test_add.py": SILENT},
        {"app/core.py": IN_PRODUCT},
        {"app/core.py": WRONG, "tests/contract/test_add.py": SWALLOWED},
    ],
    ids=["tests do nothing", "the product silences tests", "failures are swallowed"],
)
def test_results_that_are_all_green_by_force_are_inconclusive(
    workshop: Workshop, changed: dict[str, str]
) -> None:
    verdict = workshop.verify(tree(ADDER, changed), CLI)

    assert verdict.outcome == "inconclusive"
    assert "a test of ours that must fail was reported as passed" in verdict.reasons[0]


def test_a_fixture_that_fails_for_every_test_is_a_failure_and_no_forgery(
    workshop: Workshop,
) -> None:
    broken = "import pytest\n\n@pytest.fixture(autouse=True)\ndef x():\n    raise OSError('no')\n"

    verdict = workshop.verify(tree(ADDER, {"tests/conftest.py": broken}), CLI)

    assert verdict.outcome == "fail"
    assert verdict.tests.errors == 1
    assert verdict.tests.total == 1


FLAKY = """import random

from app.core import add

TRIED = []

def test_m1_c1_adds_two_numbers():
    assert add(1, 2) == 3

def test_first_of_all():
    TRIED.append(1)

def test_alone():
    assert not TRIED
"""


def test_what_passes_on_the_second_try_is_flaky_and_does_not_pass(workshop: Workshop) -> None:
    product = tree(ADDER, {"tests/contract/test_add.py": FLAKY})

    verdict = workshop.verify(product, CLI)

    assert verdict.outcome == "fail"
    assert verdict.tests.flaky == ("tests/contract/test_add.py::test_alone",)
    assert any("test_alone failed once, then passed: it is flaky" in one for one in verdict.reasons)
    honest = tree(ADDER, {"app/core.py": WRONG})
    assert workshop.verify(honest, CLI).tests.flaky == ()


def test_a_source_layout_is_imported_from_its_folder(workshop: Workshop) -> None:
    files = {path.replace("app/", "src/app/"): text for path, text in ADDER.items()}
    files["tests/test_run.py"] = (
        "import subprocess, sys\n\n"
        "def test_run():\n"
        "    argv = [sys.executable, '-m', 'app', '1', '2']\n"
        "    assert subprocess.run(argv, capture_output=True).stdout == b'3\\n'\n"
    )
    verdict = workshop.verify(tree(files), None, layout=Layout(sources=("src", "")))

    assert verdict.tests.passed == 2
    assert verdict.tests.coverage > 60
    assert [one for one in verdict.reasons if "criterion" not in one] == []


OVERWRITES = """from pathlib import Path

import app.core

def test_m1_c1_adds_two_numbers():
    path = Path(app.core.__file__)
    path.write_text(path.read_text().replace("return 0", "return a + b"))
    space = {}
    exec(path.read_text(), space)
    assert space["add"](1, 2) == 3
"""
MISCOUNTS = """import sys

from app.core import add

def silenced(write):
    def told(kind, **fields):
        if "test_add" in str(fields.get("id")):
            fields.update(outcome="passed", text="")
        write(kind, **fields)
    return told

for module in list(sys.modules.values()):
    for value in list(vars(module).values()) if module else ():
        if type(value).__name__ == "Recorder":
            value.write = silenced(value.write)

def test_m1_c1_adds_two_numbers(request):
    manager = getattr(request.config, "plugin" + "manager")
    for plugin in manager.get_plugins():
        if type(plugin).__name__ == "Recorder":
            plugin.write = silenced(plugin.write)
    assert add(1, 2) == 3
"""


@pytest.mark.parametrize(
    ("suite", "reason"),
    [
        (OVERWRITES, "app/core.py was overwritten while the tests ran"),
        (MISCOUNTS, "pytest counted 2 failures, 1 were told"),
    ],
)
def test_what_a_run_leaves_behind_gives_it_away(
    workshop: Workshop, suite: str, reason: str
) -> None:
    changed = {"app/core.py": WRONG, "tests/contract/test_add.py": suite}

    verdict = workshop.verify(tree(ADDER, changed), CLI)

    assert verdict.outcome == "inconclusive"
    assert verdict.reasons[0].startswith(reason)


def test_a_product_that_lies_among_its_tests_is_named() -> None:
    files = {
        "app/__init__.py": "import tests.made\nfrom tests import other, test_a\n",
        "app/b.py": "from tests.made import x\nfrom . import made\nimport testing\n",
        "tests/made.py": "",
        "tests/other/__init__.py": "",
        "tests/test_a.py": "from tests.made import x\n",
    }

    assert sorted(meddling(tree(files))) == [
        "app/__init__.py: imports tests.made from the tests",
        "app/__init__.py: imports tests.other from the tests",
        "app/__init__.py: imports tests.test_a from the tests",
        "app/b.py: imports tests.made from the tests",
    ]


def test_processes_that_a_test_spawns_do_not_run_our_bootstrap_again(workshop: Workshop) -> None:
    suite = (
        "import multiprocessing\n\nfrom app.core import add\n\n"
        "def test_m1_c1_adds_in_a_pool():\n"
        "    with multiprocessing.get_context('spawn').Pool(2) as pool:\n"
        "        assert pool.starmap(add, [(1, 2), (3, 4)]) == [3, 7]\n"
    )

    verdict = workshop.verify(tree(ADDER, {"tests/contract/test_add.py": suite}), CLI)

    assert (verdict.tests.passed, verdict.tests.total) == (1, 1)
