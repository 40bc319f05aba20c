"""The product's repository: reproducible commits, a main that only moves forward, a person's edits
untouched. Real git throughout.
"""

import asyncio
import os
import random
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.artifacts.tree import Tree
from orchestrator.errors import Changed, Missing
from orchestrator.repo import Repo, inside, usable
from orchestrator.repo.git import AT_ONCE, Git
from tests.disk import small

GIT = Path(shutil.which("git") or "/usr/bin/git")
AT = "2026-01-02T03:04:05Z"
SCAFFOLD = Tree({".gitignore": b"*.pyc\nignored/\n", "src/a.py": b"one\ntwo\nthree\n"})
FIRST = "1d24a3070e5d2aed8a52551f01b64cd40fe95d0a"
"""The scaffold's commit, wherever and whenever it is made."""


def repo_in(folder: Path) -> Repo:
    return Repo(folder, git=GIT, lock_fd=None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "product"


@pytest.fixture
def repo(folder: Path) -> Repo:
    made = repo_in(folder)
    asyncio.run(made.create(SCAFFOLD, at=AT))
    return made


def main_of(repo: Repo) -> str:
    return asyncio.run(repo.main())


def child(repo: Repo, parent: str, changed: dict[str, bytes], without: tuple[str, ...] = ()) -> str:
    """A commit of `parent`'s tree with changes."""

    async def make() -> str:
        tree = (await repo.read(parent)).having(changed, frozenset(without))
        return await repo.commit(tree, parents=(parent,), message="A step", at=AT)

    return asyncio.run(make())


def person(folder: Path, *arguments: str) -> str:
    """A person's git, with a name and nothing else of the machine's."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={
            "PATH": os.defpath,
            "HOME": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "user.name",
            "GIT_CONFIG_VALUE_0": "Ann",
            "GIT_CONFIG_KEY_1": "user.email",
            "GIT_CONFIG_VALUE_1": "ann@localhost",
        },
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip()


def objects_of(folder: Path) -> set[str]:
    return {path.name for path in (folder / ".git" / "objects").rglob("*") if path.is_file()}


def test_a_new_product_is_a_clean_checkout_of_its_scaffold(folder: Path, repo: Repo) -> None:
    first = main_of(repo)
    assert first == FIRST
    assert asyncio.run(repo.read(first)) == SCAFFOLD
    assert (folder / "src/a.py").read_bytes() == SCAFFOLD["src/a.py"]
    assert person(folder, "status", "--porcelain") == ""
    assert person(folder, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert person(folder, "log", "--format=%an <%ae> %cn <%ce> %ad %cd", "--date=iso") == (
        "milestone orchestrator <orchestrator@localhost> "
        "milestone orchestrator <orchestrator@localhost> "
        "2026-01-02 03:04:05 +0000 2026-01-02 03:04:05 +0000"
    )
    assert person(folder, "fsck", "--strict", "--no-dangling") == ""
    assert asyncio.run(repo.create(SCAFFOLD, at=AT)) == first


def build(folder: Path) -> tuple[str, ...]:
    """A little history with a merge: all of its hashes."""
    tree = Tree({".gitattributes": b"*.txt eol=crlf\n*.md export-ignore\n", ".gitignore": b"*\n"})

    async def make() -> tuple[str, ...]:
        repo = repo_in(folder)
        first = await repo.create(tree, at=AT)
        odd = tree.having({"a b/\u00e9\"q'.txt": b"x\n", "r.md": b"\xff\r\n\0", "empty": b""})
        left = await repo.commit(odd, parents=(first,), message="Left\n\n", at=AT)
        right = await repo.commit(
            tree.having({"z.py": b"z"}), parents=(first,), message="R\u00fcck", at=AT
        )
        merged = await repo.merge(left, right)
        assert merged.conflicts == ()
        both = await repo.commit(merged.tree, parents=(left, right), message="Both", at=AT)
        assert await repo.read(both) == odd.having({"z.py": b"z"})
        bare = await repo.commit(Tree(), parents=(both,), message="Nothing", at="2026-01-01")
        assert await repo.read(bare) == Tree()
        return first, left, right, both, bare

    return asyncio.run(make())


def test_the_same_work_has_the_same_hashes_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = build(tmp_path / "plain")
    home = tmp_path / "home"
    hooks = home / "hooks"
    hooks.mkdir(parents=True)
    for name in ("reference-transaction", "post-checkout", "pre-commit", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {home}/ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    (home / "attributes").write_text("* text eol=crlf\n*.py merge=union\n")
    (home / ".gitconfig").write_text(
        f"[core]\nhooksPath={hooks}\nautocrlf=true\nattributesFile={home}/attributes\n"
        f"[commit]\ngpgSign=true\n[user]\nname=Eve\n[init]\ntemplateDir={home}\n"
        "defaultBranch=trunk\n[i18n]\ncommitEncoding=latin1\n[diff]\nrenames=false\n"
    )
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "ignore").write_text("*\n")
    for name, value in {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "GIT_DIR": str(tmp_path / "elsewhere"),
        "GIT_WORK_TREE": str(tmp_path),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "objects"),
        "GIT_AUTHOR_NAME": "Eve",
        "GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z",
        "GIT_TEMPLATE_DIR": str(home),
        "TZ": "Asia/Tokyo",
        "LC_ALL": "de_DE.UTF-8",
    }.items():
        monkeypatch.setenv(name, value)
    assert build(tmp_path / "hostile") == plain
    assert not (home / "ran").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "hostile", "plain"]


def test_making_a_commit_again_adds_nothing(folder: Path, repo: Repo) -> None:
    made = child(repo, main_of(repo), {"b.py": b"b"})
    before = objects_of(folder)
    assert child(repo_in(folder), main_of(repo), {"b.py": b"b"}) == made
    assert objects_of(folder) == before


def test_no_ref_moves_by_a_commit_or_a_merge(folder: Path, repo: Repo) -> None:
    refs = person(folder, "for-each-ref")
    first = main_of(repo)
    left, right = child(repo, first, {"l": b"l"}), child(repo, first, {"r": b"r"})
    asyncio.run(repo.merge(left, right))
    assert person(folder, "for-each-ref") == refs
    left = (folder / ".git/orchestrator/refs").rglob("*")
    assert not [path for path in left if path.is_file()]


def test_a_branch_is_made_and_moved(folder: Path, repo: Repo) -> None:
    first = main_of(repo)
    second = child(repo, first, {"b": b"b"})
    asyncio.run(repo.branch("milestone/one", second))
    assert person(folder, "rev-parse", "milestone/one") == second
    third = child(repo, second, {"c": b"c"})
    for commit in (third, second, first):
        asyncio.run(repo.branch("milestone/one", commit))
        assert person(folder, "rev-parse", "milestone/one") == third
    assert person(folder, "tag") == ""


def test_what_a_branch_leaves_behind_is_kept_by_a_tag(folder: Path, repo: Repo) -> None:
    first = main_of(repo)
    best = child(repo, first, {"x": b"x"})
    last = child(repo, best, {"y": b"y"})
    other = child(repo, best, {"o": b"o"})
    tags = [f"attempt/one/{commit[:12]}" for commit in (last, other)]
    asyncio.run(repo.branch("milestone/one", last))
    asyncio.run(repo.settle("milestone/one", best))
    assert person(folder, "rev-parse", "milestone/one", tags[0]).split() == [best, last]
    asyncio.run(repo.branch("milestone/one", last))
    assert person(folder, "rev-parse", "milestone/one") == best, "its tag has it"
    asyncio.run(repo.branch("milestone/one", other))
    assert person(folder, "rev-parse", "milestone/one") == other
    asyncio.run(repo.settle("milestone/one", last))
    assert person(folder, "rev-parse", "milestone/one") == last
    assert person(folder, "tag").split() == [tags[1], "best/one"], "none that the branch has itself"
    assert person(folder, "rev-parse", "best/one") == last
    assert person(folder, "fsck", "--unreachable", "--no-reflogs") == ""


def test_a_branch_is_removed_only_when_main_has_it(folder: Path, repo: Repo) -> None:
    first = main_of(repo)
    one, other = child(repo, first, {"b": b"b"}), child(repo, first, {"c": b"c"})
    asyncio.run(repo.branch("milestone/one", other))
    asyncio.run(repo.settle("milestone/one", one))
    asyncio.run(repo.retire("milestone/one"))
    assert person(folder, "rev-parse", "milestone/one") == one
    asyncio.run(repo.advance(first, one))
    person(folder, "worktree", "add", "-q", "../elsewhere", "milestone/one")
    asyncio.run(repo.retire("milestone/one"))
    assert person(folder, "rev-parse", "milestone/one") == one, "somebody works there"
    person(folder, "worktree", "remove", "../elsewhere")
    asyncio.run(repo.retire("milestone/one"))
    asyncio.run(repo.retire("milestone/one"))
    assert person(folder, "branch", "--format=%(refname:short)") == "main"
    assert person(folder, "rev-parse", f"attempt/one/{other[:12]}") == other
    asyncio.run(repo.branch("milestone/one", one))
    assert person(folder, "branch", "--format=%(refname:short)") == "main", "main has it"


def test_main_moves_forward_only(repo: Repo) -> None:
    first = main_of(repo)
    second = child(repo, first, {"b": b"b"})
    third = child(repo, second, {"c": b"c"})
    other = child(repo, first, {"o": b"o"})
    asyncio.run(repo.advance(first, second))
    asyncio.run(repo.advance(second, third))
    for old, new in ((first, second), (second, third), (third, third)):
        asyncio.run(repo.advance(old, new))
        assert main_of(repo) == third
    with pytest.raises(Changed, match="somebody moved it") as caught:
        asyncio.run(repo.advance(first, other))
    assert caught.value.exit_code == 3
    with pytest.raises(ValueError, match="does not come after"):
        asyncio.run(repo.advance(third, other))
    assert main_of(repo) == third


def test_two_who_advance_at_once_do_not_both_win(repo: Repo) -> None:
    first = main_of(repo)
    rivals = [child(repo, first, {"who": b"%d" % number}) for number in range(4)]

    async def race() -> list[BaseException | None]:
        return await asyncio.gather(
            *(repo.advance(first, one) for one in rivals), return_exceptions=True
        )

    results = asyncio.run(race())
    winners = [one for one, result in zip(rivals, results, strict=True) if result is None]
    assert winners == [main_of(repo)]
    assert sum(isinstance(result, Changed) for result in results) == 3


def test_ancestry(repo: Repo) -> None:
    first = main_of(repo)
    second = child(repo, first, {"b": b"b"})
    assert asyncio.run(repo.is_ancestor(first, second))
    assert asyncio.run(repo.is_ancestor(first, first))
    assert not asyncio.run(repo.is_ancestor(second, first))


@pytest.mark.parametrize(
    ("left", "right", "conflicts"),
    [
        ({"src/a.py": b"one\nLEFT\nthree\n"}, {"src/a.py": b"one\nRIGHT\nthree\n"}, ("src/a.py",)),
        ({"new.py": b"left\n"}, {"new.py": b"right\n"}, ("new.py",)),
        ({"src/a.py": b"one\nLEFT\nthree\n"}, None, ("src/a.py",)),
        (None, {"src/a.py": b"one\nRIGHT\nthree\n"}, ("src/a.py",)),
        ({"src/a.py": b"ONE\ntwo\nthree\n", "l": b""}, {"r": b""}, ()),
        ({"new.py": b"same\n"}, {"new.py": b"same\n"}, ()),
        (None, None, ()),
    ],
)
def test_a_merge_tells_its_conflicts(
    repo: Repo,
    left: dict[str, bytes] | None,
    right: dict[str, bytes] | None,
    conflicts: tuple[str, ...],
) -> None:
    first = main_of(repo)
    ours, theirs = (
        child(repo, first, side or {}, () if side else ("src/a.py",)) for side in (left, right)
    )
    merged = asyncio.run(repo.merge(ours, theirs))
    assert merged.conflicts == conflicts
    for path in conflicts:
        marked = merged.tree[path]
        if left and right:
            assert f"<<<<<<< {ours}".encode() in marked
            assert left[path].splitlines()[-2 if path != "new.py" else 0] in marked
            assert right[path].splitlines()[-2 if path != "new.py" else 0] in marked
        else:
            assert marked == ((left or {}) | (right or {}))[path]


def test_nothing_in_the_products_folder_changes_a_merge(folder: Path, repo: Repo) -> None:
    """Attributes and configuration there are a person's or an agent's."""
    first = main_of(repo)
    ours = child(repo, first, {"src/a.py": b"one\nLEFT\nthree\n"})
    theirs = child(repo, first, {"src/a.py": b"one\nRIGHT\nthree\n"})
    before = asyncio.run(repo.merge(ours, theirs))
    (folder / ".gitattributes").write_text("*.py merge=union\n")
    (folder / ".git/info").mkdir(exist_ok=True)
    (folder / ".git/info/attributes").write_text("*.py merge=union\n")
    person(folder, "config", "merge.conflictStyle", "diff3")
    person(folder, "add", ".gitattributes")
    assert asyncio.run(repo_in(folder).merge(ours, theirs)) == before
    assert before.conflicts == ("src/a.py",)


def test_the_folder_follows_main_only_when_told(folder: Path, repo: Repo) -> None:
    first = main_of(repo)
    second = child(repo, first, {"lib/b.py": b"b", "src/a.py": b"new\n"})
    third = child(repo, second, {"src": b"a file now\n"}, ("src/a.py", "lib/b.py"))
    (folder / "ignored").mkdir()
    (folder / "notes.txt").write_text("mine")
    for old, new in ((first, second), (second, third)):
        asyncio.run(repo.advance(old, new))
        assert asyncio.run(repo.dirty()) == ()
    assert (folder / "src/a.py").read_bytes() == SCAFFOLD["src/a.py"]
    asyncio.run(repo.checkout())
    assert (folder / "src").read_bytes() == b"a file now\n"
    assert not (folder / "lib").exists()
    assert (folder / "notes.txt").read_text() == "mine"
    assert person(folder, "status", "--porcelain") == "?? notes.txt"
    fourth = child(repo, third, {"src/a.py": b"back\n"}, ("src",))
    asyncio.run(repo.advance(third, fourth))
    asyncio.run(repo.checkout())
    asyncio.run(repo.checkout())
    assert person(folder, "status", "--porcelain") == "?? notes.txt"
    assert (folder / "src/a.py").read_bytes() == b"back\n"


def rewrite(folder: Path) -> None:
    (folder / "src/a.py").write_text("mine\n")


def stage_and_take_back(folder: Path) -> None:
    rewrite(folder)
    person(folder, "add", "src/a.py")
    (folder / "src/a.py").write_bytes(SCAFFOLD["src/a.py"])


def link(folder: Path) -> None:
    (folder / "src").rename(folder / "elsewhere")
    (folder / "src").symlink_to("elsewhere")


def stage_a_new_file(folder: Path) -> None:
    (folder / "mine.py").write_text("mine\n")
    person(folder, "add", "mine.py")


def stand_in_the_way(folder: Path) -> None:
    (folder / "lib.py").write_text("mine\n")


def stand_in_the_way_as_a_folder(folder: Path) -> None:
    (folder / "lib.py").mkdir()
    (folder / "lib.py" / "mine").write_text("mine\n")


@pytest.mark.parametrize(
    ("edit", "path"),
    [
        (rewrite, "src/a.py"),
        (lambda folder: (folder / "src/a.py").unlink(), "src/a.py"),
        (lambda folder: person(folder, "rm", "-qf", "src/a.py"), "src/a.py"),
        (stage_and_take_back, "src/a.py"),
        (stage_a_new_file, "mine.py"),
        (link, "src/a.py"),
        (stand_in_the_way, "lib.py"),
        (stand_in_the_way_as_a_folder, "lib.py"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_persons_edit_is_never_overwritten(
    folder: Path, repo: Repo, edit: Callable[[Path], object], path: str, when: str
) -> None:
    """Whether it was made before or after main moved on."""
    first = main_of(repo)
    second = child(repo, first, {"src/a.py": b"theirs\n", "lib.py": b"lib\n"})
    if when == "before":
        edit(folder)
    asyncio.run(repo.advance(first, second))
    if when == "after":
        edit(folder)
    before = {
        one: one.read_bytes()
        for one in folder.rglob("*")
        if ".git" not in one.parts and one.is_file()
    }
    index = person(folder, "ls-files", "--stage")
    assert asyncio.run(repo.dirty()) == (path,)
    with pytest.raises(Changed, match=path) as caught:
        asyncio.run(repo.checkout())
    assert caught.value.exit_code == 3
    after = {
        one: one.read_bytes()
        for one in folder.rglob("*")
        if ".git" not in one.parts and one.is_file()
    }
    assert after == before
    assert person(folder, "ls-files", "--stage") == index


def test_a_persons_commit_on_main_is_where_their_folder_is(folder: Path, repo: Repo) -> None:
    first = main_of(repo)
    rewrite(folder)
    person(folder, "commit", "-qam", "Mine")
    theirs = main_of(repo)
    assert theirs != first
    assert asyncio.run(repo.dirty()) == ()
    with pytest.raises(Changed, match="somebody moved it"):
        asyncio.run(repo.advance(first, child(repo, first, {"x": b"x"})))
    asyncio.run(repo.advance(theirs, child(repo, theirs, {"x": b"x"})))
    assert asyncio.run(repo.dirty()) == ()
    asyncio.run(repo.checkout())
    assert person(folder, "status", "--porcelain") == ""
    assert (folder / "src/a.py").read_text() == "mine\n"
    assert (folder / "x").read_bytes() == b"x"


def test_another_branch_is_not_touched(folder: Path, repo: Repo) -> None:
    person(folder, "switch", "-qc", "topic")
    rewrite(folder)
    first = main_of(repo)
    asyncio.run(repo.advance(first, child(repo, first, {"x": b"x"})))
    assert asyncio.run(repo.dirty()) == ()
    with pytest.raises(Changed, match="topic"):
        asyncio.run(repo.checkout())
    person(folder, "checkout", "-q", "--", ".")
    person(folder, "switch", "-q", "main")
    asyncio.run(repo.checkout())
    assert person(folder, "status", "--porcelain") == ""


def test_an_existing_repository_begins_clean(folder: Path) -> None:
    folder.mkdir()
    person(folder, "init", "-q", "-b", "main")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "dos.txt").write_bytes(b"a\r\nb\r\n")
    (folder / ".gitattributes").write_text("*.txt text eol=crlf\n")
    person(folder, "add", ".")
    person(folder, "commit", "-qm", "Theirs")
    repo = repo_in(folder)
    first = main_of(repo)
    assert asyncio.run(repo.dirty()) == ()
    second = child(repo, first, {"run.sh": b"#!/bin/sh\necho\n", "dos.txt": b"c\n"})
    asyncio.run(repo.advance(first, second))
    assert asyncio.run(repo.dirty()) == ()
    asyncio.run(repo.checkout())
    assert person(folder, "status", "--porcelain") == ""
    assert (folder / "run.sh").stat().st_mode & stat.S_IXUSR
    with pytest.raises(Changed, match="is a repository already"):
        asyncio.run(repo.create(SCAFFOLD, at=AT))


def test_a_link_in_a_persons_commit_is_named(folder: Path, repo: Repo) -> None:
    (folder / "link").symlink_to("src")
    person(folder, "add", "link")
    person(folder, "commit", "-qm", "Link")
    with pytest.raises(Changed, match=r"'link'.*symbolic link"):
        asyncio.run(repo.read(main_of(repo)))


def test_a_submodule_in_a_persons_commit_is_named(folder: Path, repo: Repo) -> None:
    person(folder, "update-index", "--add", "--cacheinfo", f"160000,{main_of(repo)},sub")
    person(folder, "commit", "-qm", "Sub")
    with pytest.raises(Changed, match=r"'sub'.*submodule"):
        asyncio.run(repo.read(main_of(repo)))


def test_a_commit_that_is_not_there_is_missing(repo: Repo) -> None:
    with pytest.raises(Missing, match="ls-tree failed"):
        asyncio.run(repo.read("1" * 40))


@pytest.mark.parametrize("further", [False, True])
def test_a_killed_checkout_is_done_again(folder: Path, repo: Repo, further: bool) -> None:
    """Some files are written, the index is locked, and main may have moved on since."""
    first = main_of(repo)
    last = child(repo, first, {"src/a.py": b"new\n", "b.py": b"b", "c.py": b"c"})
    asyncio.run(repo.advance(first, last))
    state = (folder / ".git/orchestrator/checkout").read_text()
    (folder / ".git/orchestrator/checkout").write_text(
        state.replace(f'"shows":["{first}"]', f'"shows":["{first}","{last}"]')
    )
    (folder / "src/a.py").write_bytes(b"new\n")
    (folder / "b.py").write_bytes(b"b")
    (folder / ".git/index.lock").touch()
    (folder / ".git/orchestrator/indexing").touch()
    (folder / ".git/orchestrator/tmp-x").write_text("torn")
    again = repo_in(folder)
    again.clean()
    if further:
        newest = child(again, last, {"src/a.py": b"newest\n"}, ("b.py",))
        asyncio.run(again.advance(last, newest))
    assert asyncio.run(again.dirty()) == ()
    asyncio.run(again.checkout())
    assert person(folder, "status", "--porcelain") == ""
    assert (folder / "src/a.py").read_bytes() == (b"newest\n" if further else b"new\n")


def test_a_held_index_is_waited_for(folder: Path, repo: Repo) -> None:
    first = main_of(repo)
    asyncio.run(repo.advance(first, child(repo, first, {"b.py": b"b"})))
    lock = folder / ".git/index.lock"
    lock.touch()

    async def run() -> None:
        task = asyncio.create_task(repo.checkout())
        mark = folder / ".git/orchestrator/indexing"
        while not mark.exists():
            await asyncio.sleep(0)
        assert not task.done()
        lock.unlink()
        await task

    asyncio.run(run())
    assert person(folder, "status", "--porcelain") == ""


def test_a_persons_index_lock_is_theirs(folder: Path, repo: Repo) -> None:
    lock = folder / ".git/index.lock"
    lock.touch()
    repo.clean()
    assert lock.exists()


def test_a_killed_init_is_begun_again(folder: Path) -> None:
    half = folder / ".git.new" / ".git"
    half.mkdir(parents=True)
    (half / "HEAD").write_text("ref: ref")
    first = asyncio.run(repo_in(folder).create(SCAFFOLD, at=AT))
    assert person(folder, "rev-parse", "main") == first
    assert not (folder / ".git.new").exists()


@pytest.mark.parametrize("lost", ["main", "index", "files", "own", "everything"])
def test_a_create_that_was_killed_later_is_finished(folder: Path, repo: Repo, lost: str) -> None:
    first = main_of(repo)
    if lost in ("main", "everything"):
        (folder / ".git/refs/heads/main").unlink()
    if lost in ("index", "everything", "main"):
        (folder / ".git/index").unlink()
        (folder / ".git/orchestrator/checkout").write_text(f'{{"shows":[""],"moved":["{first}"]}}')
    if lost in ("files", "everything", "main"):
        shutil.rmtree(folder / "src")
        (folder / ".git/index").unlink(missing_ok=True)
        (folder / ".git/orchestrator/checkout").write_text(f'{{"shows":[""],"moved":["{first}"]}}')
    if lost in ("own", "everything"):
        shutil.rmtree(folder / ".git/orchestrator")
    again = repo_in(folder)
    again.clean()
    assert asyncio.run(again.create(SCAFFOLD, at=AT)) == first
    if lost != "own":
        assert person(folder, "status", "--porcelain") == ""


def test_what_killed_gits_leave_is_cleaned(folder: Path, repo: Repo) -> None:
    git = folder / ".git"
    commit = child(repo, main_of(repo), {"b": b"b"})
    (git / "objects/ab").mkdir(exist_ok=True)
    rubbish = [
        *("HEAD.lock", "packed-refs.lock", "refs/heads/main.lock", "objects/ab/tmp_obj_x1"),
        *("objects/pack/tmp_pack_y", f"objects/ab/{'0' * 38}", "orchestrator/fast_import_crash_1"),
    ]
    for name in rubbish:
        (git / name).touch()
    with pytest.raises(Missing, match="update-ref"):
        asyncio.run(repo.advance(main_of(repo), commit))
    repo.clean()
    assert [name for name in rubbish if (git / name).exists()] == []
    asyncio.run(repo.advance(main_of(repo), commit))
    assert main_of(repo) == commit


def test_cleaning_where_nothing_is_creates_nothing(folder: Path) -> None:
    repo_in(folder).clean()
    assert not folder.exists()


def test_a_repository_around_a_folder_is_found(tmp_path: Path, folder: Path, repo: Repo) -> None:
    assert asyncio.run(inside(folder / "src" / "not" / "there", git=GIT)) == str(folder)
    assert asyncio.run(inside(folder, git=GIT)) == str(folder)
    assert asyncio.run(inside(folder / ".git" / "refs", git=GIT)) == str(folder / ".git")
    assert asyncio.run(inside(tmp_path, git=GIT)) == ""
    assert main_of(repo)
    os.chown(folder / ".git", 12345, 12345)
    os.chown(folder, 12345, 12345)
    assert asyncio.run(inside(folder / "src", git=GIT)) == str(folder)
    assert main_of(repo)


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_git_must_be_there_and_new_enough(tmp_path: Path, folder: Path) -> None:
    assert asyncio.run(usable(GIT))[0].isdigit()
    with pytest.raises(Missing, match=r"nowhere/git.*install git 2\.38"):
        asyncio.run(usable(tmp_path / "nowhere" / "git"))
    old = script(tmp_path / "old", "echo git version 2.37.9")
    with pytest.raises(Missing, match=r"2\.37\.9.*install git 2\.38"):
        asyncio.run(Repo(folder, git=old, lock_fd=None).create(SCAFFOLD, at=AT))
    assert not folder.exists()


def test_a_git_process_has_its_own_session_and_the_runs_lock(tmp_path: Path) -> None:
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    spy = script(
        tmp_path / "git",
        f"cut -d' ' -f6 /proc/$$/stat; echo $$; readlink /proc/$$/fd/{lock}; env | sort",
    )
    ran = asyncio.run(Git(spy, lock_fd=lock, cwd=tmp_path).run("version"))
    os.close(lock)
    session, pid, held, *env = ran.out.decode().splitlines()
    assert session == pid
    assert held == str(tmp_path / "lock")
    assert "GIT_CONFIG_GLOBAL=/dev/null" in env
    assert not [one for one in env if one.startswith(("USER=", "ANTHROPIC", "VIRTUAL_ENV"))]


def test_a_cancelled_git_is_awaited_to_its_end(tmp_path: Path) -> None:
    started, go, done = (tmp_path / name for name in ("started", "go", "done"))
    os.mkfifo(started)
    os.mkfifo(go)
    slow = script(tmp_path / "git", f"echo > {started}; read x < {go}; touch {done}")

    async def run() -> None:
        task = asyncio.create_task(Git(slow, lock_fd=None, cwd=tmp_path).run("gc"))
        await asyncio.to_thread(started.read_bytes)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        await asyncio.to_thread(go.write_text, "\n")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done.exists()

    asyncio.run(run())


def test_only_so_many_gits_run_at_once(tmp_path: Path) -> None:
    """Each says how many have begun and not ended, itself included."""
    busy = script(
        tmp_path / "git",
        f"touch {tmp_path}/run-$$; ls {tmp_path} | grep -c run-; sleep 0.05; rm {tmp_path}/run-$$",
    )

    async def run() -> list[int]:
        git = Git(busy, lock_fd=None, cwd=tmp_path)
        return [int(one.out) for one in await asyncio.gather(*(git.run("x") for _ in range(16)))]

    counts = asyncio.run(run())
    assert max(counts) <= AT_ONCE


def test_fifty_commits_at_once_are_all_made(repo: Repo) -> None:
    first = main_of(repo)

    async def make(number: int) -> Tree:
        tree = SCAFFOLD.having({"n": b"%d" % number})
        return await repo.read(await repo.commit(tree, parents=(first,), message="n", at=AT))

    async def run() -> list[Tree]:
        return await asyncio.gather(*(make(number) for number in range(50)))

    assert [tree["n"] for tree in asyncio.run(run())] == [b"%d" % n for n in range(50)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    with small(tmp_path / "disk", 1) as folder:
        yield folder


def test_a_full_disk_stops_and_nothing_is_broken(small_disk: Path) -> None:
    folder = small_disk / "product"
    repo = repo_in(folder)
    first = asyncio.run(repo.create(SCAFFOLD, at=AT))
    noise = random.Random(1).randbytes(2 * 1024 * 1024)
    with pytest.raises(Missing, match=r"No space left.*free space") as caught:
        child(repo, first, {"large": noise})
    assert caught.value.exit_code == 3
    repo.clean()
    second = child(repo, first, {"large": noise[: 600 * 1024]})
    asyncio.run(repo.advance(first, second))
    with pytest.raises(Missing, match=r"No space left.*free space"):
        asyncio.run(repo.checkout())
    again = repo_in(folder)
    again.clean()
    assert asyncio.run(again.dirty()) == ()
    assert main_of(again) == second
