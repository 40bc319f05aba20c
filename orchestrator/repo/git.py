"""Git's command line in a closed environment: nothing of the machine's or the user's leaks in."""

import asyncio
import os
import re
import subprocess
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from orchestrator.artifacts.values import Value
from orchestrator.errors import Missing

AT_ONCE = 4
OLDEST = (2, 38)
"""The first with `merge-tree --write-tree`."""
WHO = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (
        ("NAME", "milestone orchestrator"),
        ("EMAIL", "orchestrator@localhost"),
    )
}
_CLOSED = (
    "core.excludesFile=/dev/null",
    "core.attributesFile=/dev/null",
    "core.hooksPath=/dev/null",
    "core.autocrlf=false",
    "core.ignoreCase=false",
    "core.fsmonitor=false",
    "core.fsync=committed,index,loose-object,reference",
    "commit.gpgSign=false",
    "fastimport.unpackLimit=1",
    "gc.auto=0",
    "maintenance.auto=false",
    "safe.directory=*",
)
_FULL = ("No space left on device", "Disk quota exceeded", "File too large")
_LITTLE_BYTES = 64 * 1024
_GET_GIT = f"install git {OLDEST[0]}.{OLDEST[1]} or newer"


class Ran(Value):
    code: int
    out: bytes
    err: str


class Git:
    """Runs git in `cwd`, at most AT_ONCE processes at a time, each to its end.

    The processes have a session of their own, out of reach of the terminal's Ctrl-C, and hold the
    run's lock while they live.
    """

    def __init__(
        self,
        binary: Path,
        *,
        lock_fd: int | None,
        cwd: Path,
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        self._binary = binary
        self._lock_fd = lock_fd
        self._cwd = cwd
        self._pool = pool or ThreadPoolExecutor(AT_ONCE, thread_name_prefix="git")
        self._env: Mapping[str, str] = {}

    def at(self, cwd: Path, **env: str) -> "Git":
        """The same, elsewhere: the limit on processes is shared."""
        other = Git(self._binary, lock_fd=self._lock_fd, cwd=cwd, pool=self._pool)
        other._env = env
        return other

    async def run(self, *arguments: str, stdin: bytes = b"", codes: tuple[int, ...] = (0,)) -> Ran:
        """Raises Missing when git is not there or its exit code is not in `codes`.

        A cancelled call waits for the process all the same.
        """
        loop = asyncio.get_running_loop()
        call = loop.run_in_executor(self._pool, self._call, arguments, stdin)
        cancelled = False
        while not call.done():
            try:
                await asyncio.wait([call])
            except asyncio.CancelledError:
                cancelled = True
        if cancelled:
            raise asyncio.CancelledError
        ran = call.result()
        if ran.code not in codes:
            raise _failure(arguments[0], self._cwd, ran)
        return ran

    def _call(self, arguments: tuple[str, ...], stdin: bytes) -> Ran:
        settings = [word for one in _CLOSED for word in ("-c", one)]
        try:
            done = subprocess.run(
                [self._binary, *settings, *arguments],
                env=self._environment(),
                cwd=self._cwd,
                input=stdin,
                capture_output=True,
                check=False,
                pass_fds=() if self._lock_fd is None else (self._lock_fd,),
                start_new_session=True,
            )
        except OSError as error:
            raise Missing(
                f"cannot start {self._binary} in {self._cwd}: {error.strerror}", _GET_GIT
            ) from error
        err = done.stderr.decode("utf-8", "replace")
        return Ran(code=done.returncode, out=done.stdout, err=err)

    def _environment(self) -> dict[str, str]:
        """A home that holds nothing: `~/.config/git` is read even without a global config."""
        return {
            **WHO,
            **self._env,
            "PATH": f"{self._binary.parent}{os.pathsep}{os.defpath}",
            "HOME": "/dev/null",
            "LC_ALL": "C",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
        }


def _failure(verb: str, cwd: Path, ran: Ran) -> Missing:
    if any(cause in ran.err for cause in _FULL) or _is_full(cwd):
        return Missing(
            f"git {verb} in {cwd}: No space left on device", "free space, then: orchestrate resume"
        )
    lines = [line for line in ran.err.splitlines() if line.strip()]
    said = lines[-1] if lines else "it said nothing"
    how = f"exit code {ran.code}" if ran.code >= 0 else f"signal {-ran.code}"
    remedy = "check the folder's permissions, and git fsck; then: orchestrate resume"
    return Missing(f"git {verb} failed in {cwd} ({how}): {said}", remedy)


def _is_full(folder: Path) -> bool:
    """On a full disk `fast-import` says no more than "Unexpected checksum"."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _LITTLE_BYTES


@contextmanager
def touching(folder: Path) -> Generator[None]:
    """Files in here are read and written without git: raises Missing when that fails."""
    try:
        yield
    except OSError as error:
        raise Missing(
            f"cannot use {error.filename or folder}: {error.strerror}",
            "free space or mend its permissions, then: orchestrate resume",
        ) from error


async def usable(git: Path) -> str:
    """Git's version. Raises Missing when there is none or it is too old."""
    ran = await Git(git, lock_fd=None, cwd=Path("/")).run("version")
    text = ran.out.decode("utf-8", "replace").strip()
    match = re.search(r"(\d+)\.(\d+)", text)
    if not match or (int(match[1]), int(match[2])) < OLDEST:
        raise Missing(f"{git} is {text!r}", _GET_GIT)
    return text.removeprefix("git version ")


async def inside(path: Path, *, git: Path) -> str:
    """The top folder of the repository that `path`, which need not exist, is or would be in; ""
    when there is none.
    """
    start = next(one for one in (path, *path.parents) if one.is_dir())
    runner = Git(git, lock_fd=None, cwd=start)
    for what in ("--show-toplevel", "--absolute-git-dir"):
        ran = await runner.run("rev-parse", what, codes=(0, 128))
        if ran.code == 0:
            return os.fsdecode(ran.out).rstrip("\n")
    return ""
