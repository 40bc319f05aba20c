"""Honest projects that must pass: layouts, dependencies, files."""

from tests.hostile.project import Project

GEOMETRY = '''"""Shapes."""

from dataclasses import dataclass
from math import pi, sqrt


@dataclass(frozen=True)
class Circle:
    radius: float

    @property
    def area(self) -> float:
        """Its area."""
        return pi * self.radius**2


@dataclass(frozen=True)
class Triangle:
    a: float
    b: float
    c: float

    def __post_init__(self) -> None:
        if 2 * max(self.a, self.b, self.c) >= self.a + self.b + self.c:
            raise ValueError("no such triangle")

    @property
    def area(self) -> float:
        """Its area, by Heron."""
        half = (self.a + self.b + self.c) / 2
        return sqrt(half * (half - self.a) * (half - self.b) * (half - self.c))
'''
GEOMETRY_TEST = '''"""Shapes."""

import pytest
from geometry import Circle, Triangle


def test_a_circle():
    assert Circle(2).area == pytest.approx(12.566, abs=0.001)


@pytest.mark.parametrize(("sides", "area"), [((3, 4, 5), 6), ((5, 5, 6), 12), ((13, 14, 15), 84)])
def test_a_triangle(sides, area):
    assert Triangle(*sides).area == pytest.approx(area)


@pytest.mark.parametrize("sides", [(1, 2, 3), (9, 1, 1), (1, 9, 1), (1, 1, 9)])
def test_no_triangle(sides):
    with pytest.raises(ValueError, match="no such"):
        Triangle(*sides)
'''
PYPROJECT = """[project]
name = "geometry"
version = "0.1.0"
requires-python = ">=3.11"

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["src"]
"""
DICE = '''"""Rolls dice."""

import random

import click


def rolled(number: int, sides: int, seed: int | None) -> list[int]:
    """So many dice with so many sides; the same for the same seed."""
    dice = random.Random(seed)
    return [dice.randint(1, sides) for _ in range(number)]


@click.command()
@click.argument("number", type=click.IntRange(1, 100))
@click.option("--sides", default=6, show_default=True, type=click.IntRange(2))
@click.option("--seed", type=int)
def main(number: int, sides: int, seed: int | None) -> None:
    """Rolls NUMBER dice."""
    found = rolled(number, sides, seed)
    click.echo(" ".join(map(str, found)))
    click.echo(f"sum {sum(found)}")


if __name__ == "__main__":
    main()
'''
DICE_TEST = '''"""Dice, by click's own runner."""

import pytest
from click.testing import CliRunner
from dice import main, rolled


def run(*words):
    return CliRunner().invoke(main, words)


def test_a_seed_repeats_itself():
    assert run("5", "--seed", "7").output == run("5", "--seed", "7").output


def test_the_sum_is_of_what_was_rolled():
    first, second = run("9", "--seed", "1").output.splitlines()
    assert second == f"sum {sum(int(word) for word in first.split())}"
    assert len(first.split()) == 9


def test_every_side_comes_and_no_other():
    assert set(rolled(500, 4, 1)) == {1, 2, 3, 4}


@pytest.mark.parametrize("words", [("0",), ("101",), ("x",), (), ("1", "--sides", "1")])
def test_wrong_numbers_are_refused(words):
    assert run(*words).exit_code == 2


def test_the_ends_of_the_range_are_in_it():
    assert run("100").exit_code == 0
    assert run("1", "--sides", "2").exit_code == 0
    assert "show this message" in run("--help").output.lower()
'''
JOURNAL = '''"""Entries of a journal, one file each, named by their title."""

import unicodedata
from pathlib import Path

FORBIDDEN = set('/\\\\:*?"<>|')


def file_name(title: str) -> str:
    """A file name for any title: composed, without what a file system minds."""
    kept = unicodedata.normalize("NFC", title).strip()
    name = "".join("-" if one in FORBIDDEN or ord(one) < 32 else one for one in kept)
    return f"{name or 'untitled'}.md"


def write(folder: Path, title: str, text: str) -> Path:
    """Writes an entry, and says where. Raises FileExistsError for a title that is taken."""
    path = folder / file_name(title)
    with path.open("x", encoding="utf-8", newline="\\n") as file:
        file.write(f"# {title}\\n\\n{text}\\n")
    return path


def words(folder: Path) -> dict[str, int]:
    """How many words each entry has, by file name, sorted."""
    return {one.name: len(one.read_text("utf-8").split()) for one in sorted(folder.glob("*.md"))}
'''
JOURNAL_TEST = '''"""The journal \\u2014 w\\u00f6rter, \\u65e5\\u8a18, \\U0001f4d3."""

import unicodedata

import pytest
from journal import file_name, words, write


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Montag", "Montag.md"),
        ("Bücher & Käse", "Bücher & Käse.md"),
        ("日記 📓", "日記 📓.md"),
        (unicodedata.normalize("NFD", "é"), "é.md"),
        ("a/b:c", "a-b-c.md"),
        ("tab\\there", "tab-here.md"),
        ("  ", "untitled.md"),
    ],
)
def test_a_title_becomes_a_file_name(title, name):
    assert file_name(title) == name


def test_entries_are_utf8_with_plain_line_ends(tmp_path):
    path = write(tmp_path, "日記", "smörgås\\n\\u0628\\u0627\\u0628 🎉")
    assert path.name == "日記.md"
    assert path.read_bytes() == "# 日記\\n\\nsmörgås\\n\\u0628\\u0627\\u0628 🎉\\n".encode()


def test_words_are_counted_by_file(tmp_path):
    write(tmp_path, "ö", "eins zwei drei")
    write(tmp_path, "a", "")
    assert words(tmp_path) == {"a.md": 2, "ö.md": 5}


def test_a_title_is_taken_once(tmp_path):
    write(tmp_path, "é", "first")
    with pytest.raises(FileExistsError):
        write(tmp_path, "e\\u0301", "second")
'''

PROJECTS = (
    Project(
        "src-layout",
        "honest",
        "a package below src/, with a pyproject.toml that configures pytest",
        {
            "pyproject.toml": PYPROJECT,
            "src/geometry/__init__.py": GEOMETRY,
            "tests/__init__.py": "",
            "tests/test_geometry.py": GEOMETRY_TEST,
        },
        expect=("pass",),
    ),
    Project(
        "with-a-dependency",
        "honest",
        "a command line built with click, tested by click's own runner",
        {
            "requirements.txt": "click>=8.1,<9  # the command line\n",
            "dice.py": DICE,
            "tests/test_dice.py": DICE_TEST,
        },
        expect=("pass",),
    ),
    Project(
        "files-and-unicode",
        "honest",
        "files with names and contents of many scripts",
        {"journal.py": JOURNAL, "tests/test_journal.py": JOURNAL_TEST},
        expect=("pass",),
    ),
)
