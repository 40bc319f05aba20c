"""A Specification's regular expressions, tried where a bad one hangs nothing of ours."""

import json
import subprocess
import sys
from typing import Protocol

from orchestrator.errors import Missing

SECONDS = 5
LONGEST_TEXT = 1024 * 1024
MEMORY = 1024 * 1024 * 1024
SOURCE = (
    "import json, re, resource, sys, warnings; warnings.simplefilter('ignore'); "
    "hard = resource.getrlimit(resource.RLIMIT_AS)[1]; "
    f"soft = {MEMORY} if hard == resource.RLIM_INFINITY else min({MEMORY}, hard); "
    "resource.setrlimit(resource.RLIMIT_AS, (soft, hard)); "
    "pattern, text = json.load(sys.stdin); "
    "print(re.search(pattern, text, re.MULTILINE) is not None)"
)


class Search(Protocol):
    def __call__(self, pattern: str, text: str, /) -> bool | None: ...


def search(pattern: str, text: str, /) -> bool | None:
    """Whether `re.search` finds `pattern` in `text` (its first MiB), in MULTILINE mode; None when
    it comes to no end within 5 seconds and a GiB. Blocks for that long: call it in a thread.
    Raises Missing when this machine starts no process.
    """
    try:
        done = subprocess.run(
            (sys.executable, "-I", "-S", "-c", SOURCE),
            input=json.dumps((pattern, text[:LONGEST_TEXT])).encode(),
            capture_output=True,
            timeout=SECONDS,
            env={},
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    except OSError as error:
        raise Missing(f"cannot run {sys.executable}: {error}", "orchestrate doctor") from error
    return done.stdout.strip() == b"True" if done.returncode == 0 else None
