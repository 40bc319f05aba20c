"""Rules for the paths of a ChangeSet, taken away one by one, through the whole of `apply`."""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator import changes
from orchestrator.agents import impl
from orchestrator.changes import paths
from orchestrator.errors import Stop
from orchestrator.project import applying, disk, reading, writing
from tests.hostile.ablation.row import Case, Measured, Place
from tests.hostile.ablation.weakened import patched
from tests.hostile.probing import GOOD

Values = tuple[tuple[Any, str, object], ...]


def _proof(
    bundle: Mapping[str, object], away: Values, behind: Values | None = None
) -> Callable[[Place], Measured]:
    """What `apply` writes or deletes of `bundle`."""

    def measure(place: Place) -> Measured:
        def tried(values: Values, name: str) -> tuple[str, ...]:
            folder = place.base / name / "project"
            for path, text in GOOD.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text)
            (folder / "out").symlink_to(place.base)
            answer = json.dumps({"files": [], "edits": [], "deletes": [], **bundle})
            with patched(values):
                try:
                    done = applying.apply(answer.encode(), folder)
                except (Stop, OSError, ValueError) as error:
                    print(name, repr(error))
                    return ()
            print(name, done.problems)
            there = [path for path in done.written if os.path.lexists(folder / path)]
            return tuple(f"wrote {path!a}" for path in there)

        both = tried((*away, *behind), "both") if behind is not None else None
        return Measured(tried((), "in-place"), tried(away, "without"), both)

    return measure


def _let_through(*parts: str) -> Values:
    """Paths that are refused for a reason with one of `parts` are not."""

    def malformed(path: str) -> str:
        reason = paths.malformed(path)
        return "" if any(part in reason for part in parts) else reason

    return ((changes, "malformed", malformed),)


def _files(*names: str, text: str = "hostile\n") -> dict[str, object]:
    return {"files": [{"path": name, "content": text} for name in names]}


def _case(
    protection: str,
    bundle: Mapping[str, object],
    away: Values,
    *,
    behind: Values | None = None,
    **more: Any,
) -> Case:
    named = [one["path"] for one in bundle.get("files", ())][:2]  # type: ignore[index,attr-defined]
    return Case(
        part="names",
        protection=protection,
        away=str(more.pop("how", "not refused")),
        project=f"a bundle with {named!a}"[:60],
        measure=_proof(bundle, away, behind),
        sign=str(more.pop("sign", "wrote")),
        **more,
    )


def _nothing(*_: object) -> tuple[()]:
    return ()


_BELOW = "every path is opened below the folder: it lands within the project"
_SYSTEM = "the system itself refuses such a name"
_READ: dict[str, Any] = {
    "behind": ((reading, "not_ours", lambda _: ""),),
    "layer": "what is left out when the folder is read",
}

CASES: tuple[Case, ...] = (
    _case("no absolute path", _files("/tmp/x"), _let_through("absolute"), why_not=_BELOW),
    _case("no drive", _files("C:x"), _let_through("absolute", "':'")),
    _case("no '..'", _files("../x"), _let_through("segment '..'"), quick=True),
    _case("no backslash", _files("..\\x"), _let_through("backslash")),
    _case("no empty segment", _files("a//b"), _let_through("empty segment"), why_not=_SYSTEM),
    _case("no control characters", _files("a\x1b[2Jb"), _let_through("unprintable")),
    _case("no NUL", _files("a\0b"), _let_through("unprintable"), why_not=_SYSTEM),
    _case("no characters of Windows", _files("a|b"), _let_through("Windows does not")),
    _case("no reserved names", _files("NUL.py"), _let_through("reserved")),
    _case("no trailing dot or space", _files("a."), _let_through("ends with")),
    _case("no long path", _files("a" * 201), _let_through("bytes; at most")),
    _case("no .git", _files(".git/hooks/x"), _let_through("belongs to git"), **_READ),
    _case("no .gitattributes", _files(".gitattributes"), _let_through("rewrites"), **_READ),
    _case("no .gitmodules", _files(".gitmodules"), _let_through("fetch"), **_READ),
    _case(
        "no git repository in disguise",
        _files("a/HEAD", "a/objects/x", "a/refs/x", "a/config"),
        ((changes, "repositories", _nothing),),
    ),
    _case(
        "no two names that are one",
        _files("a/new.py", "a/New.py"),
        ((changes, "collisions", _nothing),),
    ),
    _case(
        "no file over a folder",
        _files("app"),
        ((changes, "collisions", _nothing),),
        behind=((writing, "obstacle", lambda *_: ""),),
        layer="obstacles on the disk",
    ),
    _case(
        "at most 200 files",
        _files(*(f"a/{n}.py" for n in range(201))),
        ((changes, "MAX_FILES", 1000),),
    ),
    _case(
        "at most 1 MiB in a file",
        _files("a.txt", text="x" * (1 << 20) + "y"),
        ((changes, "MAX_FILE_BYTES", 1 << 30),),
    ),
    _case(
        "at most 4 MiB in all",
        _files(*(f"{n}.txt" for n in range(5)), text="x" * 900_000),
        ((changes, "MAX_BYTES", 1 << 30),),
    ),
    _case(
        "nothing through a link",
        _files("out/x"),
        ((writing, "obstacle", lambda *_: ""),),
        behind=(
            (applying._Rule, "_left_out", lambda *_: ""),
            (disk, "FOLDER", os.O_RDONLY | os.O_DIRECTORY),
        ),
        layer="links are left out when read; no folder is opened through one",
        how="obstacles on the disk not looked for",
    ),
    _case(
        "Impl's locks: tests",
        _files("tests/test_adder.py", text="def test_a():\n    pass\n"),
        ((applying, "may_implement", lambda _: ""),),
    ),
    _case(
        "Impl's locks: what decides how tests run",
        _files("conftest.py", "pytest.ini", text=""),
        ((applying, "may_implement", lambda _: ""),),
    ),
    _case(
        "no shadowing module",
        _files("random.py", text=""),
        ((applying, "shadowing", _nothing),),
        behind=((impl, "shadowing", _nothing),),
        layer="objections to the whole tree",
    ),
)
