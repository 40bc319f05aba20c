"""The Python behind an environment: where its installation lies, and how to show it read-only."""

import hashlib
import os
import shutil
from pathlib import Path

from orchestrator.artifacts.values import Value
from orchestrator.errors import Missing
from orchestrator.scratch import scratch, sweep

_NOT_COPIED = shutil.ignore_patterns("site-packages", "test", "idlelib", "turtledemo", "config-*")

_COPYING = ".copying-"
_MOVE = "move the cache below folders with mode 0755, or do not run as root"


class Installation(Value):
    """`parts` are (source, name inside) of folders to bind; `links` are (name inside, target)."""

    parts: tuple[tuple[Path, Path], ...] = ()
    links: tuple[tuple[Path, Path], ...] = ()


def installation(environment: Path, cache: Path, *, uid: int | None) -> Installation:
    """What must be visible beside `environment` and /usr for its bin/python to run.

    Only an installation's bin and lib are shown. One that the user `uid` cannot reach, such as
    root's own, is copied once into `cache`.

    Raises Missing when there is no interpreter, or `uid` cannot reach `environment` itself.
    """
    real = (environment / "bin/python").resolve()
    if not real.is_file():
        raise Missing(f"{environment} has no bin/python", f"remove {environment} and run again")
    if not reachable(environment, uid):
        raise Missing(
            f"another user cannot reach {environment}, and root's rights are dropped", _MOVE
        )
    prefix = real.parent.parent
    if _below(prefix, environment.resolve()) or _below(prefix, Path("/usr")):
        return Installation(links=_links(environment, real))
    return Installation(parts=_parts(real, cache, uid=uid), links=_links(environment, real))


def base(python: Path, cache: Path, *, uid: int | None) -> Installation:
    """What must be visible beside /usr for the interpreter `python`, with every link resolved, to
    run there under its own name. See `installation`. Raises Missing.
    """
    if _below(python, Path("/usr")):
        return Installation()
    return Installation(parts=_parts(python, cache, uid=uid))


def _parts(real: Path, cache: Path, *, uid: int | None) -> tuple[tuple[Path, Path], ...]:
    prefix = real.parent.parent
    source = prefix if reachable(real, uid) else _copied(real, cache, uid=uid)
    return tuple((source / part, prefix / part) for part in ("bin", "lib"))


def reachable(path: Path, uid: int | None) -> bool:
    """Whether the user we become may pass every folder above `path`. None is to stay who we are."""
    return uid is None or all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def _links(environment: Path, real: Path) -> tuple[tuple[Path, Path], ...]:
    """Every other name by which bin/python and pyvenv.cfg lead to `real`."""
    prefix = real.parent.parent
    names = [*_hops(environment / "bin/python"), *_home(environment)]
    links: dict[Path, Path] = {}
    for name in names:
        if any(_below(name, seen) for seen in (environment, prefix, Path("/usr"), Path("/bin"))):
            continue
        alias = name.parent.parent
        if alias.resolve() == prefix:
            links[alias] = prefix
        elif name.resolve() == real:
            links[name] = real
    return tuple(links.items())


def _hops(link: Path) -> list[Path]:
    hops: list[Path] = []
    while link.is_symlink():
        link = Path(os.path.normpath(link.parent / link.readlink()))
        hops.append(link)
    return hops


def _home(environment: Path) -> list[Path]:
    """A name in the `home` of pyvenv.cfg, from which Python finds its library."""
    config = environment / "pyvenv.cfg"
    lines = config.read_text("utf-8").splitlines() if config.is_file() else []
    pairs = [line.partition("=") for line in lines]
    return [Path(value.strip(), "python3") for key, _, value in pairs if key.strip() == "home"]


def _below(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def _copied(real: Path, cache: Path, *, uid: int | None) -> Path:
    """A copy of the installation of `real` without its packages; made once, then shared."""
    stat = real.stat()
    identity = hashlib.sha256(f"{real}:{stat.st_size}:{stat.st_mtime_ns}".encode()).hexdigest()
    target = cache / "pythons" / identity[:16]
    if not reachable(cache / "pythons", uid):
        raise Missing(f"another user cannot reach {cache}, and root's rights are dropped", _MOVE)
    sweep(target.parent, _COPYING)
    if target.is_dir():
        return target
    target.parent.mkdir(exist_ok=True)
    target.parent.chmod(0o755)
    with scratch(target.parent, _COPYING) as folder:
        copy = folder / "python"
        prefix = real.parent.parent
        for part in (Path("bin"), Path("lib")):
            (copy / part).mkdir(parents=True)
            (copy / part).chmod(0o755)
            for found in (prefix / part).glob("*python*" if part.name == "bin" else "*"):
                _copy(found, copy / part / found.name)
        copy.chmod(0o755)
        os.sync()  # nobody compares the copy later; it is thousands of files, once per machine
        try:
            copy.rename(target)
        except OSError:
            if not target.is_dir():  # another process was first
                raise
    return target


def _copy(found: Path, target: Path) -> None:
    """The standard library and the shared libraries beside it; nothing else of a `lib`."""
    if found.is_dir() and not found.is_symlink():
        if (found / "os.py").is_file():
            shutil.copytree(found, target, symlinks=True, ignore=_NOT_COPIED)
    elif found.parent.name == "bin" or ".so" in found.suffixes:
        shutil.copy2(found, target, follow_symlinks=False)
