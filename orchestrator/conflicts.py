"""What git could not merge, as Impl is shown and told it. No commit ids: they hold a clock."""

from collections.abc import Iterator
from typing import NamedTuple

from orchestrator.artifacts.tree import Tree
from orchestrator.changes.paths import collisions
from orchestrator.memory import is_test
from orchestrator.repo import Conflict, Merged

_MARKS = "The code shows both sides between conflict markers: keep the behaviour of both."
_KEEP = "Keep the behaviour of both."


class Side(NamedTuple):
    """What was merged, under the name that Impl knows it by."""

    name: str
    commit: str
    tree: Tree


def without_tests(merged: Merged, main: Side, own: Side) -> Merged:
    """Nobody may unite locked tests: main's stand, and a test module that both sides have stands
    under a second name as well. What is missing then, the verdict says.
    """
    tests = {path: _bare(path, main, own) for path in merged.conflicts if is_test(path)}
    kept: dict[str, bytes] = {}
    for path in tests.values():
        if path in main.tree:
            kept[path] = main.tree[path]
        if path in own.tree and (second := _second(path, own.name, is_taken=path in kept)):
            kept[second] = own.tree[path]
    return merged.model_copy(
        update={
            "tree": merged.tree.having(kept, frozenset(tests) - kept.keys()),
            "conflicts": tuple(one for one in merged.conflicts if one not in tests),
            "causes": tuple(one for one in merged.causes if one.paths[0] not in tests),
        }
    )


def shown(merged: Merged, main: Side, own: Side) -> Tree:
    """The conflicted tree, with names in its markers and in the paths that git made up."""
    gone = frozenset(merged.conflicts) & merged.tree.keys()
    marked: dict[str, bytes] = {}
    for path in gone:
        content = merged.tree[path]
        for side in (main, own):
            content = content.replace(side.commit.encode(), side.name.encode())
        marked[_named(path, main, own)] = content
    return merged.tree.having(marked, gone - marked.keys())


def told(merged: Merged, main: Side, own: Side) -> str:
    """One line that names the files, one for each conflict that markers cannot show, and what to
    do.
    """
    names = ", ".join(_named(path, main, own) for path in merged.conflicts)
    unmarked = {path for one in merged.causes if one.kind == "binary" for path in one.paths}
    lines = [
        _named(line, main, own)
        for one in merged.causes
        for line in _line(one, main, own)
        if one.kind != "contents" or unmarked.isdisjoint(one.paths)
    ]
    mark = f"<<<<<<< {main.commit}".encode()
    marks = any(mark in merged.tree.get(path, b"") for path in merged.conflicts)
    return "\n".join(
        (f"Merging into main conflicts in {names}.", *lines, _MARKS if marks else _KEEP)
    )


def twins(merged: Tree, main: Tree) -> str:
    """What is wrong with the names that would be new in main, "" when nothing is."""
    found = [f"{path}: {why}" for path, why in collisions(main, merged)]
    if not found:
        return ""
    return "\n".join(("Merged into main, two files have one name.", *found, "Rename one of them."))


def _named(text: str, main: Side, own: Side) -> str:
    return text.replace(main.commit, main.name).replace(own.commit, own.name)


def _bare(path: str, main: Side, own: Side) -> str:
    """The path without what git appends where a file and a folder want one name."""
    return path.removesuffix(f"~{main.commit}").removesuffix(f"~{own.commit}")


def _second(path: str, name: str, *, is_taken: bool) -> str:
    """Where the milestone's version of a test file goes, "" for nowhere."""
    if not is_taken:
        return path
    stem = path.removesuffix(".py")
    module = stem.rpartition("/")[2].startswith("test_") and stem != path
    return f"{stem}_{name.replace('-', '_')}.py" if module else ""


def _line(cause: Conflict, main: Side, own: Side) -> Iterator[str]:
    """Empty for what markers show."""
    path, *others = cause.paths
    old = others[0] if others else path
    bare = _bare(path, main, own)
    has, lacks = (main.name, own.name) if bare in main.tree else (own.name, main.name)
    match cause.kind:
        case "contents":
            return
        case "binary":
            yield f"{path}: it is no text; the code has the version of {main.name}."
        case "modify/delete":
            yield f"{bare}: changed in {has}, deleted in {lacks}; the code has it as {path}."
        case "rename/delete":
            yield f"{old}: renamed to {path} in {has}, deleted in {lacks}; the code has {path}."
        case "rename/rename" if len(others) > 1:
            first, second = (others[0], others[1])
            yield (
                f"{path}: renamed to {first} in {main.name} and to {second} in {own.name}; the "
                "code has both: keep one."
            )
        case "file/directory":
            yield f"{old}: a file in {has}, a folder in {lacks}; the code has the file as {path}."
        case "directory rename suggested":
            adder, mover = _adder(old, main, own)
            yield (
                f"{old}: added in {adder} to a folder that {mover} renamed; the code has it as "
                f"{path}."
            )
        case kind:
            yield f"{', '.join(cause.paths)}: {kind}."


def _adder(path: str, main: Side, own: Side) -> tuple[str, str]:
    return (main.name, own.name) if path in main.tree else (own.name, main.name)
