"""Environments: built once from a lock, kept by its hash, compared before they are used again."""

import asyncio
import hashlib
from contextlib import suppress
from pathlib import Path

from orchestrator.artifacts.values import Value
from orchestrator.errors import Missing
from orchestrator.sandbox.install import own
from orchestrator.scratch import scratch, sweep
from orchestrator.verify.environment.locking import failure
from orchestrator.verify.environment.sealing import anchors, digest, seal
from orchestrator.verify.environment.uv import Uv, compiled, described, run

RECIPE = "4"
"""Bump when an environment is built differently."""
ENV = "env"
HASH = "env.sha256"
"""What lies in the folder of a key: the environment and, beside it, its hash."""
_BUILDING, _REMOVED = ".building-", ".removed-"


class Built(Value):
    """An environment's folder, or one line that says why it cannot be built here."""

    path: Path | None
    error: str


async def build(lock_text: str, uv: Uv) -> Built:
    """The environment for `lock_text`: made once per lock, Python and recipe, then reused.

    One that is no longer what was built is removed and built anew. Raises Missing when the index
    cannot be reached or the disk refuses.
    """
    identity = "\0".join((RECIPE, await described(uv), lock_text))
    home = uv.cache / "environments" / hashlib.sha256(identity.encode()).hexdigest()[:32]
    try:
        for prefix in (_BUILDING, _REMOVED):
            await asyncio.to_thread(sweep, home.parent, prefix)
        while not await asyncio.to_thread(_kept, home, uv):
            if error := await _made(lock_text, home, uv):
                return Built(path=None, error=error)
    except OSError as failed:
        raise Missing(f"cannot build {home}: {failed}", "free space or mend the folder") from failed
    return Built(path=home / ENV, error="")


async def provide(lock_text: str, uv: Uv) -> Path:
    """As `build`. Raises Missing also when the lock cannot be installed on this machine."""
    built = await build(lock_text, uv)
    if built.path is None:
        raise Missing(f"the locked requirements cannot be installed: {built.error}", "lock again")
    return built.path


def _kept(home: Path, uv: Uv) -> bool:
    """Whether `home` is there and as it was built; what is not is taken away."""
    if not home.is_dir():
        return False
    if home not in uv.checked:
        if not _intact(home):
            _remove(home)
            return False
        uv.checked.add(home)
    return True


def _intact(home: Path) -> bool:
    try:
        return digest(home / ENV) == (home / HASH).read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return False


def _remove(home: Path) -> None:
    """Aside first: nobody shall find half of it under its name."""
    with (
        scratch(home.parent, _REMOVED) as aside,
        suppress(FileNotFoundError),  # another process was first
    ):
        home.rename(aside / "it")


async def _made(lock_text: str, home: Path, uv: Uv) -> str:
    """Builds and publishes; one line when that cannot be done for this lock."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with scratch(home.parent, _BUILDING) as temp:
        folder = temp.resolve()
        folder.chmod(0o755)
        build = folder / "build"
        if uv.sandbox == "bubblewrap":
            own(build, uv.cache)
        else:
            build.mkdir()
        error = await _installed(lock_text, build, uv)
        if not error and await asyncio.to_thread(_published, build / ENV, home):
            uv.checked.add(home)
        return error


async def _installed(lock_text: str, build: Path, uv: Uv) -> str:
    options = "--relocatable --no-project --python"
    ran = await run(uv, "venv", *options.split(), str(uv.base), "{build}/env", build=build)
    if ran.code or ran.killed_by:
        return failure(ran)
    before = anchors(build / ENV)
    options = "--require-hashes --only-binary :all: --no-deps --link-mode copy -r - --python"
    ran = await run(
        uv, "pip", "install", *options.split(), "{build}/env/bin/python",
        build=build, stdin=lock_text,
    )  # fmt: skip
    if ran.code or ran.killed_by:
        return failure(ran)
    await compiled(uv, build)
    if anchors(build / ENV) != before:
        return "a package replaces the environment's own Python"
    problem = await asyncio.to_thread(seal, build / ENV, uv.base)
    return f"a package is not what it should be: {problem}" if problem else ""


def _published(env: Path, home: Path) -> bool:
    """Puts `env` and its hash in place together; False when another process was first."""
    whole = env.parent.parent / "whole"
    whole.mkdir(mode=0o755)
    env.rename(whole / ENV)
    (whole / HASH).write_text(digest(whole / ENV), "ascii")
    try:
        whole.rename(home)
    except OSError:
        if not home.is_dir():
            raise
        return False
    return True
