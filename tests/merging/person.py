"""A person who works in the product's folder with ordinary git."""

import os
import subprocess
from pathlib import Path


def person(folder: Path, *words: str) -> str:
    """Git as Ann has it, with a name and nothing else of the machine's."""
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        env={
            "PATH": os.defpath,
            "HOME": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "user.name",
            "GIT_CONFIG_VALUE_0": "Ann",
            "GIT_CONFIG_KEY_1": "user.email",
            "GIT_CONFIG_VALUE_1": "ann@localhost",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commits(folder: Path, path: str, content: str | bytes) -> str:
    """The commit of a file that Ann wrote, with its path as subject."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    person(folder, "add", path)
    person(folder, "commit", "-q", "-m", path)
    return person(folder, "rev-parse", "HEAD")
