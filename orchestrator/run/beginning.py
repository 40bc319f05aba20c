"""A new run's folder."""

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from orchestrator import folder as folders
from orchestrator import machine, settings
from orchestrator.artifacts.plan import Plan
from orchestrator.artifacts.script import Wanted
from orchestrator.errors import Missing, Misuse
from orchestrator.folder import RunFolder, Start
from orchestrator.repo import inside
from orchestrator.run.limits import payable
from orchestrator.settings import Settings

VERSION = metadata.version("milestone-orchestrator")


async def begin(
    home: Path,
    idea: str,
    chosen: Settings,
    *,
    env: Mapping[str, str],
    plan: Plan | None = None,
    into: Path | None = None,
    recording: RunFolder | None = None,
    script: Wanted | None = None,
    force: bool = False,
) -> RunFolder:
    """A new run's folder, written. A `recording` brings its own idea, plan, script and prompts.

    Raises Misuse when the product would land in a full folder or in somebody's repository or a
    limit cannot be kept, Missing when the run's folder cannot be written.
    """
    payable(chosen)
    source = recording.start() if recording else None
    wanted = source.script if source else script
    if wanted is None:
        await _free(into or home, home, env, full=into is not None)
    made = folders.create(home, source.idea if source else idea)
    now = datetime.now(UTC)
    start = Start(
        run=made.name,
        version=VERSION,
        created=source.created if source else now.isoformat(timespec="seconds"),
        begun=now.isoformat(timespec="microseconds"),
        idea=source.idea if source else idea,
        plan=source.plan if source else plan,
        into=str(into.resolve()) if into else "",
        recording=str(recording.path.resolve()) if recording else "",
        script=wanted,
        force=force,
    )
    prompts = recording.prompts if recording else machine.shipped("prompts")
    made.write(start, settings.dump(chosen), prompts)
    return made


async def _free(path: Path, home: Path, env: Mapping[str, str], *, full: bool) -> None:
    """Whether a product may be made in `path`, which must be empty when `full` is asked."""
    if full and not vacant(path):
        raise Misuse(f"{path} is not an empty folder", "give an empty or new one with --into")
    top = await inside(path, git=machine.git(env))
    if top and not _ignored(home):
        raise Misuse(
            f"{path} lies inside the git repository {top}",
            "start in an empty folder, or give one outside it with --into",
        )


def vacant(path: Path) -> bool:
    """Whether `path` is an empty folder, or nothing. Raises Missing when it is unreadable."""
    try:
        return not path.exists() or (path.is_dir() and not any(path.iterdir()))
    except OSError as error:
        raise Missing(f"cannot read {path}: {error.strerror}", "mend its permissions") from error


def _ignored(home: Path) -> bool:
    """Whether `home` hides itself from the repository around it, as the demo's folder does."""
    path = home / ".gitignore"
    return path.is_file() and path.read_text("utf-8", "replace").strip() == "*"
