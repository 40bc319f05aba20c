"""The install sandbox: the network and the index's packages, and nothing of the host or a project.

What runs in it is ours (uv, the base interpreter); what it unpacks is anybody's.
"""

import asyncio
import math
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.errors import Missing
from orchestrator.sandbox import Command, ExecResult, seccomp
from orchestrator.sandbox.interpreter import Installation, base, reachable
from orchestrator.sandbox.mounts import ETC, WORK, Mounts, install, mount
from orchestrator.sandbox.namespace import SAY_READY, SEPARATE, dropped, located, run

UV = "/uv"
CACHE = "/cache"
BUILD = "/build"
"""Names inside: uv, its cache, and the folder that is built."""

_ENTER = f'{SAY_READY}exec "$@"'
_ADDRESS_SPACE_MIB = 8192
_LARGEST_FILE_MIB = 2048
_TRUST = ("pki/tls/certs", "pki/ca-trust/extracted", "ca-certificates/extracted")
"""Certificates of systems that keep them elsewhere than in /etc/ssl/certs."""
_BY_FILE = {"SSL_CERT_FILE": "/certificates.pem", "NETRC": "/netrc"}
"""Variables that name a file: inside, a copy under this name."""


class Errand(Value):
    """What to run there: `argv` with the names inside. `env` is the whole environment.

    `uv` and `python` (every link resolved) are shown read-only, python under its own path. `cache`
    and `build`, which `own` made, are the only folders that can be written.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    stdin: bytes = b""
    uv: Path
    python: Path
    cache: Path
    build: Path | None
    seconds: float
    memory_mib: int
    processes: int
    output_kib: int


class InstallSandbox:
    """Runs errands in new namespaces, but for the network's, as nobody. `cache` is as for
    Bubblewrap; `program` is bubblewrap's name or path.
    """

    def __init__(self, cache: Path, *, program: str = "bwrap") -> None:
        self._cache = cache
        self._program = program

    async def exec(self, errand: Errand) -> ExecResult:
        """Runs `errand` to its end or its limit; no process of it survives the return.

        Raises Missing when bubblewrap is not there or does not start.
        """
        program = located(self._program)
        python = await asyncio.to_thread(base, errand.python, self._cache, uid=dropped())
        env, files = _carried(errand.env)

        def fill(mounts: Mounts) -> None:
            mount(mounts, Tree(), environment=None, tools=None, etc=_etc())
            for name in _TRUST:
                if Path("/etc", name).is_dir():
                    mounts.add("--ro-bind", f"/etc/{name}", f"/etc/{name}")
            _place(mounts, errand, python)
            for inside, content in files.items():
                mounts.add_file(content, inside)
            mounts.add("--remount-ro", "/", "--chdir", WORK)
            mounts.add("--seccomp", str(mounts.open(seccomp.program(platform.machine()))), "--")
            mounts.add(*_limits(errand), "sh", "-c", _ENTER, "sandbox", *errand.argv)

        # The variables go through bubblewrap itself: as its arguments every user could read them.
        return await run(_command(errand), fill, program=program, separate=SEPARATE, env=env)


def own(folder: Path, cache: Path) -> None:
    """Gives `folder`, new and empty or owned already, to the user that the sandbox runs as.

    Raises Missing when that user cannot reach it in `cache`, or the disk refuses.
    """
    uid = dropped()
    if not reachable(folder, uid):
        raise Missing(
            f"another user cannot reach {cache}, and root's rights are dropped",
            "move the cache below folders with mode 0755, or do not run as root",
        )
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if uid is not None:
            os.chown(folder, uid, uid, follow_symlinks=False)
    except OSError as error:
        raise Missing(
            f"cannot make {folder}: {error.strerror}", "free space or mend the folder"
        ) from error


def _carried(env: Mapping[str, str]) -> tuple[dict[str, str], dict[str, bytes]]:
    """The variables as they are inside, and the files that some of them name."""
    inside, files = dict(env), dict[str, bytes]()
    for name, place in _BY_FILE.items():
        if not inside.get(name):
            continue
        try:
            files[place] = Path(inside[name]).read_bytes()
        except OSError as error:
            raise Missing(
                f"cannot read {inside[name]}, which {name} names: {error.strerror}",
                f"mend it, or unset {name}",
            ) from error
        inside[name] = place
    return inside, files


def _etc() -> dict[str, str]:
    """Names are resolved as on the host."""
    files = {**ETC, "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n"}
    for name in ("resolv.conf", "hosts"):
        path = Path("/etc", name)
        if path.is_file():
            files[name] = path.read_text("utf-8", "replace")
    return files


def _place(mounts: Mounts, errand: Errand, python: Installation) -> None:
    install(mounts, python)
    if reachable(errand.uv, dropped()):
        mounts.add("--ro-bind", errand.uv, UV)
    else:
        fd = mounts.open(errand.uv.read_bytes())
        mounts.add("--perms", "0555", "--ro-bind-data", str(fd), UV)
    mounts.add("--bind", errand.cache, CACHE)
    if errand.build:
        mounts.add("--bind", errand.build, BUILD)


def _limits(errand: Errand) -> tuple[str, ...]:
    return (
        "prlimit",
        f"--as={_ADDRESS_SPACE_MIB << 20}",
        f"--fsize={_LARGEST_FILE_MIB << 20}",
        "--nofile=1024:4096",
        f"--nproc={errand.processes}",
        "--core=0",
        f"--cpu={math.ceil(errand.seconds * (os.cpu_count() or 1)) + 1}",
        "--",
    )


def _command(errand: Errand) -> Command:
    """The part of an errand that `spawn` needs: its limits and what it is fed."""
    return Command(
        argv=errand.argv,
        tree=Tree(),
        environment=None,
        tools=None,
        stdin=errand.stdin,
        seconds=errand.seconds,
        memory_mib=errand.memory_mib,
        processes=errand.processes,
        output_kib=errand.output_kib,
    )
