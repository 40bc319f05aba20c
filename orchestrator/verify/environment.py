"""What a product is run with: its requirements, their lock, and the environment built from it."""

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.errors import Missing

RECIPE = "3"
"""Bump when an environment is built differently."""
HOOKS = (
    'import os; exec(\'for p in filter(None, os.environ.get("ORCHESTRATE_HOOKS", "").split(":")):'
    '\\n with open(p) as f: c = f.read()\\n exec(compile(c, p, "exec"), {"__name__": "hook"})\')\n'
)
"""A .pth line: every Python of the environment first runs the scripts that ORCHESTRATE_HOOKS names:
tools/measure.py while a suite is measured, tools/clock.py once a check has moved the clock."""
OUR_TOOLS = ("pytest==9.2.0", "coverage==7.17.3")
OLDEST_PYTHON = "3.11"
MOST_LINES = 40
LONGEST_LINE = 300
PASSED_ON = re.compile(
    r"UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|INDEX_STRATEGY|FIND_LINKS|OFFLINE"
    r"|HTTP_(TIMEOUT|RETRIES)|NATIVE_TLS|SYSTEM_CERTS|INSECURE_HOST|INDEX_\w+_(USERNAME|PASSWORD))"
    r"|SSL_CERT_(FILE|DIR)|NETRC|(?i:https?_proxy|all_proxy|no_proxy)"
)
"""Of the user's environment, what reaches uv: how to get to the index, and nothing else."""
NO_NETWORK = re.compile(
    r"could not be queried|network (was|connectivity is) disabled|not found in the cache"
    r"|Failed to fetch|error sending request|dns error|timed out"
)


class Requirements(Value):
    """The requirement lines of a Tree in canonical form, in the file's order, each once."""

    lines: tuple[str, ...]


class Refused(Value):
    """Why a requirements.txt is not accepted, one line each."""

    problems: tuple[str, ...]


class Locked(Value):
    """A lock file with hashes, for every supported Python, or one line: why there is none."""

    text: str
    error: str


class Built(Value):
    """An environment's folder, or one line that says why it cannot be built here."""

    path: Path | None
    error: str


class Uv(Value):
    """uv, the base interpreter, our cache folder, and the user's environment variables."""

    program: Path
    python: Path
    cache: Path
    env: Mapping[str, str]


def requirements(tree: Tree) -> Requirements | Refused:
    """What `requirements.txt` asks for: names, extras, version specifiers and markers only."""
    text = tree.text("requirements.txt") if "requirements.txt" in tree else ""
    found: dict[str, None] = {}
    problems: list[str] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        if not line:
            continue
        parsed = _parse(line)
        if isinstance(parsed, Requirement):
            found[str(parsed)] = None
        else:
            problems.append(f"requirements.txt line {number}: {line[:120]!r} {parsed}")
    if len(found) > MOST_LINES:
        problems.append(f"requirements.txt has {len(found)} requirements, more than {MOST_LINES}")
    return Refused(problems=tuple(problems)) if problems else Requirements(lines=tuple(found))


def _parse(line: str) -> Requirement | str:
    if line.startswith("-"):
        return "is an option; only requirements are allowed"
    if len(line) > LONGEST_LINE or not line.isprintable():
        return "is too long or holds control characters"
    if "@" in line or "://" in line:
        return "names a URL or a path; only packages of the index are allowed"
    try:
        return Requirement(line)
    except InvalidRequirement:
        return "is not a requirement (name, extras, version specifier, marker)"


async def lock(requirements: tuple[str, ...], uv: Uv) -> Locked:
    """`requirements` and our test tools, resolved; `error` when the index lacks one of them, in
    that version or as a wheel.

    Raises Missing when the index cannot be asked.
    """
    options = (
        "--generate-hashes --only-binary :all: --no-sources --no-annotate --no-header "
        f"--universal --python-version {OLDEST_PYTHON}"
    )
    code, out, err = await _run(
        uv,
        ("pip", "compile", "-", *options.split(), "--python", str(uv.python)),
        stdin="\n".join((*requirements, *OUR_TOOLS)),
    )
    if code == 0:
        return Locked(text=out, error="")
    return Locked(text="", error=_refusal(code, err))


async def build(lock_text: str, uv: Uv) -> Built:
    """The environment for `lock_text`: made once per lock, Python and recipe, then reused.

    Raises Missing when the index cannot be reached or the disk refuses.
    """
    key = hashlib.sha256(
        "\0".join((RECIPE, await _describe(uv.python), lock_text)).encode()
    ).hexdigest()
    home = uv.cache / "environments" / key[:32]
    if home.is_dir():
        return Built(path=home, error="")
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent, prefix=".building-") as temp:
            error = await _install(lock_text, Path(temp), uv)
            if not error:
                await asyncio.to_thread(_publish, Path(temp, "env"), home)
    except OSError as failure:
        raise Missing(
            f"cannot build {home}: {failure}", "free space or mend the folder"
        ) from failure
    return Built(path=None if error else home, error=error)


async def provide(lock_text: str, uv: Uv) -> Path:
    """As `build`. Raises Missing also when the lock cannot be installed on this machine."""
    built = await build(lock_text, uv)
    if built.path is None:
        raise Missing(f"the locked requirements cannot be installed: {built.error}", "lock again")
    return built.path


async def _install(lock_text: str, temp: Path, uv: Uv) -> str:
    (temp / "lock.txt").write_text(lock_text, "utf-8")
    env = temp / "env"
    python = str(env / "bin" / "python")
    code, _, err = await _run(
        uv, ("venv", "--relocatable", "--no-project", "--python", str(uv.python), str(env))
    )
    if code == 0:
        options = "--require-hashes --only-binary :all: --no-deps --link-mode copy"
        code, _, err = await _run(
            uv,
            ("pip", "install", *options.split(), "--python", python, "-r", str(temp / "lock.txt")),
        )
    if code != 0:
        return _refusal(code, err)
    for packages in env.glob("lib/python*/site-packages"):
        (packages / "orchestrate_hooks.pth").write_text(HOOKS, "utf-8")
    # The base interpreter compiles: the environment's own would run its .pth files out here.
    await _output(str(uv.python), "-I", "-S", "-m", "compileall", "-q", "-j", "2", str(env / "lib"))
    return ""


def _publish(env: Path, home: Path) -> None:
    for folder, _, files in os.walk(env):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    try:
        env.rename(home)
    except OSError:
        if not home.is_dir():  # another process may have built the same one first
            raise
        shutil.rmtree(env)


async def _describe(python: Path) -> str:
    """Version, platform and place of the base interpreter."""
    source = "import sys,sysconfig as s;print(sys.version,s.get_platform(),sys._base_executable)"
    code, out, err = await _output(str(python), "-I", "-S", "-c", source)
    if code != 0:
        raise Missing(f"{python} does not run: {err.strip()[:200]}", "name a working Python")
    return out


async def _run(uv: Uv, args: tuple[str, ...], stdin: str = "") -> tuple[int, str, str]:
    ours = {"PATH": "/usr/bin:/bin", "HOME": str(uv.cache), "UV_PYTHON_DOWNLOADS": "never"}
    env = {name: value for name, value in uv.env.items() if PASSED_ON.fullmatch(name)} | ours
    uv.cache.mkdir(parents=True, exist_ok=True)
    common = ("--no-config", "--color", "never", "--no-progress", "-q")
    with tempfile.TemporaryDirectory() as empty:
        return await _output(
            str(uv.program), *args, *common, "--cache-dir", str(uv.cache / "uv"),
            env=env, cwd=empty, stdin=stdin,
        )  # fmt: skip


async def _output(
    *argv: str, env: Mapping[str, str] | None = None, cwd: str = "/", stdin: str = ""
) -> tuple[int, str, str]:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=pipe, stdout=pipe, stderr=pipe, cwd=cwd, env=env or {}
        )
    except OSError as error:
        raise Missing(f"cannot run {argv[0]}: {error}", "orchestrate doctor") from error
    out, err = await process.communicate(stdin.encode())
    return process.returncode or 0, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


def _refusal(code: int, err: str) -> str:
    """One line that says what cannot be resolved. Raises Missing when it is not the requirements'
    fault.
    """
    because = re.search(r"Because\s(.*?)(\n\s*\n|\Z)", err, re.DOTALL)
    if code != 1 or NO_NETWORK.search(err) or not because:
        said = " ".join(err.partition("hint:")[0].split()).removeprefix("error: ")
        raise Missing(
            f"uv failed ({code}): {said[:300] or 'it said nothing'}",
            "check the network, the proxy and UV_DEFAULT_INDEX, then resume",
        )
    said = " ".join(because[1].split())
    return "requirements.txt cannot be resolved: " + said.split(", we can conclude")[0][:500]
