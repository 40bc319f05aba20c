"""A person's folder: what is read of it, where its tests lie, and how it is changed on disk."""

import json
import os
import socket
import stat
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.artifacts.tree import Tree
from orchestrator.errors import Missing, Misuse
from orchestrator.project import applying, criteria, disk, reading, writing
from orchestrator.project.layout import layout
from tests.disk import small

CHECK = {
    "id": "any-1",
    "criterion": "M1-C1",
    "visibility": "held",
    "title": "",
    "steps": [
        {
            "kind": "command",
            "argv": ["2", "3"],
            "stdin": "",
            "exit_code": 0,
            "stdout": [{"how": "matches", "text": "5+"}],
            "stderr": [],
            "files": [],
        }
    ],
}
CLI = {"kind": "cli", "command": ["python", "-m", "app"], "module": "app"}
NFD = unicodedata.normalize("NFD", "é.py")
ONE = [{"id": "M1-C1", "text": "It adds."}]


def fill(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    return folder


def snapshot(folder: Path) -> dict[str, tuple[str, int, bytes]]:
    """Every name below `folder`, with what it is, its mode and its content."""
    found: dict[str, tuple[str, int, bytes]] = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        content = path.read_bytes() if stat.S_ISREG(mode) else b""
        kind = str(path.readlink()) if path.is_symlink() else str(stat.S_IFMT(mode))
        found[str(path.relative_to(folder))] = (kind, stat.S_IMODE(mode), content)
    return found


def blocks(**files: str) -> bytes:
    return "".join(
        f"=== FILE {path} ===\n{text}\n=== END ===\n" for path, text in files.items()
    ).encode()


def bundle(
    files: dict[str, str] | None = None, deletes: tuple[str, ...] = (), edits: tuple[str, ...] = ()
) -> bytes:
    return json.dumps(
        {
            "files": [{"path": path, "content": text} for path, text in (files or {}).items()],
            "edits": [{"path": path, "remove": "x\n", "add": "y\n"} for path in edits],
            "deletes": list(deletes),
        }
    ).encode()


# reading


def test_regular_files_are_read_and_everything_else_is_named(tmp_path: Path) -> None:
    folder = fill(
        tmp_path / "p",
        {
            "a.py": "a",
            "sub/.gitignore": "*\n",
            "sub/b.txt": "b",
            ".git/config": "x",
            "sub/.gitattributes": "x",
            ".venv/x.py": "x",
            "env/pyvenv.cfg": "x",
            "sub/env/mine.py": "mine",
            "sub/__pycache__/a.pyc": "x",
            "old.pyc": "x",
        },
    )
    secret = fill(tmp_path, {"secret/key": "seen"}) / "secret"
    (folder / "link").symlink_to(secret / "key")
    (folder / "out").symlink_to(secret)
    os.link(folder / "a.py", folder / "again.py")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "sock"))
    found = reading.read(folder)
    assert found.tree == {
        "a.py": b"a",
        "again.py": b"a",
        "sub/.gitignore": b"*\n",
        "sub/b.txt": b"b",
        "sub/env/mine.py": b"mine",
    }
    assert found.refused == ()
    left = {one.path: one.why for one in found.left_out}
    assert left.keys() == {
        *(".git", ".venv", "env", "link", "out", "pipe", "sock", "old.pyc"),
        *("sub/.gitattributes", "sub/__pycache__"),
    }
    assert left["pipe"] == "a pipe"
    assert left["link"] == left["out"] == "a link, not followed"


def test_a_folder_may_be_named_through_a_link(tmp_path: Path) -> None:
    fill(tmp_path, {"p/a.py": "a"})
    (tmp_path / "link").symlink_to(tmp_path / "p")
    assert reading.read(tmp_path / "link").tree == {"a.py": b"a"}


def test_what_may_not_be_read_is_left_out(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    folder = fill(tmp_path, {"a.py": "a", "b.py": "b"})
    (folder / "b.py").chmod(0)
    found = reading.read(folder)
    assert list(found.tree) == ["a.py"]
    assert [str(one) for one in found.left_out] == ["b.py: Permission denied"]


def test_every_name_that_no_project_may_have_is_named_on_a_line_of_its_own(tmp_path: Path) -> None:
    names = [b"a\nb", b"\xff.py", b"con.txt", b"c:d", b".GIT", b"git~1", b"x ", "\u202ex".encode()]
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("x")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b.pyc")).write_text("x")
    fill(tmp_path, {"a:b/inner.py": "x", "ok.py": "x"})
    found = reading.read(tmp_path)
    assert list(found.tree) == ["ok.py"]
    assert len(found.refused) == len(names) + 1
    assert all(line.isprintable() for line in found.refused)
    assert all(str(one).isprintable() for one in found.left_out)


def test_a_deep_tree_ends_with_a_name_that_is_too_long(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(150):
        folder = folder / "d"
        folder.mkdir()
    found = reading.read(tmp_path)
    assert len(found.refused) == 1
    assert "201 bytes" in found.refused[0]


def sized(folder: Path, name: str, size: int) -> None:
    (folder / name).touch()
    os.truncate(folder / name, size)


@pytest.mark.parametrize(
    ("make", "count", "said"),
    [
        (lambda path: sized(path, "", reading.MOST_FILE_BYTES + 1), 1, "of more than 16 MiB"),
        (lambda path: sized(path, "", reading.MOST_FILE_BYTES), 5, "more than 64 MiB"),
        (Path.touch, reading.MOST_FILES + 1, "more than 5000 files"),
        (Path.mkdir, reading.MOST_ENTRIES + 1, "more than 20000 files and folders"),
    ],
)
def test_too_much_is_refused_with_the_number(
    tmp_path: Path, make: Callable[[Path], object], count: int, said: str
) -> None:
    for number in range(count):
        make(tmp_path / f"f{number}")
    with pytest.raises(Misuse) as refused:
        reading.read(tmp_path)
    assert said in refused.value.message
    assert refused.value.remedy


@pytest.mark.parametrize("name", ["absent", "file", "nul\0"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misuse, match="cannot read the folder"):
        reading.read(tmp_path / name)


# layout


@pytest.mark.parametrize(
    ("paths", "tests", "sources"),
    [
        (("app.py", "tests/test_a.py", "conftest.py"), ("tests/", "conftest.py"), ("",)),
        (("app.py", "test/a_test.py"), ("test/",), ("",)),
        (("app.py", "tests/data.py", "test/test_a.py"), ("test/",), ("",)),
        (
            ("a/b.py", "a/tests/deep/test/x.py", "test_b.py", "a/c_test.py", "a/conftest.py"),
            ("a/tests/", "a/c_test.py", "a/conftest.py", "test_b.py"),
            ("",),
        ),
        (("src/app/core.py", "tests/test_a.py"), ("tests/",), ("src", "")),
        (("src/data.txt", "app.py"), ("tests/",), ("",)),
        ((), ("tests/",), ("",)),
    ],
)
def test_tests_and_sources_are_found_where_projects_keep_them(
    paths: tuple[str, ...], tests: tuple[str, ...], sources: tuple[str, ...]
) -> None:
    found = layout(Tree(dict.fromkeys(paths, b"")))
    assert (found.tests, found.sources) == (tests, sources)


def test_src_is_a_package_where_it_is_imported() -> None:
    tree = Tree(
        {"src/core.py": b"x = 1\n", "tests/test_a.py": b"if 1:\n    from src import core\n"}
    )
    assert layout(tree).sources == ("",)


# criteria


def contract(tmp_path: Path, content: object) -> criteria.Contract:
    path = tmp_path / "criteria.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return criteria.read(path)


def test_a_contract_is_read_with_ids_of_ones_own(tmp_path: Path) -> None:
    found = contract(tmp_path, {"launch": CLI, "criteria": ONE, "checks": [CHECK]})
    assert found.checks[0].id == "any-1"
    assert found.launch is not None
    assert contract(tmp_path, {"launch": None}) == criteria.NOTHING


def without(key: str) -> dict[str, object]:
    return {name: value for name, value in CHECK.items() if name != key}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[", "the file: Invalid JSON"),
        ([], "the file: "),
        ({"criteria": [{"id": "M1-C1"}]}, "criteria.0.text: Field required"),
        ({"launch": {**CLI, "kind": "gui"}}, "launch.kind: "),
        ({"launch": {**CLI, "command": ["node", "x"]}}, "launch.command"),
        ({"launch": CLI, "checks": [without("title")]}, "checks.0.title: Field required"),
        ({"wrong": 1}, "wrong: Extra inputs"),
        ({"launch": CLI, "checks": [CHECK]}, "'any-1' names criterion 'M1-C1'"),
        ({"criteria": ONE, "checks": [CHECK]}, "launch: is null"),
        ({"criteria": ONE + ONE}, "'M1-C1' is listed 2 times"),
        ({"criteria": [{"id": "first", "text": ""}]}, "'first' is not of the form"),
        ({"launch": CLI, "criteria": ONE, "checks": [CHECK, CHECK]}, "'any-1' is used 2 times"),
        (
            {
                "launch": CLI,
                "criteria": ONE,
                "checks": [json.loads(json.dumps(CHECK).replace("5+", "(5"))],
            },
            "not a regular expression",
        ),
        ({"launch": CLI, "criteria": ONE, "checks": [{**CHECK, "steps": []}]}, "it has no steps"),
    ],
)
def test_a_contract_that_decides_nothing_is_refused_by_field(
    tmp_path: Path, content: object, said: str
) -> None:
    with pytest.raises(Misuse) as refused:
        contract(tmp_path, content)
    assert said in refused.value.message


# changing


def test_a_change_is_written_with_the_modes_of_what_was_there(tmp_path: Path) -> None:
    folder = fill(tmp_path, {"run.sh": "x\n", "pkg/old.py": "x\n", "pkg/sub/only.py": "x\n"})
    (folder / "run.sh").chmod(0o4750)
    (folder / "other").mkdir()
    os.link(folder / "run.sh", folder / "other" / "name")
    done = applying.apply(
        bundle({"new/deep/a.py": "a\n"}, ("pkg/old.py", "pkg/sub/only.py"), ("run.sh",)), folder
    )
    assert done.problems == ()
    assert done.written == ("new/deep/a.py", "run.sh")
    assert done.deleted == ("pkg/old.py", "pkg/sub/only.py")
    assert {path: found[2] for path, found in snapshot(folder).items() if found[2]} == {
        "new/deep/a.py": b"a\n",
        "run.sh": b"y\n",
        "other/name": b"x\n",
    }
    assert stat.S_IMODE((folder / "run.sh").stat().st_mode) == 0o750
    assert not (folder / "pkg").exists()


def links(folder: Path) -> None:
    fill(folder, {"../outside/a.py": "x\n"})
    (folder / "out").symlink_to(folder / "../outside")
    (folder / "leaf.py").symlink_to(folder / "../outside/a.py")
    (folder / "dangling.py").symlink_to(folder / "../outside/none.py")


@pytest.mark.parametrize(
    ("answer", "offending"),
    [
        (bundle({"out/b.py": "", "ok.py": "", "leaf.py": ""}), ["leaf.py", "out/b.py"]),
        (bundle({"dangling.py": ""}), ["dangling.py"]),
        (bundle({"pipe": "", "sub": "", "a.py/b": ""}), ["a.py/b", "pipe", "sub"]),
        (bundle(deletes=("leaf.py", "sub")), ["leaf.py", "sub"]),
        (bundle(edits=("leaf.py",)), ["leaf.py"]),
        (bundle({".git/hooks/x": "", ".gitattributes": "", "b/.gitmodules": ""}), [
            ".git/hooks/x", ".gitattributes", "b/.gitmodules"]),
        (bundle({"/abs": "", "../up": "", "nul": "", "a\0": "", "ok.py": ""}), [
            "../up", "/abs", "a\0", "nul"]),
        (bundle({"tests/test_a.py": "", "pkg/conftest.py": "", "pytest.ini": ""}), [
            "pkg/conftest.py", "pytest.ini", "tests/test_a.py"]),
        (bundle({".venv/x.pth": "", "env/x.pth": "", "x.pyc": "", "node_modules/x.js": ""}), [
            ".venv/x.pth", "env/x.pth", "node_modules/x.js", "x.pyc"]),
        (bundle({"A.py": "", "Sub/x.py": "", "PIPE": ""}), ["A.py", "PIPE", "Sub/x.py"]),
        (bundle({NFD: "", "../up": "", "json.py": ""}), ["../up", "json.py", NFD]),
        (bundle({"NODE_MODULES/x.py": ""}), ["NODE_MODULES/x.py"]),
    ],
)  # fmt: skip
def test_a_bundle_with_a_path_that_may_not_be_is_refused_whole(
    tmp_path: Path, answer: bytes, offending: list[str]
) -> None:
    folder = fill(
        tmp_path / "p",
        {
            "a.py": "x\n",
            "sub/b.py": "x\n",
            "é.py": "x\n",
            "env/pyvenv.cfg": "",
            "node_modules/x.js": "x\n",
            ".git/config": "x\n",
        },
    )
    links(folder)
    os.mkfifo(folder / "pipe")
    before = snapshot(tmp_path)
    done = applying.apply(answer, folder)
    assert not done.written
    assert sorted({one.split(": ")[0] for one in done.problems}) == sorted(map(repr, offending))
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"I would rather not.", "no block"),
        (b"=== FILE a.py ===\nx = ", "cut off"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"files": [{"path": "a.py"}]}', "files.0.content: Field required"),
        (b'{"files": [', "Invalid JSON"),
        (b'{"mode": "0777"}', "mode: Extra inputs"),
        (b'{"files": ' + b"[" * 10_000, "Invalid JSON"),
        (bundle({"a.py": "x\n"}), "changes nothing"),
        (b"{}", "changes nothing"),
        (b"#" * (applying.MOST_ANSWER_BYTES + 1), "more than"),
        (bundle({"requirements.txt": "-e .\n"}), "requirements.txt line 1"),
        (bundle({"json.py": ""}), "shadows the module json"),
    ],
)
def test_an_answer_that_is_no_change_is_refused(tmp_path: Path, answer: bytes, said: str) -> None:
    fill(tmp_path, {"a.py": "x\n"})
    before = snapshot(tmp_path)
    done = applying.apply(answer, tmp_path)
    assert any(said in one for one in done.problems), done
    assert snapshot(tmp_path) == before


def test_every_offending_path_is_named_beside_a_broken_block(tmp_path: Path) -> None:
    answer = b"=== FILE ../up ===\nx\n=== END ===\n=== EDIT a.py ===\nx\n=== END ===\n"
    problems = applying.apply(answer, tmp_path).problems
    assert any("does not start with" in one for one in problems)
    assert any(one.startswith("'../up'") for one in problems)


def test_what_was_wrong_before_is_not_held_against_a_change(tmp_path: Path) -> None:
    fill(tmp_path, {"requirements.txt": "-e .\n", "a.py": "x\n"})
    assert applying.apply(bundle(edits=("a.py",)), tmp_path).written == ("a.py",)


def test_a_file_may_take_another_spelling(tmp_path: Path) -> None:
    fill(tmp_path, {"README.md": "x\n"})
    assert applying.apply(bundle({"readme.md": "y\n"}, ("README.md",)), tmp_path).problems == ()
    assert snapshot(tmp_path).keys() == {"readme.md"}


@pytest.mark.parametrize("name", [".git", ".git/hooks", ".GIT"])
def test_gits_own_folder_is_no_project(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    with pytest.raises(Misuse, match="belongs to git"):
        applying.apply(bundle({"a.py": "x\n"}), tmp_path / name)
    assert not list((tmp_path / name).iterdir())


def test_a_disk_that_is_full_midway_leaves_everything_as_it_was(tmp_path: Path) -> None:
    with small(tmp_path / "disk", 1) as folder:
        fill(folder, {"a.py": "x\n", "b.py": "x\n"})
        before = snapshot(folder)
        answer = bundle(
            {f"new/f{number}": "y" * 400_000 for number in range(4)}, ("b.py",), ("a.py",)
        )
        with pytest.raises(Missing, match=r"No space left on device \(nothing changed\)"):
            applying.apply(answer, folder)
        assert snapshot(folder) == before


def test_what_was_already_in_its_place_is_put_back(tmp_path: Path) -> None:
    fill(tmp_path, {"a.py": "x\n", "b.py": "x\n", "c/d.py": "x\n"})
    before = snapshot(tmp_path)
    with reading.opened(tmp_path) as root:
        work = disk.Disk(root)
        with suppress(FileNotFoundError), work:
            for place in [work.stage("a.py", b"y"), work.stage("new/deep/e.py", b"y")]:
                place()
            work.remove("c/d.py")
            work.prune("c/d.py")
            assert snapshot(tmp_path) != before
            work.remove("gone.py")
            raise AssertionError("it removed what is not there")
    assert work.lost == []
    assert snapshot(tmp_path) == before


def test_what_became_a_link_since_it_was_read_is_not_written_through(tmp_path: Path) -> None:
    folder = fill(tmp_path / "p", {"a.py": "x\n", "sub/b.py": "x\n"})
    before = reading.read(folder).tree
    changes = writing.differences(before, before.having({"a.py": b"y", "sub/b.py": b"y"}))
    fill(tmp_path / "outside", {"b.py": "x\n"})
    for path in ("a.py", "sub/b.py"):
        (folder / path).unlink()
    (folder / "sub").rmdir()
    (folder / "sub").symlink_to(tmp_path / "outside")
    (folder / "a.py").symlink_to(tmp_path / "outside/b.py")
    seen = snapshot(tmp_path)
    problems = writing.write(folder, changes)
    assert problems == ("'a.py': is a link", "'sub/b.py': 'sub' is a link, not a folder")
    assert snapshot(tmp_path) == seen
