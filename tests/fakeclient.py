"""A `claude` on PATH that prints what a test says, in the shapes of the real ones."""

import json
import socketserver
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from orchestrator.artifacts.exchange import Answer
from tests.command import read
from tests.world import Script

_PROGRAM = """#!{python} -I
import json, os, socket, subprocess, sys
if sys.argv[1:] == ["--version"]:
    print("2.1.329 (Claude Code)")
    sys.exit(0)
line = socket.create_connection(("127.0.0.1", {port})).makefile("rw", encoding="utf-8")
system = sys.argv[sys.argv.index("--system-prompt-file") + 1]
call = dict(argv=sys.argv[1:], env=dict(os.environ), cwd=os.getcwd(), files=os.listdir(),
            prompt=sys.stdin.read(), system=open(system, encoding="utf-8").read(), pids=[])
line.write(json.dumps(call) + "\\n"); line.flush()
said = json.loads(line.readline())
if said["hang"]:
    forever = [sys.executable, "-c", "import signal; signal.pause()"]
    call["pids"] = [subprocess.Popen(forever, start_new_session=far).pid for far in (0, 1)]
    line.write(json.dumps(call) + "\\n"); line.flush()
    line.readline()
sys.stdout.write(said["stdout"]); sys.stderr.write(said["stderr"])
sys.exit(said["code"])
"""


@dataclass(frozen=True)
class Call:
    """A request as it reached the program; `pids` are what it started before it hung."""

    argv: list[str]
    env: dict[str, str]
    cwd: str
    files: list[str]
    prompt: str
    system: str
    pids: list[int]

    def option(self, name: str) -> str:
        return self.argv[self.argv.index(name) + 1] if name in self.argv else ""


@dataclass(frozen=True)
class Says:
    """What the program prints and how it ends. With `hang` it never does."""

    stdout: str = ""
    stderr: str = ""
    code: int = 0
    hang: bool = False


Play = Callable[[Call], Says]


def result(text: str, *, code: int = 0, **changes: Any) -> Says:
    """A result of 2.1.329; `changes` are its fields, None to leave one out."""
    used = {
        "inputTokens": 100,
        "outputTokens": 10,
        "cacheReadInputTokens": 40,
        "cacheCreationInputTokens": 30,
        "costUSD": 0.0006,
        "costBasis": "list",
    }
    fields: dict[str, Any] = {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "api_error_status": None,
        "num_turns": 1,
        "result": text,
        "stop_reason": "end_turn",
        "session_id": "8c6118bf",
        "total_cost_usd": 0.0006,
        "usage": {
            "input_tokens": 100,
            "output_tokens": 10,
            "cache_creation": {"ephemeral_1h_input_tokens": 20, "ephemeral_5m_input_tokens": 10},
        },
        "modelUsage": {"claude-opus-5-5[1m]": used},
        **changes,
    }
    kept = {name: value for name, value in fields.items() if value is not None}
    return Says(json.dumps(kept) + "\n", code=code)


def failed(text: str, *, status: int | None = None, **changes: Any) -> Says:
    """An error as both versions tell it: exit 1, and subtype "success"."""
    given = {"is_error": True, "api_error_status": status, "stop_reason": "stop_sequence"}
    nothing = {"modelUsage": {}, "total_cost_usd": 0}
    return result(text, code=1, **{**given, **nothing, **changes})


def playing(script: Script) -> Play:
    """Answers as the scripted world does: JSON where a schema is given."""

    def play(call: Call) -> Says:
        body = {"system": call.system, "messages": [{"content": call.prompt}], "model": "any"}
        said = script(read(body))
        text = said.text if isinstance(said, Answer) else said
        schema = call.option("--json-schema")
        return result(text, structured_output=json.loads(text) if schema else None)

    return play


@dataclass
class FakeClient:
    """`with FakeClient(folder, play) as fake:` puts the program into `folder`. `calls` are kept in
    order; a hanging one is kept again with what it started.
    """

    folder: Path
    play: Play
    calls: list[Call] = field(default_factory=list)

    def __enter__(self) -> Self:
        owner = self

        class Line(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                call = Call(**json.loads(self.rfile.readline()))
                owner.calls.append(call)
                says = owner.play(call)
                self.wfile.write((json.dumps(says.__dict__) + "\n").encode())
                self.wfile.flush()
                if says.hang:
                    owner.calls.append(Call(**json.loads(self.rfile.readline())))
                    self.rfile.read()

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Line)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.folder.mkdir()
        program = self.folder / "claude"
        text = _PROGRAM.format(python=sys.executable, port=self._server.server_address[1])
        program.write_text(text, "utf-8")
        program.chmod(0o755)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def env(self, base: Mapping[str, str]) -> dict[str, str]:
        return {**base, "PATH": f"{self.folder}:{base['PATH']}"}


def in_turn(*says: Says) -> Play:
    """One after the other, the last one for ever."""
    left = list(says)
    return lambda _call: left.pop(0) if len(left) > 1 else left[0]
