"""Answers that are code: read from their text form, and applied all or not at all."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.artifacts.changeset import ChangeSet, NewFile
from orchestrator.artifacts.evaluation import Edit
from orchestrator.artifacts.tree import Tree
from orchestrator.changes import (
    MAX_BYTES,
    MAX_EDITS,
    MAX_FILE_BYTES,
    MAX_FILES,
    Refused,
    apply,
    parse,
)

TREE = Tree({"todo/store.py": b"a = 1\nb = 2\na = 3\n", "README.md": b"# Todo\n"})


def anything(_path: str) -> str:
    return ""


def changeset(
    files: dict[str, str] | None = None,
    edits: tuple[tuple[str, str, str], ...] = (),
    deletes: tuple[str, ...] = (),
) -> ChangeSet:
    return ChangeSet(
        files=tuple(NewFile(path=path, content=text) for path, text in (files or {}).items()),
        edits=tuple(Edit(path=path, remove=old, add=new) for path, old, new in edits),
        deletes=deletes,
    )


def applied(changes: ChangeSet, tree: Tree = TREE) -> Tree:
    result = apply(changes, tree, may=anything)
    assert isinstance(result, Tree), result
    return result


def refused(changes: ChangeSet, tree: Tree = TREE) -> tuple[str, ...]:
    result = apply(changes, tree, may=anything)
    assert isinstance(result, Refused)
    return result.problems


ANSWER = """I changed the store.

=== FILE todo/new.py ===
x = 1

y = 2
=== END ===

=== EDIT todo/store.py ===
--- REMOVE ---
b = 2
--- ADD ---
b = 4
c = 5
--- REMOVE ---
c = 5
--- ADD ---
=== END ===
=== DELETE README.md ===
"""


def test_an_answer_is_files_edits_deletions_and_a_note() -> None:
    parsed = parse(ANSWER)
    assert parsed.problems == ()
    assert parsed.complete
    assert parsed.changes == ChangeSet(
        files=(NewFile(path="todo/new.py", content="x = 1\n\ny = 2\n"),),
        edits=(
            Edit(path="todo/store.py", remove="b = 2\n", add="b = 4\nc = 5\n"),
            Edit(path="todo/store.py", remove="c = 5\n", add=""),
        ),
        deletes=("README.md",),
        note="I changed the store.",
    )
    after = applied(parsed.changes)
    assert after == {"todo/new.py": b"x = 1\n\ny = 2\n", "todo/store.py": b"a = 1\nb = 4\na = 3\n"}


@pytest.mark.parametrize(
    "disguise",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: f"```\n{text}```\n",
        lambda text: f"```text\n{text}\n```",
        lambda text: text.replace("x = 1", "```python\nx = 1").replace("y = 2", "y = 2\n```"),
        lambda text: text.replace("b = 2\n", "```py\nb = 2\n```\n"),
        lambda text: text.replace(
            "=== DELETE README.md ===", "=== DELETE README.md ===\n=== END ==="
        ),
        lambda text: text.replace("=== FILE todo/new.py ===", "=== FILE `todo/new.py` ===  "),
        lambda text: text.replace("y = 2\n=== END ===", "y = 2\n\n=== END todo/new.py ==="),
        lambda text: text.replace("--- REMOVE ---\nb", "```\n--- REMOVE ---\nb").replace(
            "--- ADD ---\n=== END", "--- ADD ---\n```\n=== END"
        ),
    ],
)
def test_harmless_disguises_are_read_the_same(disguise) -> None:
    assert parse(disguise(ANSWER)) == parse(ANSWER)


def test_an_empty_file_is_empty() -> None:
    assert parse("=== FILE a/__init__.py ===\n=== END ===").changes.files[0].content == ""
    assert parse("=== FILE a/__init__.py ===\n\n=== END ===").changes.files[0].content == ""


def test_markdown_keeps_the_fences_that_are_its_own() -> None:
    own = "```sh\nmake\n```\nthen\n```sh\nrun\n```"
    wrapped = "```markdown\n# T\n```sh\nmake\n```\n```"
    parsed = parse(
        f"=== FILE a.md ===\n{own}\n=== END ===\n=== FILE b.md ===\n{wrapped}\n=== END ==="
    )
    assert parsed.changes.files[0].content == own + "\n"
    assert parsed.changes.files[1].content == "# T\n```sh\nmake\n```\n"
    edit = "=== EDIT a.md ===\n--- REMOVE ---\n```sh\nx\n```\n--- ADD ---\ny\n=== END ==="
    assert parse(edit).changes.edits[0].remove == "```sh\nx\n```\n"


@pytest.mark.parametrize("kept", [ANSWER, ""])
def test_a_cut_off_answer_keeps_its_complete_blocks(kept: str) -> None:
    parsed = parse(kept + "=== FILE todo/cut.py ===\nx = ")
    assert not parsed.complete
    assert parsed.problems == ()
    assert parsed.changes == parse(kept).changes


def test_an_answer_without_a_block_is_a_problem() -> None:
    parsed = parse("I would rather not.")
    assert parsed.changes.empty
    assert "no block" in parsed.problems[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("=== FILE a.py ===\nx\n=== FILE b.py ===\ny\n=== END ===", "FILE a.py has no"),
        ("=== FILE a.py ===\n=== END ===\nx\n=== END ===", "outside of every block"),
        ("=== EDIT a.py ===\nx = 1\n=== END ===", "does not start with"),
        ("=== EDIT a.py ===\n--- REMOVE ---\nx\n=== END ===", "pair 1 needs one"),
        ("=== RENAME a.py b.py ===", "not a marker"),
        ("=== FILE ===\nx\n=== END ===", "not a marker"),
    ],
)
def test_a_broken_block_is_named(text: str, problem: str) -> None:
    assert any(problem in one for one in parse(text).problems)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/etc/passwd", "C:/x", "../x", "a/../x", "a//x", "a/", "./x", "a\\x", "a\0x", "a\nx"),
        *(".git/config", "a/.git/hooks/x", ".GIT/config", ".github/x", ".gitconfig", "git~1/x"),
        *(
            "con",
            "a/NUL.txt",
            "com1.py",
            "lpt¹",
            "a.",
            "a ",
            "a./x",
            "a?b",
            "a:b",
            "\u202ex",
            "\ud800",
        ),
        *("x" * 201, "é" * 101),
        *(".gitattributes", "a/.gitmodules", ".GitAttributes", ".GITMODULES", ".gitignorE"),
    ],
)
def test_a_path_that_no_project_may_have_is_refused(path: str) -> None:
    problems = refused(changeset({path: "x", "ok.py": "x"}))
    assert len(problems) == 1
    assert problems[0].startswith(f"{path!r}: ")


@pytest.mark.parametrize(
    "path", [".gitignore", "a/.gitignore", ".gitkeep", "console.py", "x" * 200, "ü/ß.py", "a b"]
)
def test_an_unusual_path_is_allowed(path: str) -> None:
    assert path in applied(changeset({path: "x"}))


def test_every_offending_path_is_listed_in_order() -> None:
    problems = refused(
        changeset(
            {"/abs": "x", "fine.py": "x", "twice.py": "x"},
            (("gone.py", "x", "y"), ("todo/store.py", "z = 9\n", "")),
            ("twice.py", "todo", "none.py"),
        )
    )
    assert [one.split(":")[0] for one in problems] == [
        "'/abs'",
        "'gone.py'",
        "'none.py'",
        "'todo'",
        "'todo/store.py'",
        "'twice.py'",
    ]
    assert "it is a folder" in problems[3]


def test_a_path_that_is_not_this_agents_is_refused_with_the_reason() -> None:
    result = apply(
        changeset({"tests/test_a.py": "x", "a.py": "y"}),
        TREE,
        may=lambda path: "the suite is locked" if path.startswith("tests/") else "",
    )
    assert result == Refused(problems=("'tests/test_a.py': the suite is locked",))


NFD = unicodedata.normalize("NFD", "é.py")


@pytest.mark.parametrize(
    ("files", "deletes", "offending"),
    [
        ({"readme.md": "x"}, (), ["readme.md"]),
        ({"Todo/x.py": "x"}, (), ["Todo/x.py"]),
        ({"é.py": "x", NFD: "y"}, (), [NFD, "é.py"]),
        ({"straße": "x", "STRASSE": "y"}, (), ["STRASSE", "straße"]),
        ({"todo": "x"}, (), ["todo"]),
        ({"README.md/x": "x"}, (), ["README.md/x"]),
        ({"a": "x", "a/b": "x"}, (), ["a", "a/b"]),
        ({"todo": "x"}, ("todo/store.py",), []),
        ({"readme.md": "x"}, ("README.md",), []),
        ({"README.md/x": "x"}, ("README.md",), []),
    ],
)
def test_two_names_that_cannot_stand_together_collide(
    files: dict[str, str], deletes: tuple[str, ...], offending: list[str]
) -> None:
    result = apply(changeset(files, deletes=deletes), TREE, may=anything)
    found = result.problems if isinstance(result, Refused) else ()
    assert sorted({one.split(": ")[0] for one in found}) == [repr(path) for path in offending]


def test_a_person_may_have_what_a_case_blind_disk_could_not() -> None:
    tree = Tree({"A/x.py": b"", "a/x.py": b""})
    assert "a/y.py" in applied(changeset({"a/y.py": "", "A/x.py": "new"}), tree)


def test_too_much_is_refused() -> None:
    many = changeset({f"f{number}": "" for number in range(MAX_FILES + 1)})
    assert f"{MAX_FILES + 1} files" in refused(many)[0]
    large = changeset({"large": "x" * (MAX_FILE_BYTES + 1)})
    assert refused(large)[0].startswith("'large': 1048577 bytes")
    edits = (("README.md", "# Todo\n", "# Todo\n"),) * (MAX_EDITS + 1)
    assert refused(changeset(edits=edits)) == (
        f"{MAX_EDITS + 1} edits are made at once; at most {MAX_EDITS} may be",
    )
    all_in_all = changeset({f"f{number}": "x" * MAX_FILE_BYTES for number in range(5)})
    assert refused(all_in_all) == (
        f"{5 * MAX_FILE_BYTES} bytes are written at once; at most {MAX_BYTES} may be",
    )


def test_an_edit_that_is_not_found_shows_the_nearest_lines() -> None:
    tree = Tree({"a.py": b"import os\n\ndef total(items):\n    return sum(items)\n\nprint(1)\n"})
    problem = refused(changeset(edits=(("a.py", "def total(item):\n    return 0\n", ""),)), tree)[0]
    assert "found 0 times" in problem
    assert "lines are 3-4:\ndef total(items):\n    return sum(items)" in problem


def test_an_edit_that_is_found_twice_names_the_places() -> None:
    tree = Tree({"a.py": b"x = 1\ny = 2\nx = 1\n"})
    problem = refused(changeset(edits=(("a.py", "x = 1\n", ""),)), tree)[0]
    assert "found 2 times (lines 1, 3)" in problem


@pytest.mark.parametrize(
    ("text", "remove", "add", "after"),
    [
        ("max = 1\nx = 1\n", "x = 1\n", "x = 2\n", "max = 1\nx = 2\n"),
        ("if a:\n    x = 1\n", "x = 1\n", "x = 2\n", "if a:\n    x = 2\n"),
        ("a\nb", "b\n", "c\n", "a\nc\n"),
        ("a\r\nb\r\n", "b\n", "c\nd\n", "a\r\nc\r\nd\r\n"),
        ("call(1, 2)\n", "1, 2", "3", "call(3)\n"),
        ("a\n", "a\n", "", ""),
    ],
)
def test_an_edit_fits_whole_lines(text: str, remove: str, add: str, after: str) -> None:
    tree = applied(changeset(edits=(("a", remove, add),)), Tree({"a": text.encode()}))
    assert tree["a"] == after.encode()


@pytest.mark.parametrize("remove", ["x = 1\n", "aa", "", "\n"])
def test_an_edit_never_fits_by_chance(remove: str) -> None:
    tree = Tree({"a": b"max = 1\naaa\n\n\n"})
    assert refused(changeset(edits=(("a", remove, "y"),)), tree)


def test_an_edit_may_follow_one_that_emptied_the_file() -> None:
    edits = (("a", "x\n", ""), ("a", "x\n", "y\n"))
    assert "found 0 times" in refused(changeset(edits=edits), Tree({"a": b"x\n"}))[0]


def test_bytes_that_are_not_text_are_neither_edited_nor_written() -> None:
    tree = Tree({"a.bin": b"\xff\x00"})
    assert "not UTF-8" in refused(changeset(edits=(("a.bin", "x", "y"),)), tree)[0]
    assert "surrogate" in refused(changeset({"a": "x\ud800"}))[0]


PATHS = st.sampled_from(
    ["a.py", "A.py", "a.py/b", "lib/x.py", "lib", "lib/y.py", "../up", ".git/x", "new/z.py"]
)
TEXTS = st.text(alphabet="ab\n", max_size=6)
CHANGES = st.builds(
    ChangeSet,
    files=st.lists(st.builds(NewFile, path=PATHS, content=TEXTS), max_size=3).map(tuple),
    edits=st.lists(st.builds(Edit, path=PATHS, remove=TEXTS, add=TEXTS), max_size=2).map(tuple),
    deletes=st.lists(PATHS, max_size=2).map(tuple),
)


@given(CHANGES, st.sets(PATHS))
def test_a_bundle_is_applied_whole_or_not_at_all(changes: ChangeSet, locked: set[str]) -> None:
    before = {"a.py": b"a\nb\n", "lib/x.py": b"ab\n"}
    tree = Tree(before)
    result = apply(changes, tree, may=lambda path: "locked" if path in locked else "")
    assert tree == before
    if isinstance(result, Refused):
        assert result.problems
        return
    assert not locked & set(changes.paths)
    assert not {"../up", ".git/x"} & result.keys()
    for file in changes.files:
        assert result[file.path] == file.content.encode()
    assert not set(changes.deletes) & result.keys()
    for path in before.keys() - set(changes.paths):
        assert result[path] == before[path]
    assert result.keys() <= before.keys() | set(changes.paths)


@given(st.text(alphabet=st.sampled_from("=-` \nabFILENDRMOV/.\r"), max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    parsed = parse(text)
    assert parsed.problems or not parsed.changes.empty or not parsed.complete


@given(st.lists(st.text(alphabet="ab =#\t", max_size=8), max_size=8))
def test_a_files_lines_come_out_as_they_went_in(lines: list[str]) -> None:
    content = "\n".join(lines).rstrip("\n")
    content = f"{content}\n" if content else ""
    answer = f"Here.\n=== FILE a.py ===\n{content}=== END ===\n"
    assert parse(answer).changes.files == (NewFile(path="a.py", content=content),)


def test_a_folder_that_git_would_take_for_a_repository_is_refused() -> None:
    parts = ("a/HEAD", "a/objects/x", "a/refs/x", "a/config")
    bare = ChangeSet(
        files=tuple(NewFile(path=path, content="x") for path in parts), edits=(), deletes=()
    )

    refused = apply(bare, Tree(), may=lambda _: "")
    assert isinstance(refused, Refused)
    assert refused.problems == ("'a/HEAD': makes its folder a git repository",)
    part = ChangeSet(files=bare.files[:2], edits=(), deletes=())
    assert not isinstance(apply(part, Tree(), may=lambda _: ""), Refused)
