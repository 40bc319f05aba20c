"""Which paths a project may have, wherever it is checked out."""

import re
import unicodedata
from collections.abc import Iterator

from orchestrator.artifacts.tree import Tree

MAX_PATH_BYTES = 200
_GIT_FILES = frozenset({".gitignore", ".gitkeep"})
"""They decide nothing here: what is committed and what is verified is always the whole Tree."""
_GIT_RULES = {
    ".gitattributes": "rewrites files as git checks them out",
    ".gitmodules": "has git fetch other repositories",
}
_BARE = ("objects", "refs")
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"}
)
_WINDOWS = frozenset('<>:"|?*')
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def malformed(path: str) -> str:
    """Why no project may have a file of this name, "" when it may."""
    if not path:
        return "the path is empty"
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "the path is absolute; name it from the project's folder"
    if "\\" in path:
        return "the path has a backslash; folders are separated by '/'"
    if (size := len(path.encode("utf-8", "surrogatepass"))) > MAX_PATH_BYTES:
        return f"the path has {size} bytes; at most {MAX_PATH_BYTES} may be"
    for character in path:
        if unicodedata.category(character) in _UNSEEN:
            return f"the path has the unprintable character {character!r}"
        if character in _WINDOWS:
            return f"the path has {character!r}, which Windows does not allow"
    return next((reason for part in path.split("/") if (reason := _bad_part(part))), "")


def _bad_part(part: str) -> str:
    if not part:
        return "the path has an empty segment"
    if part in (".", ".."):
        return f"the path has the segment {part!r}"
    if part[-1] in ". ":
        return f"the segment {part!r} ends with {part[-1]!r}"
    folded = fold(part)
    if folded in _GIT_RULES:
        return f"{part!r} {_GIT_RULES[folded]}"
    if (folded.startswith(".git") and part not in _GIT_FILES) or folded.startswith("git~"):
        return f"{part!r} belongs to git"
    if folded.split(".")[0].rstrip() in _RESERVED:
        return f"{part!r} is a reserved name on Windows"
    return ""


def fold(text: str) -> str:
    """Equal for names that some file system takes for one: by case or by Unicode form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def collisions(before: Tree, after: Tree) -> Iterator[tuple[str, str]]:
    """Each path that is new in `after` and cannot stand there, and why. What a person put side by
    side in `before` is theirs.
    """
    known = {name for path in before for name in (path, *_folders(path))}
    folders = {folder for path in after for folder in _folders(path)}
    spellings: dict[str, set[str]] = {}
    for name in (*after, *folders):
        spellings.setdefault(fold(name), set()).add(name)
    for path in sorted(after.keys() - before.keys()):
        if path in folders:
            yield path, "there is a folder of this name"
        for folder in _folders(path):
            if folder in after:
                yield path, f"{folder!r} is a file, not a folder"
        for name in (*_folders(path), path):
            for other in sorted(spellings[fold(name)] - {name}) if name not in known else ():
                yield path, f"{name!r} and {other!r} are one name on some file systems"


def repositories(before: Tree, after: Tree) -> Iterator[tuple[str, str]]:
    """Each new path that makes its folder look like a git repository: git would obey its config."""
    names = {fold(path) for path in after}
    for path in sorted(after.keys() - before.keys()):
        folder, _, name = path.rpartition("/")
        start = fold(f"{folder}/" if folder else "")
        inner = [any(one.startswith(f"{start}{part}/") for one in names) for part in _BARE]
        if fold(name) == "head" and all(inner):
            yield path, "makes its folder a git repository"


def _folders(path: str) -> tuple[str, ...]:
    return tuple(path[:at] for at, character in enumerate(path) if character == "/" and at)
