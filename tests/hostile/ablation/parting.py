"""What becomes of a sandbox whose starter is killed."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from orchestrator.artifacts.tree import Tree
from orchestrator.sandbox import Command
from orchestrator.sandbox.bubblewrap import Bubblewrap
from tests.hostile.ablation.row import Measured, Place
from tests.hostile.ablation.weakened import LIMITS, Away, wrapper

MARK = "outlives-its-starter"
PATIENCE = 5.0


def proof(away: Away) -> Callable[[Place], Measured]:
    """Whether a program in the sandbox lives on when who started the sandbox is killed."""

    def measure(place: Place) -> Measured:
        return Measured(_outlived(place, Away(), "in-place"), _outlived(place, away, "without"))

    return measure


def _outlived(place: Place, away: Away, name: str) -> tuple[str, ...]:
    folder = place.base / name
    folder.mkdir(mode=0o755)
    program = wrapper(folder, away, {"ENV": str(place.environment)})
    words = [str(folder), str(place.environment), program, f"{MARK}-{name}"]
    with subprocess.Popen([sys.executable, "-P", "-m", __spec__.name, *words]) as starter:
        began = _within(lambda: _alive(f"{MARK}-{name}"))
        starter.kill()
    assert began, "the program in the sandbox did not begin"
    gone = _within(lambda: not _alive(f"{MARK}-{name}"))
    return () if gone else ("it lives on",)


def _within(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.05)
    return held


def _alive(mark: str) -> bool:
    """Whether a program of that name, in the sandbox, is in the outer sandbox's /proc."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[-2:-1] == [mark.encode()] and words[1:2] == [b"-c"]:
            return True
    return False


def main() -> None:
    folder, environment, program, mark = sys.argv[1:]
    command = Command(
        argv=("{env}/bin/python", "-c", "import time; time.sleep(60)", mark),
        tree=Tree(),
        environment=Path(environment),
        tools=None,
        **LIMITS,  # type: ignore[arg-type]
    )
    os.chdir("/")
    asyncio.run(Bubblewrap(Path(folder), program=program).exec(command))


if __name__ == "__main__":
    main()
