"""The calibration set: clean projects, and defects that are really there and that no test sees."""

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SET = Path(__file__).resolve().parent.parent / "examples" / "calibration"
PROJECTS = sorted(path.parent.name for path in SET.glob("*/defects.json"))
DIMENSIONS = {"correctness", "code_quality", "security", "maintainability", "scalability"}


@dataclass(frozen=True)
class Planted:
    project: str
    defect: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.project}-{self.defect['id']}"


def _planted() -> list[Planted]:
    return [
        Planted(project, defect)
        for project in PROJECTS
        for defect in json.loads((SET / project / "defects.json").read_text("utf-8"))
    ]


PLANTED = _planted()


def _tree(project: str, edits: list[dict[str, str]] | None = None) -> dict[str, str]:
    clean = SET / project / "clean"
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=clean,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    tree = {name: (clean / name).read_text("utf-8") for name in names}
    for edit in edits or []:
        path, text = edit["path"], tree[edit["path"]]
        assert text.count(edit["remove"]) == 1, (path, edit["remove"])
        tree[path] = text.replace(edit["remove"], edit["add"])
    return tree


def _run(tree: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    for name, text in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=kept | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def _tests_pass(tree: dict[str, str], folder: Path) -> None:
    done = _run(tree, folder, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("project", PROJECTS)
def test_a_project_has_a_specification_and_criteria_with_contract_tests(project: str) -> None:
    criteria = json.loads((SET / project / "criteria.json").read_text("utf-8"))
    contract = "".join(
        text for name, text in _tree(project).items() if name.startswith("tests/contract/test_m1_")
    )
    assert (SET / project / "specification.md").read_text("utf-8").startswith("# ")
    assert [criterion["id"] for criterion in criteria] == [
        f"M1-C{number}" for number in range(1, len(criteria) + 1)
    ]
    assert 3 <= len(criteria) <= 5
    assert all(criterion["text"] for criterion in criteria)
    assert all(f"def test_{c['id'].lower().replace('-', '_')}_" in contract for c in criteria)


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_a_defect_is_labelled_and_applies_to_what_then_parses(planted: Planted) -> None:
    defect = planted.defect
    expected = {"id", "dimension", "severity", "half", "title", "why", "edits"}
    assert set(defect) == expected
    assert defect["dimension"] in DIMENSIONS
    assert defect["severity"] in {"blatant", "clear", "subtle"}
    assert all(defect[name].strip() for name in ("id", "title", "why"))
    clean = _tree(planted.project)
    tree = _tree(planted.project, defect["edits"])
    changed = {name for name in tree if tree[name] != clean[name]}
    assert changed == {edit["path"] for edit in defect["edits"]}
    assert not any(name.startswith("tests/") for name in changed)
    for name in changed:
        ast.parse(tree[name], name)


def test_there_are_enough_defects_of_each_dimension_in_balanced_halves() -> None:
    assert len({planted.defect["id"] for planted in PLANTED}) == len(PLANTED) >= 25
    by_dimension = Counter((p.defect["dimension"], p.defect["half"]) for p in PLANTED)
    by_project = Counter((p.project, p.defect["half"]) for p in PLANTED)
    for half in ("tune", "report"):
        assert {by_dimension[dimension, half] for dimension in DIMENSIONS} == {3}
        assert {by_project[project, half] for project in PROJECTS} == {3}
    assert sum(by_dimension.values()) == 30
    for project in PROJECTS:
        assert {p.defect["dimension"] for p in PLANTED if p.project == project} == DIMENSIONS


@pytest.mark.parametrize("project", PROJECTS)
def test_a_clean_project_passes_its_tests(project: str, tmp_path: Path) -> None:
    _tests_pass(_tree(project), tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_no_test_of_the_project_sees_a_defect(planted: Planted, tmp_path: Path) -> None:
    _tests_pass(_tree(planted.project, planted.defect["edits"]), tmp_path)


def test_the_set_is_not_collected_with_our_tests(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.getini("testpaths") == ["tests"]


STOCK = """
from pathlib import Path
from stockroom.model import Movement
from stockroom.store import Store
store = Store(Path("probe.db"))
store.add("NUT-1", "Nut", 5)
with store.transaction():
    store.move(Movement("NUT-1", 5))
"""
BOARD = """
from pathlib import Path
from linkboard.links import Board
board = Board(Path("probe.db"))
"""
RATE = """
from ipaddress import ip_network
from throttle import Rate, SlidingWindow, TokenBucket, client_address
now = 0.0
clock = lambda: now
"""
LOG = """
from pathlib import Path
from logdigest.cli import main
line = '%s [2026-03-01T%s] "GET /a HTTP/1.1" 200 5'
def summed(text, *options):
    Path("a.log").write_text(text)
    main([*options, "a.log"])
"""
NOTES = """
from pathlib import Path
from tests.desk import Desk
desk = Desk(Path("."))
"""
PROBES = {
    "low-leaves-out-the-boundary": STOCK + "print([item.sku for item in store.low()])",
    "match-in-sql-by-format": STOCK
    + """print([item.sku for item in store.matching("x')) >= 0 OR instr('a', ('a")])""",
    "hits-are-lost": BOARD
    + """
code = board.add("https://a.example").code
class Slow:
    def __enter__(self):
        return lock.__enter__()
    def __exit__(self, *error):
        lock.__exit__(*error)
        board._lock = lock
        board.follow(code)
lock, board._lock = board._lock, Slow()
board.follow(code)
print(board.find(code).hits)
""",
    "urls-in-html-as-they-are": BOARD
    + """
from linkboard.page import render
board.add("https://a.example/<script>alert(1)</script>")
print("<script>" in render(board.newest(1)))
""",
    "a-request-counts-too-long": RATE
    + """
window = SlidingWindow(Rate(1, 60.0), clock=clock)
window.allow("a")
now = 60.0
print(window.allow("a").allowed)
""",
    "refused-requests-gain": RATE
    + """
bucket = TokenBucket(Rate(1, 10.0), clock=clock)
count = 0
for now in range(100):
    count += bucket.allow("a").allowed
print(count)
""",
    "the-farthest-hop-is-believed": RATE
    + """print(client_address("10.0.0.1", "203.0.113.1, 192.0.2.9",
    [ip_network("10.0.0.0/8")]))""",
    "offsets-are-dropped": LOG
    + """summed(line % ("a.example", "01:30:00+02:00"), "--since", "2026-03-01T00:00:00+00:00")""",
    "any-host-names-a-file": LOG
    + """
summed(line % ("../outside", "01:30:00+02:00"), "--split", "inside")
print(Path("outside.log").exists())
""",
    "changed-what-is-not-there": NOTES
    + """print(desk.ask("PUT", "/notes/9", desk.user("anna"), {"title": "a", "text": "b"})[0])""",
}


@pytest.mark.parametrize("planted", [p for p in PLANTED if p.defect["id"] in PROBES], ids=str)
def test_a_defect_changes_what_the_program_does(planted: Planted, tmp_path: Path) -> None:
    probe = PROBES[planted.defect["id"]]
    clean = _run(_tree(planted.project), tmp_path / "clean", "-c", probe)
    planted_tree = _tree(planted.project, planted.defect["edits"])
    defective = _run(planted_tree, tmp_path / "defective", "-c", probe)
    assert (clean.returncode, defective.returncode) == (0, 0), clean.stderr + defective.stderr
    assert clean.stdout != defective.stdout


def test_every_defect_of_correctness_is_shown() -> None:
    shown = {p.defect["id"] for p in PLANTED if p.defect["dimension"] == "correctness"}
    assert shown <= set(PROBES)
