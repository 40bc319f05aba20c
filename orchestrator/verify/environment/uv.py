"""uv and the base interpreter, run in the install sandbox, or as ordinary processes by choice."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from orchestrator.artifacts.values import Value
from orchestrator.errors import Missing
from orchestrator.sandbox.install import BUILD, CACHE, UV, Errand, InstallSandbox, own
from orchestrator.scratch import temporary
from orchestrator.settings import SandboxName

PASSED_ON = re.compile(
    r"UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|INDEX_STRATEGY|FIND_LINKS|OFFLINE"
    r"|HTTP_(TIMEOUT|RETRIES)|NATIVE_TLS|SYSTEM_CERTS|INSECURE_HOST|INDEX_\w+_(USERNAME|PASSWORD))"
    r"|SSL_CERT_(FILE|DIR)|NETRC|(?i:https?_proxy|all_proxy|no_proxy)"
)
"""Of the user's environment, what reaches uv: how to get to the index, and nothing else."""
_INDEXES = re.compile(r"UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS)")
_COMMON = ("--no-config", "--color", "never", "--no-progress", "-q")
SECONDS = 900.0
_MEMORY_MIB = 2048
_PROCESSES = 256
_OUTPUT_KIB = 8192


@dataclass(frozen=True)
class Uv:
    """uv, the base interpreter, our cache folder, and the user's environment variables.

    With `sandbox` bubblewrap both run in the install sandbox. `checked` are the environments whose
    hash this object has compared.
    """

    program: Path
    python: Path
    cache: Path
    env: Mapping[str, str]
    sandbox: SandboxName = "bubblewrap"
    checked: set[Path] = field(default_factory=set[Path], compare=False)

    @property
    def base(self) -> Path:
        """The interpreter itself, whatever links lead to it."""
        return self.python.resolve()


class Ran(Value):
    """How a program ended; the streams are untrusted text."""

    code: int
    out: str
    err: str
    killed_by: Literal["", "time", "memory", "output", "signal"] = ""


async def run(uv: Uv, *args: str, build: Path | None = None, stdin: str = "") -> Ran:
    """uv with `args`, in which {build} is that folder. Raises Missing when it cannot be run."""
    passed = {name: value for name, value in uv.env.items() if PASSED_ON.fullmatch(name)}
    argv = ("{uv}", *args, *_COMMON, "--cache-dir", "{cache}")
    return await _run(uv, argv, passed, build=build, stdin=stdin)


async def compiled(uv: Uv, build: Path) -> None:
    """Bytecode for what lies in `build`/env. The base interpreter compiles: the environment's own
    would run its .pth files.
    """
    words = ("-I", "-S", "-m", "compileall", "-q", "-j", "2", "{build}/env/lib")
    await _run(uv, (str(uv.base), *words), {}, build=build, stdin="")


async def described(uv: Uv) -> str:
    """Version, platform and place of the base interpreter. Raises Missing when it does not run."""
    source = "import sys,sysconfig as s;print(sys.version,s.get_platform(),sys._base_executable)"
    ran = await _output((str(uv.base), "-I", "-S", "-c", source), {}, cwd="/", stdin="")
    if ran.code != 0:
        raise Missing(f"{uv.base} does not run: {ran.err.strip()[:200]}", "name a working Python")
    return ran.out


async def _run(
    uv: Uv, argv: tuple[str, ...], passed: Mapping[str, str], *, build: Path | None, stdin: str
) -> Ran:
    uv.cache.mkdir(parents=True, exist_ok=True)
    env = {**passed, "PATH": "/usr/bin:/bin", "UV_PYTHON_DOWNLOADS": "never"}
    if uv.sandbox == "bubblewrap":
        return await _sandboxed(uv, argv, env, build=build, stdin=stdin)
    words = _named(argv, str(uv.program), str(uv.cache / "uv"), str(build))
    with temporary() as empty:
        return await _output(words, {**env, "HOME": str(uv.cache)}, cwd=str(empty), stdin=stdin)


async def _sandboxed(
    uv: Uv, argv: tuple[str, ...], env: Mapping[str, str], *, build: Path | None, stdin: str
) -> Ran:
    _seen_from_within(env)
    # Not the cache that uv keeps outside: what nobody's rights can write is trusted nowhere else.
    cache = uv.cache / "uv-sandbox"
    own(cache, uv.cache)
    result = await InstallSandbox(uv.cache).exec(
        Errand(
            argv=_named(argv, UV, CACHE, BUILD),
            env={**env, "HOME": "/tmp"},
            stdin=stdin.encode(),
            uv=uv.program,
            python=uv.base,
            cache=cache,
            build=build,
            seconds=SECONDS,
            memory_mib=_MEMORY_MIB,
            processes=_PROCESSES,
            output_kib=_OUTPUT_KIB,
        )
    )
    killed_by = result.killed_by or ("output" if result.truncated else "")
    return Ran(code=result.returncode, out=result.stdout, err=result.stderr, killed_by=killed_by)


def _named(argv: tuple[str, ...], program: str, cache: str, build: str) -> tuple[str, ...]:
    places = {"{uv}": program, "{cache}": cache, "{build}": build}
    words = list(argv)
    for placeholder, place in places.items():
        words = [word.replace(placeholder, place) for word in words]
    return tuple(words)


def _seen_from_within(env: Mapping[str, str]) -> None:
    """Raises Missing for an index that lies in a folder: to uv its packages would not exist."""
    for name, value in env.items():
        for one in value.replace(",", " ").split() if _INDEXES.fullmatch(name) else ():
            address = one.partition("=")[2] if re.match(r"[\w-]+=", one) else one
            if address.startswith("file:") or "://" not in address:
                raise Missing(
                    f"{name} names the folder {address}, which the install sandbox does not see",
                    "serve it over http (python -m http.server), or choose --sandbox process",
                )


async def _output(argv: tuple[str, ...], env: Mapping[str, str], *, cwd: str, stdin: str) -> Ran:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=pipe, stdout=pipe, stderr=pipe, cwd=cwd, env=env
        )
    except OSError as error:
        raise Missing(f"cannot run {argv[0]}: {error}", "orchestrate doctor") from error
    out, err = await process.communicate(stdin.encode())
    return Ran(
        code=process.returncode or 0,
        out=out.decode("utf-8", "replace"),
        err=err.decode("utf-8", "replace"),
    )
