"""The folder of a calibration: its name says what is calibrated, so the same one goes on."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from orchestrator import folder as folders
from orchestrator import machine, recordings, settings
from orchestrator.agents.judgement import schema_of
from orchestrator.artifacts.evaluation import Evaluation
from orchestrator.errors import Missing
from orchestrator.folder import RunFolder, Start
from orchestrator.ledger import disk
from orchestrator.render import Renderer
from orchestrator.run import VERSION
from orchestrator.run.limits import payable
from orchestrator.settings import Settings

PLACE = "calibration"
FACTS = ("verdicts/[!.]*.json", "decisions/run+lock+*.json")


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


def taken(made: RunFolder) -> None:
    """Gives `made` what was found out before: the recording's verdicts, and the locks that they
    hold under, which are what its evaluator was told; then those of other calibrations here, but
    none that are only a recording's. A verdict's key has everything that it depends on.

    For the holder of the lock of `made`. Raises Missing.
    """
    recording = made.start().recording
    beside = sorted(made.path.parent.glob("eval-*"))
    own = [one for one in beside if not one.name.startswith("eval-replay-")]
    for source in [*([Path(recording)] if recording else []), *own]:
        for pattern in FACTS:
            for path in sorted((source / "ledger").glob(pattern)):
                _copied(path, made.ledger / path.parent.name / path.name)


def _copied(path: Path, target: Path) -> None:
    try:
        if not target.exists():
            disk.write(target, path.read_bytes())
    except OSError as error:
        why = error.strerror or str(error)
        raise Missing(f"cannot copy {path} to {target}: {why}", "free space") from error


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
