"""The real client, headless, in a home of its own that has the skill as a user installs it."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.client import install

ROOT = Path(__file__).resolve().parents[2]
SKILL = "milestone-orchestrator"
EXAMPLE = "/home/you/.claude/skills/milestone-orchestrator"


def rules(skill: Path) -> list[str]:
    """The permission rules that references/installing.md gives for a skill in this folder."""
    text = (ROOT / "references/installing.md").read_text("utf-8")
    found = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert found is not None
    given: list[str] = json.loads(found[1])["permissions"]["allow"]
    return [one.replace(EXAMPLE, str(skill)) for one in given]


_NETWORK = re.compile(r"UV_\w+|SSL_\w+|\w*_PROXY", re.IGNORECASE)
"""Variables by which this machine reaches the package index."""


@dataclass
class Home:
    """A user's home below `top`, and an empty folder in it to work in. `allowed` are permission
    rules, None for those of references/installing.md; `skill` is the folder that they name.
    """

    top: Path
    allowed: list[str] | None = None
    skill: Path = field(init=False)

    def __post_init__(self) -> None:
        self.top.mkdir()
        self.work.mkdir()
        programs = self.top / "bin"
        programs.mkdir()
        for name in ("uv", "uvx"):
            (programs / name).symlink_to(Path(sys.executable).with_name(name))
        claude = self.top / ".claude"
        claude.mkdir()
        self.skill = claude / "skills" / SKILL

    def permit(self) -> None:
        """Writes the user's settings."""
        allowed = rules(self.skill) if self.allowed is None else self.allowed
        path = self.top / ".claude/settings.json"
        had = json.loads(path.read_text("utf-8")) if path.exists() else {}
        path.write_text(json.dumps({**had, "permissions": {"allow": allowed}}), "utf-8")

    @property
    def work(self) -> Path:
        return self.top / "work"

    def clone(self, place: Path | None = None) -> None:
        """The repository's last commit, in the client's folder for skills or at `place`."""
        self.skill = place or self.skill
        self.run("git", "clone", "-q", str(ROOT), str(self.skill))

    def run(self, *words: str) -> str:
        """Standard output of a command that must succeed, as this user runs it."""
        env = {**self.env(""), "PATH": f"{self.env('')['PATH']}:{install.node_path()}"}
        done = subprocess.run(
            words, cwd=self.work, env=env, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def env(self, url: str) -> dict[str, str]:
        """Nothing of the machine's but where programs and downloaded packages lie."""
        kept = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        base = os.path.dirname(os.path.realpath(sys.executable))  # noqa: PTH120
        return {
            **{name: value for name, value in os.environ.items() if _NETWORK.fullmatch(name)},
            "HOME": str(self.top),
            "PATH": f"{self.top / 'bin'}:{base}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or f"{kept}/uv",
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "sk-loopback-0123456789",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }


class Session:
    """`claude -p PROMPT` in a home. `kill` ends it and all that it started, as a crash would."""

    def __init__(
        self, program: Path, home: Home, prompt: str, *, url: str, limit: int = 120
    ) -> None:
        """`limit` are the seconds after which it cuts a command off."""
        limits = {
            name: str(limit * 1000) for name in ("BASH_DEFAULT_TIMEOUT_MS", "BASH_MAX_TIMEOUT_MS")
        }
        home.permit()
        self._process = subprocess.Popen(
            [str(program), "-p", prompt],
            cwd=home.work,
            env={**home.env(url), **limits},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> tuple[int, str, str]:
        """Exit code (-9 when it was killed), standard output and standard error."""
        out, err = self._process.communicate(timeout=540)
        return self._process.returncode, out.strip(), err.strip()
