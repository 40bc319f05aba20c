"""Runs that answer from a recording: its prompts, settings, decisions and answers, never its
verdicts.
"""

import hashlib
import json
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from orchestrator import machine, run, settings
from orchestrator.errors import Missing, Misuse
from orchestrator.folder import RunFolder
from orchestrator.settings import Settings
from orchestrator.trials import TRIALS

MANIFEST = "manifest.json"
"""Beside the shipped examples: the SHA-256 of every file of a recording that is trusted code."""


async def begin(
    home: Path,
    path: Path,
    env: Mapping[str, str],
    *,
    flags: Mapping[str, object],
    into: Path | None = None,
    force: bool = False,
) -> RunFolder:
    """A new run that answers from the recording at `path` (a recording, or a folder with one in
    it).

    A shipped recording whose bytes match the manifest is trusted code: where bubblewrap does not
    work it may run as an ordinary process. Raises Misuse when `path` holds no recording, Missing
    when something is broken.
    """
    recording = find(path)
    recorded = settings.parse(recording.settings_text(), str(recording.settings))
    # A recording may come from anywhere: only the person may say that its code needs no sandbox.
    sandbox = flags.get("sandbox") or "bubblewrap"
    chosen = settings.over(recorded, {**flags, "backend": "replay", "sandbox": sandbox})
    if flags.get("sandbox") is None and trusted(recording.path, machine.data("examples")):
        chosen = await _sandboxed(chosen, env)
    made = await run.begin(home, "", chosen, into=into, recording=recording, env=env, force=force)
    decisions = recording.ledger / "decisions"
    try:
        if decisions.is_dir():
            found_here = shutil.ignore_patterns(f"{TRIALS}+*")
            shutil.copytree(decisions, made.ledger / "decisions", ignore=found_here)
    except OSError as error:
        why = error.strerror or str(error)
        raise Missing(f"cannot copy {decisions} to {made.ledger}: {why}", "free space") from error
    return made


def find(path: Path) -> RunFolder:
    """The recording in `path`, which leads nowhere else. Raises Misuse."""
    for folder in (path, path / "recording"):
        if (folder / "start.json").is_file() and (folder / "prompts").is_dir():
            for one in folder.rglob("*"):
                if not stat.S_ISREG(mode := one.lstat().st_mode) and not stat.S_ISDIR(mode):
                    raise Misuse(f"{one} is no plain file", "give a recording of plain files")
            return RunFolder(folder.resolve())
    raise Misuse(f"{path} holds no recording", "give a run's folder, or one below examples/")


def trusted(recording: Path, shipped: tuple[Path, ...]) -> bool:
    """Whether `recording` is among the `shipped` examples, byte for byte as the manifest has it."""
    for examples in shipped:
        if examples.is_dir() and recording.resolve().is_relative_to(examples.resolve()):
            return _matches(recording.resolve(), examples.resolve())
    return False


def _matches(recording: Path, examples: Path) -> bool:
    try:
        expected: dict[str, str] = json.loads((examples / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    name = recording.relative_to(examples).as_posix() + "/"
    return hashes(examples, recording) == {
        path: digest for path, digest in expected.items() if path.startswith(name)
    }


def hashes(examples: Path, folder: Path) -> dict[str, str]:
    """SHA-256 by path relative to `examples`, of every file below `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(examples).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


async def _sandboxed(chosen: Settings, env: Mapping[str, str]) -> Settings:
    try:
        await machine.probed(chosen, env)
    except Missing:
        return settings.over(chosen, {"sandbox": "process"})
    return chosen
