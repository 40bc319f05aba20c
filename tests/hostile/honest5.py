"""Honest projects that must pass: a library and a command line, both with criteria."""

from tests.hostile.project import Project
from tests.hostile.wrong import check, criteria, python

CACHE = '''"""A cache that forgets what was used longest ago."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Cache(Generic[V]):
    """At most `size` values by key."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError("a cache holds at least one value")
        self._size = size
        self._kept: OrderedDict[Hashable, V] = OrderedDict()

    def put(self, key: Hashable, value: V) -> None:
        """Keeps `value`, and forgets the one used longest ago when there is no room."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def get(self, key: Hashable, default: V | None = None) -> V | None:
        """The value, which now was used last; `default` when it is not kept."""
        if key not in self._kept:
            return default
        self._kept.move_to_end(key)
        return self._kept[key]

    def __len__(self) -> int:
        return len(self._kept)
'''
CACHE_TEST = '''"""The contract of the cache."""

import pytest
from cache import Cache


@pytest.fixture
def full():
    cache = Cache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    return cache


def test_m1_c1_what_is_kept_comes_back(full):
    assert (full.get("a"), full.get("b"), len(full)) == (1, 2, 2)


def test_m1_c1_the_one_used_longest_ago_is_forgotten(full):
    full.put("c", 3)
    assert (full.get("a"), full.get("b"), full.get("c"), len(full)) == (None, 2, 3, 2)


def test_m1_c1_reading_is_using(full):
    full.get("a")
    full.put("c", 3)
    assert (full.get("a"), full.get("b", 0)) == (1, 0)


def test_m1_c1_writing_again_is_using_and_takes_no_room(full):
    full.put("a", 9)
    full.put("c", 3)
    assert (full.get("a"), full.get("b"), len(full)) == (9, None, 2)


def test_m1_c1_a_cache_of_one():
    cache = Cache(1)
    cache.put("a", None)
    assert cache.get("a", 7) is None
    assert len(cache) == 1


@pytest.mark.parametrize("size", [0, -1])
def test_m1_c1_no_cache_is_smaller(size):
    with pytest.raises(ValueError, match="at least one"):
        Cache(size)
'''
TODO = '''"""A list of things to do, in todo.json."""

import argparse
import json
import sys
from pathlib import Path

STORE = Path("todo.json")


def load() -> list[dict]:
    """Everything on the list."""
    return json.loads(STORE.read_text("utf-8")) if STORE.exists() else []


def save(items: list[dict]) -> None:
    """Writes the list."""
    STORE.write_text(json.dumps(items, ensure_ascii=False), "utf-8")


def add(text: str) -> str:
    """Puts `text` on the list."""
    items = load()
    items.append({"text": text, "done": False})
    save(items)
    return f"added {len(items)}: {text}"


def done(number: int) -> str:
    """Ticks the item of that number. Raises LookupError when there is none."""
    items = load()
    if not 1 <= number <= len(items):
        raise LookupError(f"there is no item {number}")
    items[number - 1]["done"] = True
    save(items)
    return f"done {number}: {items[number - 1]['text']}"


def listing() -> str:
    """One line for each item."""
    marks = ((number, "x" if one["done"] else " ", one) for number, one in enumerate(load(), 1))
    return "\\n".join(f"{number} [{mark}] {one['text']}" for number, mark, one in marks)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="todo")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("add").add_argument("text")
    commands.add_parser("done").add_argument("number", type=int)
    commands.add_parser("list")
    given = parser.parse_args()
    try:
        if given.command == "add":
            print(add(given.text))
        elif given.command == "done":
            print(done(given.number))
        else:
            print(listing())
    except LookupError as error:
        print(f"error: {error.args[0]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
'''
TODO_TEST = '''"""The contract of the list: every test runs the command as a person would."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def todo(tmp_path):
    def run(*words):
        return subprocess.run(
            [sys.executable, str(ROOT / "todo.py"), *words],
            cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False,
        )

    return run


def test_m1_c1_things_are_added_and_listed(todo):
    assert todo("add", "buy milk").stdout == "added 1: buy milk\\n"
    assert todo("add", "grüßen").stdout == "added 2: grüßen\\n"
    assert todo("list").stdout == "1 [ ] buy milk\\n2 [ ] grüßen\\n"


def test_m1_c1_things_are_ticked(todo):
    todo("add", "a")
    todo("add", "b")
    assert todo("done", "2").stdout == "done 2: b\\n"
    assert todo("list").stdout == "1 [ ] a\\n2 [x] b\\n"
    assert todo("done", "1").returncode == 0


@pytest.mark.parametrize("number", ["0", "2", "-1"])
def test_m1_c1_there_is_no_such_item(todo, number):
    todo("add", "a")
    finished = todo("done", "--", number)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == f"error: there is no item {number}\\n"


def test_m1_c1_mistakes_are_told(todo):
    assert todo().returncode == 2
    assert todo("done", "x").returncode == 2
    assert todo("list").stdout == "\\n"
'''
USED = "from cache import Cache\nc = Cache(2)\n"


def says(*words: str, out: str = "", code: int = 0) -> dict[str, object]:
    """A step of the command line; without `out` nothing is asked of its output."""
    return {
        "kind": "command",
        "argv": list(words),
        "stdin": "",
        "exit_code": code,
        "stdout": [{"how": "equals", "text": out}] if out else [],
        "stderr": [],
        "files": [],
    }


PROJECTS = (
    Project(
        "library-cache",
        "honest",
        "a generic library of one class, with criteria",
        {"cache.py": CACHE, "tests/contract/test_cache.py": CACHE_TEST},
        criteria=criteria(
            {"kind": "library", "command": [], "module": "cache"},
            "at most so many values are kept, and the one used longest ago goes first",
            check(
                "shown",
                python(
                    f"{USED}for n in (1, 2, 3):\n    c.put(n, n)\nprint(c.get(1), len(c))", "None 2"
                ),
            ),
            check(
                "held",
                python(
                    f"{USED}for n in (1, 2, 1, 3):\n    c.put(n, -n)\nprint(c.get(1), c.get(2))",
                    "-1 None",
                ),
            ),
        ),
        expect=("pass",),
    ),
    Project(
        "cli-todo",
        "honest",
        "a command line whose tests start it as a person would, with criteria",
        {"todo.py": TODO, "tests/contract/test_todo.py": TODO_TEST},
        criteria=criteria(
            {"kind": "cli", "command": ["python", "-m", "todo"], "module": "todo"},
            "things are added, listed and ticked, and are there the next time",
            check(
                "shown",
                says("add", "buy milk", out="added 1: buy milk"),
                says("list", out="1 [ ] buy milk"),
            ),
            check(
                "held",
                says("add", "a"),
                says("add", "call the bank", out="added 2: call the bank"),
                says("done", "2", out="done 2: call the bank"),
                says("list", out="1 [ ] a\n2 [x] call the bank"),
                says("done", "3", code=1),
            ),
        ),
        expect=("pass",),
    ),
)
