"""What this machine and this installation offer: programs, folders, a sandbox that works."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import ruff  # pyright: ignore[reportMissingTypeStubs]
import uv

from orchestrator.errors import Missing
from orchestrator.sandbox import Sandbox
from orchestrator.sandbox.bubblewrap import Bubblewrap
from orchestrator.sandbox.namespace import reap
from orchestrator.sandbox.probe import probe
from orchestrator.sandbox.process import Process
from orchestrator.settings import Settings
from orchestrator.verify import Verifier, environment
from orchestrator.verify.environment import Uv

PACKAGE = Path(__file__).parent


def data(kind: str) -> tuple[Path, Path]:
    """Where `kind` (prompts, templates, examples) lies: in the wheel, or in a checkout."""
    return PACKAGE / "_data" / kind, PACKAGE.parent / kind


def shipped(kind: str) -> Path:
    """The first of `data(kind)` that exists. Raises Missing."""
    for path in data(kind):
        if path.is_dir():
            return path
    raise Missing(f"the installed package has no {kind}", "reinstall milestone-orchestrator")


def python() -> Path:
    return Path(sys.executable).resolve()


def sandbox(chosen: Settings, place: Path) -> Sandbox:
    return Bubblewrap(place) if chosen.sandbox == "bubblewrap" else Process()


def verifier(chosen: Settings, env: Mapping[str, str]) -> Verifier:
    """Verifies on this machine, in the chosen sandbox and within its limits. Raises Missing."""
    place = cache(env)
    return Verifier(
        sandbox(chosen, place),
        limits=chosen.limits,
        cache=place,
        uv=uv_program(),
        ruff=ruff_program(),
        python=python(),
        env=env,
    )


def uv_program() -> Path:
    return Path(uv.find_uv_bin())


def ruff_program() -> Path:
    return Path(ruff.find_ruff_bin())


async def probed(chosen: Settings, env: Mapping[str, str]) -> None:
    """Returns when git and the chosen sandbox work here; before anything is paid for. Raises
    Missing.
    """
    git(env)
    place = cache(env)
    if chosen.sandbox == "bubblewrap":
        reap()
    await probe(sandbox(chosen, place), await environment.provide("", uv_of(chosen, env)))


def uv_of(chosen: Settings, env: Mapping[str, str]) -> Uv:
    """uv on this machine, in the install sandbox that goes with the chosen one. Raises Missing."""
    return Uv(
        program=uv_program(),
        python=python(),
        cache=cache(env),
        env=env,
        sandbox=chosen.sandbox,
    )


def cache(env: Mapping[str, str]) -> Path:
    """Environments and verification copies, where an unprivileged user can reach them. Raises
    Missing.
    """
    path = Path("/var/cache/milestone-orchestrator") if os.geteuid() == 0 else _own_cache(env)
    try:
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise Missing(f"cannot write {path}: {error.strerror}", "set XDG_CACHE_HOME") from error
    return path


def endpoints(env: Mapping[str, str]) -> Path:
    """The file on what each endpoint accepts."""
    return _own_cache(env) / "endpoints.json"


def _own_cache(env: Mapping[str, str]) -> Path:
    home = env.get("XDG_CACHE_HOME") or str(Path(env.get("HOME") or "~").expanduser() / ".cache")
    return Path(home) / "milestone-orchestrator"


def git(env: Mapping[str, str]) -> Path:
    found = shutil.which("git", path=env.get("PATH"))
    if found is None:
        raise Missing("git is not installed", "install it, for example: apt-get install git")
    return Path(found)
