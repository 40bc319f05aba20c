"""Small disks, and how to fill one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small(folder: Path, mebibytes: int) -> Iterator[Path]:
    """`folder` as a disk of that size; skips the test where nobody may mount one."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("may not mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """The file that takes all the room there was."""
    path = folder / "filler"
    with path.open("ab", buffering=0) as file:
        try:
            for _ in range(4096):
                file.write(b"x" * 4096)
        except OSError:
            return path
    raise AssertionError(f"{folder} is no small disk")
