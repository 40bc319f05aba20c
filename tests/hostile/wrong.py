"""The broken product that the forgers want passed, and its honest tests, which are red."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.hostile.project import Project

CORE = '''"""Prices in cents."""


def total(cents):
    """The sum of all prices."""
    return sum(cents[1:])


def reduced(cents, percent):
    """The price, less so many percent of it."""
    return cents - percent
'''
MAIN = '''"""The sum of the prices on the command line."""

import sys

from prices.core import total

print(total([int(word) for word in sys.argv[1:]]))
'''
RED = """from prices.core import reduced, total


def test_total_counts_every_price():
    assert total([100, 250, 5]) == 355


def test_reduced_takes_a_share():
    assert reduced(200, 25) == 150
"""
CONTRACT = """from prices.core import total


def test_m1_c1_total_counts_every_price():
    assert total([100, 250, 5]) == 355
"""
WRONG: Mapping[str, str] = {
    "prices/__init__.py": '"""Prices."""\n',
    "prices/core.py": CORE,
    "prices/__main__.py": MAIN,
}
"""`total` loses the first price, `reduced` takes cents for percent."""

CLI: Mapping[str, object] = {
    "kind": "cli",
    "command": ["python", "-m", "prices"],
    "module": "prices",
}
LIBRARY: Mapping[str, object] = {"kind": "library", "command": [], "module": "prices"}


def command(argv: str, out: str) -> dict[str, object]:
    """A step: the words of `argv` behind the launch command print `out` and end with 0."""
    return {
        "kind": "command",
        "argv": argv.split(),
        "stdin": "",
        "exit_code": 0,
        "stdout": [{"how": "equals", "text": out}],
        "stderr": [],
        "files": [],
    }


def python(source: str, out: str) -> dict[str, object]:
    return {
        "kind": "python",
        "source": source,
        "exit_code": 0,
        "stdout": [{"how": "equals", "text": out}],
    }


def check(visibility: str, *steps: Mapping[str, object]) -> dict[str, object]:
    return {
        "id": f"M1-C1-{visibility}-1",
        "criterion": "M1-C1",
        "visibility": visibility,
        "title": visibility,
        "steps": list(steps),
    }


def criteria(
    launch: Mapping[str, object], text: str, *checks: Mapping[str, object]
) -> dict[str, object]:
    """The JSON of `--criteria` with the one criterion M1-C1."""
    return {
        "launch": dict(launch),
        "criteria": [{"id": "M1-C1", "text": text}],
        "checks": list(checks),
    }


SUMS = criteria(
    CLI,
    "`prices A B ...` prints the sum of all prices",
    check("shown", command("1 2 3", "6")),
    check("held", command("40 2", "42")),
)


def forged(
    name: str,
    about: str,
    files: Mapping[str, str | bytes],
    *,
    plant: Callable[[Path], None] | None = None,
    **more: object,
) -> Project:
    """The wrong product with its red tests, and `files` over them."""
    given = {**WRONG, "tests/test_prices.py": RED, **files}
    return Project(name, "forging", about, given, plant=plant, **more)  # type: ignore[arg-type]
