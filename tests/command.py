"""The command line as a process, and a provider on loopback that answers as the scripted world."""

import hashlib
import json
import multiprocessing
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.artifacts.report import Report, lasting
from orchestrator.folder import RunFolder, find
from tests.loopback import LoopbackServer, Reply, prompt_text, system_text
from tests.loopback.reply import Body
from tests.world import IDEA, ONE, Script, greeter

PROGRAM = Path(sys.executable).with_name("orchestrate")
KEY = "sk-loopback-0123456789"
AGENTS = {
    "the Planner": "planner",
    "Spec": "spec",
    "Arch": "arch",
    "Impl": "impl",
    "Test": "test",
    "Eval": "eval",
    "the Reporter": "reporter",
    "Script": "script",
    "Judge": "judge",
}
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(
    ["orchestrator.run", "orchestrator.models.anthropic.model", "rich.console", "tests.command"]
)


def run(
    folder: Path, *words: str, env: Mapping[str, str], given: bytes | None = None
) -> subprocess.CompletedProcess[str]:
    """The installed command, to its end."""
    done = subprocess.run(
        [str(PROGRAM), *words], cwd=folder, env=env, input=given, capture_output=True, timeout=120
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def material(text: str, name: str) -> str:
    """The named material of a prompt, "" when it has none."""
    found = re.search(rf'<material-(\w+) name="{name}">\n(.*?)\n</material-\1>', text, re.DOTALL)
    return found[2] if found else ""


def read(body: Body) -> Request:
    """The request that a body on the wire carries; attempt and turn are not in it."""
    who = re.search(r"You are (the Planner|the Reporter|\w+)", system_text(body))
    assert who is not None, system_text(body)[:200]
    agent = AGENTS[who[1]]
    prompt = prompt_text(body)
    scope = "run"
    if agent not in ("planner", "reporter", "script", "judge"):
        named = re.search(r"milestone-\d+(-[a-z0-9]+)+", material(prompt, "milestone"))
        assert named is not None, prompt
        scope = named[0]
    return Request.model_validate(
        {
            "scope": scope,
            "agent": agent,
            "attempt": 1,
            "turn": 1,
            "system": system_text(body),
            "blocks": (prompt,),
            "output_schema": "",
            "model": body["model"],
            "effort": "low",
            "max_tokens": 1,
        }
    )


class Provider:
    """The loopback server with a script of the world's, and what was asked of it.

    `place` names a request as `<scope>/<agent>`. `on_request(place)` is called before the answer,
    `on_begun(place)` when its first bytes are out, `on_sent(place)` after its last one.
    """

    def __init__(self, script: Script | None = None, *, key: str = KEY) -> None:
        self.script = script or greeter({"planner": ONE})
        self.asked: list[str] = []
        self.texts: list[str] = []
        self.on_request: Callable[[str], None] = lambda _place: None
        self.on_begun: Callable[[str], None] = lambda _place: None
        self.on_sent: Callable[[str], None] = lambda _place: None
        self.server = LoopbackServer(
            self._reply,
            key=key,
            on_request=self._arrived,
            on_begun=self._begun,
            on_sent=self._sent,
        )

    def __enter__(self) -> "Provider":
        self.server.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self.server.__exit__(*raised)  # type: ignore[arg-type]

    def _reply(self, body: Body) -> Reply:
        said = self.script(read(body))
        return Reply(text=said.text if isinstance(said, Answer) else said)

    def _arrived(self, index: int, body: Body) -> None:
        request = read(body)
        assert index == len(self.asked)
        self.asked.append(f"{request.scope}/{request.agent}")
        self.texts.append(hashlib.sha256(request.prompt.encode()).hexdigest())
        self.on_request(self.asked[index])

    def _begun(self, index: int) -> None:
        self.on_begun(self.asked[index])

    def _sent(self, index: int) -> None:
        self.on_sent(self.asked[index])

    @property
    def twice(self) -> int:
        """How often a request came that had come before."""
        return len(self.asked) - len(set(zip(self.asked, self.texts, strict=True)))

    def env(self, base: Mapping[str, str]) -> dict[str, str]:
        return {**base, "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": self.server.url}


class Running:
    """The command as a forked process that had its imports done: quick to begin, real to kill.

    `on_line` gets each line of its standard error as it comes.
    """

    def __init__(
        self,
        folder: Path,
        *words: str,
        env: Mapping[str, str],
        on_line: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.lines: list[str] = []
        self._on_line = on_line
        place = folder.parent / f"stderr-{os.urandom(4).hex()}"
        os.mkfifo(place)
        self.stdout = place.with_suffix(".out")
        self._process = FORK.Process(
            target=main_of, args=(str(folder), list(words), dict(env), str(self.stdout), str(place))
        )
        self._process.start()
        self._reader = threading.Thread(target=self._read, args=(place.open("rb"),), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        """The exit code; -9 when it was killed."""
        self._process.join(120)
        assert self._process.exitcode is not None, self.lines
        self._reader.join(120)
        return self._process.exitcode

    @property
    def said(self) -> str:
        return "".join(self.lines)

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self.lines.append(line.decode())
                self._on_line(self.lines[-1])


def main_of(folder: str, words: list[str], env: dict[str, str], out: str, err: str) -> None:
    from orchestrator.cli import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    for number, path in ((1, out), (2, err)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.argv[0] = "orchestrate"
    sys.exit(main(words))


def folder_of(home: Path) -> RunFolder:
    """The newest run."""
    return find(home)


def report_of(home: Path) -> Report:
    return Report.model_validate_json((folder_of(home).path / "report.json").read_text("utf-8"))


def facts_of(home: Path) -> dict[str, object]:
    """The report but for measured fields, and for commits, which hold the answers' time."""
    text = json.dumps(lasting(report_of(home)), sort_keys=True)
    return json.loads(re.sub(r"\b[0-9a-f]{40}\b", "COMMIT", text))


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def answered(home: Path) -> Counter[str]:
    """How many answers the newest run's ledger holds, by `<scope>/<agent>`."""
    paths = (folder_of(home).ledger / "answers").glob("*/[a-z]*.json")
    return Counter(f"{path.parent.name}/{path.name.partition('-')[0]}" for path in paths)


def events_of(home: Path) -> list[dict[str, object]]:
    lines = folder_of(home).journal.read_text("utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


__all__ = ["IDEA", "KEY", "ONE", "Provider", "Running", "run"]
