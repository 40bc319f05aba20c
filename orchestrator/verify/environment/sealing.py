"""A built environment becomes ours: owned, read-only, hashed. Nothing in it is followed or run."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

HOOK = "orchestrate_hooks.pth"
HOOKS = (
    'import os; exec(\'for p in filter(None, os.environ.get("ORCHESTRATE_HOOKS", "").split(":")):'
    '\\n with open(p) as f: c = f.read()\\n exec(compile(c, p, "exec"), {"__name__": "hook"})\')\n'
)
"""A .pth line: every Python of the environment first runs the scripts that ORCHESTRATE_HOOKS names:
tools/measure.py while a suite is measured, tools/clock.py once a check has moved the clock."""


def anchors(env: Path) -> tuple[str, ...]:
    """What decides which interpreter an environment is: pyvenv.cfg and the links of bin/python."""
    found = [_content(env / "pyvenv.cfg")]
    for name in ("python", "python3"):
        link = env / "bin" / name
        found.append(str(link.readlink()) if link.is_symlink() else "")
    return tuple(found)


def seal(env: Path, base: Path) -> str:
    """Makes every entry of `env` ours, other users' to read and nobody's to write, and adds the
    hook; or says in one line why what is in it may not be used.

    `base` is the interpreter, the only thing outside that a link may lead to. Whoever built `env`
    is gone: nothing changes meanwhile. Raises OSError.
    """
    for path, status in _entries(env):
        if problem := _problem(path, status, env=env, base=base):
            return f"{path.relative_to(env).as_posix()!r} {problem}"
        if os.geteuid() == 0:
            os.chown(path, 0, 0, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            path.chmod(0o755)
        elif stat.S_ISREG(status.st_mode):
            path.chmod(0o555 if status.st_mode & 0o111 else 0o444)
    for packages in env.glob("lib/python*/site-packages"):
        hook = packages / HOOK
        with hook.open("x", encoding="utf-8") as file:
            file.write(HOOKS)
        hook.chmod(0o444)
    return ""


def digest(env: Path) -> str:
    """SHA-256 over path, mode and content or target of every entry, hexadecimal. Raises OSError."""
    state = hashlib.sha256()
    for path, status in sorted(_entries(env)):
        kind, content = "other", b""
        if stat.S_ISREG(status.st_mode):
            kind, content = "file", _hashed(path)
        elif stat.S_ISLNK(status.st_mode):
            kind, content = "link", os.fsencode(path.readlink())
        elif stat.S_ISDIR(status.st_mode):
            kind = "folder"
        name = os.fsencode(path.relative_to(env))
        state.update(b"%d:%s:%o:%s:" % (len(name), name, status.st_mode, kind.encode()))
        state.update(b"%d:%s" % (len(content), content))
    return state.hexdigest()


def _entries(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """`folder` and everything below it, as it lies there: links are entries, never followed."""
    yield folder, folder.lstat()
    open_ends = [folder]
    while open_ends:
        with os.scandir(open_ends.pop()) as entries:
            for entry in entries:
                path, status = Path(entry.path), entry.stat(follow_symlinks=False)
                yield path, status
                if stat.S_ISDIR(status.st_mode):
                    open_ends.append(path)


def _problem(path: Path, status: os.stat_result, *, env: Path, base: Path) -> str:
    if path.name == HOOK:
        return "has a name that is ours"
    if stat.S_ISLNK(status.st_mode):
        led = Path(os.path.realpath(path))
        inside = led.is_relative_to(env.resolve()) and not path.readlink().is_absolute()
        interpreter = led == base and path.parent == env / "bin"
        return "" if inside or interpreter else "is a link that leaves the environment"
    if stat.S_ISREG(status.st_mode):
        return "has other names, outside of the environment" if status.st_nlink > 1 else ""
    return "" if stat.S_ISDIR(status.st_mode) else "is no file, folder or link"


def _hashed(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _content(path: Path) -> str:
    regular = stat.S_ISREG(path.lstat().st_mode)
    return path.read_text("utf-8", "replace") if regular else ""
