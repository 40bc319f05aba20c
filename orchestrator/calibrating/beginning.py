"""The folder of a calibration: its name says what is calibrated, so the same one goes on."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from orchestrator import folder as folders
from orchestrator import machine, recordings, settings
from orchestrator.agents.judgement import schema_of
from orchestrator.artifacts.evaluation import Evaluation
from orchestrator.errors import Missing
from orchestrator.folder import RunFolder, Start
from orchestrator.render import Renderer
from orchestrator.run import VERSION
from orchestrator.run.limits import payable
from orchestrator.settings import Settings

PLACE = "calibration"
TAKEN = ("verdicts", "decisions")


def replaying(recording: RunFolder, flags: Mapping[str, object]) -> Settings:
    """The recording's settings, and whatever `flags` say. Only the person may say that code needs
    no sandbox. Raises Missing, and Misuse for a wrong flag.
    """
    recorded = settings.parse(recording.settings_text(), str(recording.settings))
    sandbox = flags.get("sandbox") or "bubblewrap"
    return settings.over(recorded, {**flags, "backend": "replay", "sandbox": sandbox})


def begin(home: Path, chosen: Settings, recording: RunFolder | None = None) -> RunFolder:
    """The folder below `home` of a calibration of this evaluator: this prompt, model and effort,
    as asked by `chosen`. It is written when it is not there; its limits may be others.

    Raises Misuse for a limit that cannot be kept, Missing when it cannot be written.
    """
    payable(chosen)
    prompts = recording.prompts if recording else machine.shipped("prompts")
    above = folders.create(home, PLACE).path.parent.parent / PLACE
    made = RunFolder(above / f"eval-{chosen.backend}-{_digest(chosen, prompts, recording)[:10]}")
    if not made.path.exists():
        now = datetime.now(UTC)
        start = Start(
            run=made.name,
            version=VERSION,
            created=now.isoformat(timespec="seconds"),
            begun=now.isoformat(timespec="microseconds"),
            idea="",
            plan=None,
            into="",
            recording=str(recording.path.resolve()) if recording else "",
        )
        made.write(start, settings.dump(chosen), prompts)
    return made


def taken(made: RunFolder, recording: Path) -> None:
    """Copies what the recording's evaluator was told as facts: the verdicts, and the locks that
    they hold under. Raises Missing. For the holder of the lock of `made`.
    """
    try:
        for kind in TAKEN:
            if (source := recording / "ledger" / kind).is_dir():
                shutil.copytree(source, made.ledger / kind, dirs_exist_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        raise Missing(f"cannot copy {recording} to {made.ledger}: {why}", "free space") from error


def _digest(chosen: Settings, prompts: Path, recording: RunFolder | None) -> str:
    """Hexadecimal, of everything that an answer may depend on but the set."""
    role = chosen.role("eval")
    parts = [
        Renderer(prompts).render("eval.md.j2"),
        schema_of(Evaluation),
        role.model_dump() if chosen.backend == "anthropic" else None,
        chosen.base_url,
        chosen.sandbox,
        chosen.limits.model_dump(),
        chosen.context_tokens,
        chosen.max_reasks,
        recordings.hashes(recording.path, recording.path) if recording else None,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
