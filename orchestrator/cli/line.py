"""The one line of JSON that a host command prints."""

import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import click

SCHEMA = 1
WAITING = ("also_waiting", "folder", "requests")
LINE = 2000
CLIPPED = 500
"""Bytes of a line, and of one text in it: a client shows so much in any case."""
MANY = 16_000
"""Bytes of a line that lists every request: all that the most careful client shows."""


def called() -> str:
    """How this command was called, for the outer agent to call it again.

    The name alone when it lies in a folder for programs. In an environment's own folder it may be
    found only from within, so then the path; with uvx the call of uvx, which a client permits.
    """
    path = Path(sys.argv[0])
    if not (path.is_file() and path.name.startswith("orchestrate")):
        return "orchestrate"
    if source := _passing():
        return f'uvx --from "{source}" orchestrate'
    found = shutil.which("orchestrate")
    own = sys.prefix != sys.base_prefix and path.parent == Path(sys.prefix, "bin")
    if found and not own and Path(found).samefile(path):
        return "orchestrate"
    literal = shlex.quote(str(path.absolute()))
    return literal if os.access(path, os.X_OK) else f"{shlex.quote(sys.executable)} {literal}"


def _passing() -> str:
    """The folder that uvx was called with, "" unless this environment lies in uv's cache: a path in
    there changes with each build, and no permission rule could name it.
    """
    if not Path(sys.prefix).parent.with_name("CACHEDIR.TAG").is_file():
        return ""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        told = distribution("milestone-orchestrator").read_text("direct_url.json")
    except PackageNotFoundError:
        return ""
    url = urlsplit(str(json.loads(told or "{}").get("url", "")))
    source = url2pathname(url.path) if url.scheme == "file" else ""
    # In double quotes, as SKILL.md has it, a shell would read these.
    return source if Path(source).is_dir() and not set(source) & set('"$`\\') else ""


def say(said: dict[str, object], *, most: int = LINE) -> None:
    """One line of ASCII: however long its texts and paths are, it stays under `most` bytes where it
    can.
    """
    whole: dict[str, object] = {"schema": SCHEMA, **said}
    for name in ("error", "fix", "note"):
        if isinstance(text := whole.get(name), str):
            whole[name] = _clipped(text)
    waiting = whole.get("requests", whole.get("also_waiting"))
    while isinstance(waiting, list) and waiting and len(_line(whole)) > most:
        waiting.pop()
    if waiting == []:
        whole = {name: value for name, value in whole.items() if name not in WAITING}
    click.echo(_line(whole))


def _clipped(text: str) -> str:
    while len(json.dumps(text)) > CLIPPED:
        text = text[: len(text) * 9 // 10]
    return text


def _line(said: dict[str, object]) -> str:
    return json.dumps(said, separators=(",", ":"))
