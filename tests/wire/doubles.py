"""The servers that are asked: our own loopback, LiteLLM's proxy over a small backend, aimock."""

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.client import install
from tests.loopback import LoopbackServer, Reply, in_turn
from tests.loopback.client import KEY
from tests.wire.backend import FINISHED, Backend

LITELLM = "litellm[proxy]==1.106.2"
AIMOCK = "@copilotkit/aimock"
MODEL = "claude-opus-5-5"
START_SECONDS = 200


@dataclass(frozen=True)
class Double:
    """A server at `url` that gives the replies of `script`, the last one for ever. `asked` is how
    many questions came to where the answers are made.
    """

    name: str
    url: str
    script: Callable[..., None]
    asked: Callable[[], int]


@contextmanager
def loopback() -> Iterator[Double]:
    with LoopbackServer(in_turn(Reply()), key=KEY) as server:

        def script(*replies: Reply) -> None:
            server.script = in_turn(*replies)

        yield Double("loopback", server.url, script, lambda: server.count)


@contextmanager
def litellm(folder: Path) -> Iterator[Double]:
    port = _free()
    with Backend() as backend:
        config = {
            "model_list": [
                {
                    "model_name": MODEL,
                    "litellm_params": {
                        "model": "hosted_vllm/small",
                        "api_base": backend.url,
                        "api_key": "the-backends",
                    },
                }
            ],
            "general_settings": {"master_key": KEY},
            "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        }
        path = folder / "config.yaml"
        path.write_text(json.dumps(config), "utf-8")
        words = ("--config", str(path), "--host", "127.0.0.1", "--port", str(port))
        env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1"}
        with _running([str(_litellm()), *words], folder, env):
            url = f"http://127.0.0.1:{port}"
            _ready(f"{url}/health/liveliness", folder)
            yield Double("litellm", url, backend.script, lambda: len(backend.bodies))


@contextmanager
def aimock(folder: Path) -> Iterator[Double]:
    """It reads its fixtures once: each script is a process of its own at the same port."""
    port, number = _free(), iter(range(999))
    running: list[subprocess.Popen[bytes]] = []
    program = install.command(AIMOCK).with_name("llmock")
    url = f"http://127.0.0.1:{port}"

    def stop() -> None:
        for one in running:
            one.kill()
            one.wait()
        running.clear()

    def script(*replies: Reply) -> None:
        stop()
        path = folder / f"fixtures{next(number)}.json"
        path.write_text(json.dumps({"fixtures": _fixtures(replies)}), "utf-8")
        words = ("-p", str(port), "-f", str(path), "--strict")
        with (folder / "log").open("ab") as log:
            running.append(
                subprocess.Popen(
                    [str(program), *words],
                    env={"PATH": install.node_path(), "AIMOCK_API_KEYS": KEY},
                    stdout=log,
                    stderr=log,
                )
            )
        _ready(f"{url}/health", folder)

    def asked() -> int:
        place = f"{url}/__aimock/journal?path=/v1/messages"
        headers = {"authorization": f"Bearer {KEY}"}
        with urllib.request.urlopen(urllib.request.Request(place, headers=headers)) as said:
            return len(json.load(said))

    try:
        yield Double("aimock", url, script, asked)
    finally:
        stop()


def _fixtures(replies: tuple[Reply, ...]) -> list[dict[str, object]]:
    """Those before the last one each answer the question of their number."""
    every: list[dict[str, object]] = []
    for number, reply in enumerate(replies):
        last = number == len(replies) - 1
        match: dict[str, object] = {} if last else {"sequenceIndex": number}
        for tool in (True, False) if _is_json(reply.text) else (False,):
            every.append({"match": {**match, **_tools(tool)}, **_response(reply, tool=tool)})
    return every


def _is_json(text: str) -> bool:
    """Only that can go through a tool, by its fixtures' rules."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _tools(tool: bool) -> dict[str, object]:
    return {"toolName": "emit"} if tool else {}


def _response(reply: Reply, *, tool: bool) -> dict[str, object]:
    if reply.status != 200:
        error = {"message": reply.message, "type": reply.kind or "invalid_request_error"}
        return {"response": {"error": error, "status": reply.status}}
    said: dict[str, object] = (
        {"toolCalls": [{"name": "emit", "arguments": reply.text}]}
        if tool
        else {"content": reply.text, "finishReason": FINISHED[reply.stop_reason]}
    )
    broken = {"truncateAfterChunks": 2, "chunkSize": 2} if reply.fault else {}
    usage = {"prompt_tokens": 50, "completion_tokens": 7, "total_tokens": 57}
    return {"response": {**said, "usage": usage}, **broken}


def _litellm() -> Path:
    """The proxy's program, in an environment of its own: it has some hundred dependencies."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = cache / "milestone-orchestrator-clients" / LITELLM.replace("[proxy]==", "-")
    place.mkdir(parents=True, exist_ok=True)
    uv = str(Path(sys.executable).with_name("uv"))
    with (place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / ".complete").exists():
            python = str(place / "env/bin/python")
            for words in (
                ("venv", "-q", "--clear", "--python", sys.executable, str(place / "env")),
                ("pip", "install", "-q", "--python", python, LITELLM),
            ):
                subprocess.run([uv, *words], check=True, timeout=600)
            (place / ".complete").touch()
    return place / "env/bin/litellm"


@contextmanager
def _running(argv: list[str], folder: Path, env: dict[str, str]) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        given = {"PATH": os.environ["PATH"], "HOME": str(folder), **env}
        process = subprocess.Popen(argv, cwd=folder, env=given, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _ready(url: str, folder: Path) -> None:
    """Returns when `url` answers; there is no event to wait for."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError((folder / "log").read_text("utf-8"))


def _free() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
