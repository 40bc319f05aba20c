"""Every shape of a conflict, as git merges it and as Impl is shown and told it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from orchestrator import conflicts
from orchestrator.artifacts.tree import Tree
from orchestrator.changes import apply, parse
from orchestrator.conflicts import Side
from orchestrator.repo import Repo
from tests.merging.shapes import OWN, SHAPES, Shape
from tests.world import file

GIT = Path(shutil.which("git") or "/usr/bin/git")
EMPTY = Tree({"README.txt": b"a product\n"})


def changed(tree: Tree, blocks: str) -> Tree:
    if not blocks:
        return tree
    made = apply(parse(blocks).changes, tree, may=lambda _: "")
    assert isinstance(made, Tree), made
    return made


class Merging:
    """What main and a milestone made of `base`, merged."""

    def __init__(self, repo: Repo, base: Tree, main: Tree, own: Tree, *, day: int = 2) -> None:
        self._repo = repo
        self._at = f"2026-01-{day:02d}T03:04:05Z"
        asyncio.run(self._make(base, main, own))

    async def _make(self, base: Tree, main: Tree, own: Tree) -> None:
        root = await self._commit(base)
        ours, theirs = [await self._commit(tree, root) for tree in (main, own)]
        self.main, self.own = Side("main", ours, main), Side(OWN, theirs, own)
        found = await self._repo.merge(ours, theirs)
        self.merged = conflicts.without_tests(found, self.main, self.own)

    async def _commit(self, tree: Tree, *parents: str) -> str:
        return await self._repo.commit(tree, parents=parents, message="A step", at=self._at)

    @property
    def told(self) -> str:
        return conflicts.told(self.merged, self.main, self.own)

    @property
    def shown(self) -> Tree:
        return conflicts.shown(self.merged, self.main, self.own)


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    made = Repo(tmp_path_factory.mktemp("merging") / "product", git=GIT, lock_fd=None)
    asyncio.run(made.create(EMPTY, at="2026-01-02T03:04:05Z"))
    return made


def merging(repo: Repo, shape: Shape, *, day: int = 2) -> Merging:
    base = changed(EMPTY, shape.base)
    return Merging(repo, base, changed(base, shape.main), changed(base, shape.own), day=day)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_conflict_is_told_and_shown_so_that_the_answer_fits(repo: Repo, shape: Shape) -> None:
    found = merging(repo, shape)
    if shape.clean:
        assert found.merged.conflicts == ()
        after = found.merged.tree
    else:
        named, *lines, keep = found.told.splitlines()
        assert named == f"Merging into main conflicts in {', '.join(shape.conflicts)}."
        assert tuple(lines) == shape.told
        texts = [found.shown.text(path) for path in shape.conflicts if path in found.shown]
        assert any(shape.marked in text for text in texts)
        assert ("between conflict markers" in keep) == ("<<<<<<<" in "".join(texts))
        assert bool(shape.marked) == ("<<<<<<<" in "".join(texts))
        later = merging(repo, shape, day=3)
        assert later.own.commit != found.own.commit
        assert (later.told, later.shown) == (found.told, found.shown), "a request holds no clock"
        after = changed(found.shown, shape.answer)
    holds(after, shape)


def holds(tree: Tree, shape: Shape) -> None:
    assert {path: tree.text(path) if path in tree else None for path in shape.after} == {
        path: text if text is None else f"{text}\n" for path, text in shape.after.items()
    }


def test_two_spellings_of_one_name_are_no_merge(repo: Repo) -> None:
    main, own = (changed(EMPTY, file(f"data/{name}.txt", name)) for name in ("Names", "names"))
    found = Merging(repo, EMPTY, main, own).merged
    assert found.conflicts == ()
    assert conflicts.twins(found.tree, main).splitlines() == [
        "Merged into main, two files have one name.",
        "data/names.txt: 'data/names.txt' and 'data/Names.txt' are one name on some file systems",
        "Rename one of them.",
    ]
    assert conflicts.twins(found.tree, found.tree) == "", "what a person put side by side is theirs"


def test_bytes_that_are_no_text_are_told_with_whose_they_are(repo: Repo) -> None:
    base, main, own = (EMPTY.having({"logo.png": b"\0PNG" + end}) for end in (b"", b"main", b"own"))
    found = Merging(repo, base, main, own)
    assert found.told.splitlines() == [
        "Merging into main conflicts in logo.png.",
        "logo.png: it is no text; the code has the version of main.",
        "Keep the behaviour of both.",
    ]
    assert found.shown["logo.png"] == b"\0PNGmain"


@pytest.mark.parametrize(
    ("base", "main", "own"),
    [
        (b"a\r\nb\r\nc\r\n", b"a\r\nmain\r\nc\r\n", b"a\r\nown\r\nc\r\n"),
        (b"a\nb", b"a\nmain", b"a\nown"),
        (b"a\nb\n", b"a\r\nb\r\n", b"a\nown\n"),
        (b"\xff\n", b"\xff\nmain\n", b"\xff\nown\n"),
    ],
    ids=["crlf", "no newline at the end", "line ends against an edit", "not utf-8"],
)
def test_odd_lines_stand_between_markers_as_they_are(
    repo: Repo, base: bytes, main: bytes, own: bytes
) -> None:
    trees = [EMPTY.having({"odd.txt": content}) for content in (base, main, own)]
    found = Merging(repo, trees[0], trees[1], trees[2])
    assert found.merged.conflicts == ("odd.txt",)
    shown = found.shown["odd.txt"]
    for part in (b"<<<<<<< main\n", main.split(b"\n")[1], own.split(b"\n")[1]):
        assert part.rstrip(b"\n") in shown
    assert f">>>>>>> {OWN}".encode() in shown


def test_a_test_that_both_wrote_stands_twice_and_is_nobodys_conflict(repo: Repo) -> None:
    """Impl may not touch tests, so it is never asked to unite them."""
    path, second = "tests/unit/test_x.py", "tests/unit/test_x_milestone_3_whisper.py"
    main = EMPTY.having({path: b"main = 1\n", "tests/conftest.py": b"main = 1\n"})
    own = EMPTY.having({path: b"own = 1\n", "tests/conftest.py": b"own = 1\n"})
    found = Merging(repo, EMPTY, main, own).merged
    assert (found.conflicts, found.causes) == ((), ())
    assert found.tree == main.having({second: b"own = 1\n"})


@pytest.mark.parametrize("kept_by", ["main", "own"])
def test_a_test_that_only_one_side_has_yet_is_kept(repo: Repo, kept_by: str) -> None:
    path = "tests/unit/test_x.py"
    base, kept = EMPTY.having({path: b"x = 1\n"}), EMPTY.having({path: b"x = 2\n"})
    sides = (kept, EMPTY) if kept_by == "main" else (EMPTY, kept)
    found = Merging(repo, base, sides[0], sides[1]).merged
    assert (found.conflicts, found.tree) == ((), kept)
