"""Running the client: one process for each request, that can do nothing but answer."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.artifacts.tree import Tree
from orchestrator.errors import Missing
from orchestrator.models.claude_code.result import Printed, answer
from orchestrator.models.decoded import redaction, text_at
from orchestrator.sandbox import Command
from orchestrator.sandbox.process import Session
from orchestrator.sandbox.spawn import Launch, spawn
from orchestrator.scratch import temporary

PROGRAM = "claude"
TRIED = "2.1.197 and 2.1.329"
TURNS = 4
"""Calls that the client may make for one request: it corrects what does not fit the schema."""
RETRIES = "8"
"""Its own, after a failure of the provider: about a minute and a half, also for a wrong key."""
OUTPUT_KIB = 16 * 1024
VERSION_SECONDS = 30.0

SECRET = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_CUSTOM_HEADERS",
    "CLAUDE_CODE_OAUTH_TOKEN",
)
INHERITED = frozenset(
    (
        *("HOME", "PATH", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "XDG_CONFIG_HOME"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"),
        *SECRET,
        *("ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL", "CLAUDE_CONFIG_DIR"),
        *("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"),
        "CLAUDE_CODE_MAX_RETRIES",
    )
)
"""All that the client sees of our variables, beside LC_*: what it needs to run and to log in."""


class ClaudeCode:
    """Asks `claude -p`. `model` is what it is told to use, "" for its own choice: a request's model
    and effort are not passed on. `deadline_seconds` bounds one process, which is then killed with
    all that it started.
    """

    def __init__(self, *, env: Mapping[str, str], model: str, deadline_seconds: float) -> None:
        self._env = env
        self._model = model
        self._deadline = deadline_seconds
        self._redact = redaction(*(env.get(name, "") for name in SECRET))

    async def complete(self, request: Request) -> Answer:
        """See Model."""
        found = program(self._env)
        began = time.monotonic()
        with temporary() as place:
            for name in ("work", "tmp"):
                (place / name).mkdir()
            system = place / "system.md"
            system.write_bytes(request.system.encode("utf-8", "replace"))
            variables = {**_inherited(self._env), "TMPDIR": str(place / "tmp")}
            launch = Launch(
                argv=(str(found), *_arguments(request, system, self._model)),
                env=variables,
                cwd=place / "work",
            )
            ended = await spawn(launch, self._command(launch, request), grip=_Grip(place))
        printed = Printed(
            code=ended.returncode,
            stdout=self._redact(ended.stdout.decode("utf-8", "replace")),
            stderr=self._redact(ended.stderr.decode("utf-8", "replace")),
            late=ended.killed_by == "time",
            truncated=ended.truncated,
        )
        milliseconds = round((time.monotonic() - began) * 1000)
        return answer(printed, milliseconds=milliseconds, deadline=self._deadline)

    def _command(self, launch: Launch, request: Request) -> Command:
        return Command(
            argv=launch.argv,
            tree=Tree({}),
            environment=None,
            tools=None,
            stdin=request.prompt.encode("utf-8", "replace"),
            seconds=self._deadline,
            memory_mib=0,
            processes=0,
            output_kib=OUTPUT_KIB,
        )


class _Grip:
    """Everything that carries the temporary folder's name. The client may use what memory it
    wants.
    """

    def __init__(self, place: Path) -> None:
        self._session = Session(f"TMPDIR={place / 'tmp'}")

    def members(self, pid: int) -> Iterable[int]:  # noqa: ARG002 - see Grip
        return ()

    async def end(self, pid: int) -> None:
        await self._session.end(pid)


def _arguments(request: Request, system: Path, model: str) -> tuple[str, ...]:
    """Texts that may be long are no arguments. Without tools, and without everything that people
    set up for themselves but their login.
    """
    schema = ("--json-schema", _schema(request.output_schema)) if request.output_schema else ()
    return (
        "-p",
        *("--output-format", "json"),
        *("--tools", ""),
        *("--safe-mode", "--strict-mcp-config", "--disable-slash-commands"),
        "--no-session-persistence",
        *("--max-turns", str(TURNS)),
        *("--system-prompt-file", str(system)),
        *schema,
        *(("--model", model) if model else ()),
    )


def _schema(text: str) -> str:
    """Without pydantic's `discriminator`, which the client's validator refuses (2.1.329), or drops
    the whole schema for without a word (2.1.197).
    """
    return json.dumps(_plain(json.loads(text)), ensure_ascii=False)


def _plain(schema: object) -> object:
    if isinstance(schema, list):
        return [_plain(one) for one in cast(list[object], schema)]
    if not isinstance(schema, dict):
        return schema
    pairs = cast(dict[str, object], schema).items()
    return {
        name: _plain(value)
        for name, value in pairs
        if not (name == "discriminator" and text_at(value, "propertyName"))
    }


def _inherited(env: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in env.items()
        if value and (name in INHERITED or name.startswith("LC_"))
    }
    ours = {
        # Without it, 2.1.197 also pays for a title of each conversation.
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    return {"CLAUDE_CODE_MAX_RETRIES": RETRIES, **kept, **ours}


def program(env: Mapping[str, str]) -> Path:
    """The client's program. Raises Missing."""
    found = shutil.which(PROGRAM, path=env.get("PATH") or os.defpath)
    if found is None:
        raise Missing(
            f"the program `{PROGRAM}` is not on PATH",
            "install it (npm install -g @anthropic-ai/claude-code) and log in: run it once;"
            " or choose another --model",
        )
    return Path(found).absolute()


def version(env: Mapping[str, str]) -> str:
    """What the client calls itself, such as "2.1.329 (Claude Code)". Raises Missing."""
    found = program(env)
    try:
        with temporary() as place:
            done = subprocess.run(
                [str(found), "--version"],
                cwd=place,
                env=_inherited(env),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=VERSION_SECONDS,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{found} --version does not run: {error}", "reinstall it") from error
    said = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode or not said:
        raise Missing(f"{found} --version ends with {done.returncode}", "reinstall it")
    return said.splitlines()[0][:80]
