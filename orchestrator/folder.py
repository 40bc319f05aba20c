"""Where things live: one run, one folder below `.orchestrate/runs/`."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.artifacts.plan import Plan, slugify
from orchestrator.artifacts.script import Wanted
from orchestrator.artifacts.values import Value
from orchestrator.errors import Missing, Misuse
from orchestrator.scratch import publish, scratch, sync

HOME = ".orchestrate"
_NEW = ".new-"


class Start(Value):
    """What a run was started with. `into` and `recording` are absolute paths or "". `created` is
    the recording's when there is one, `begun` is never; both are UTC, ISO 8601.

    With a `script` it writes one program, `into` is its file, and `force` may replace another.
    """

    run: str
    version: str
    created: str
    begun: str = ""
    idea: str
    plan: Plan | None
    into: str
    recording: str
    script: Wanted | None = None
    force: bool = False


class RunFolder:
    """The files of one run. Reading it creates nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.ledger = path / "ledger"
        self.journal = path / "journal.jsonl"
        self.prompts = path / "prompts"
        self.settings = path / "settings.toml"
        self.jobs = path / "jobs"
        """Verifications that processes of their own are at."""
        self.inbox = path.parent.parent / "inbox" / path.name
        """The only place where a host agent may write."""
        self.said = path.parent.parent / "said" / path.name
        """What a person said: no agent may."""
        self._start = path / "start.json"

    @property
    def home(self) -> Path:
        """The folder that the person works in, where `.orchestrate` lies."""
        return self.path.parent.parent.parent

    def start(self) -> Start:
        """Raises Missing when the folder is not a run or its start cannot be read."""
        try:
            return Start.model_validate_json(self._start.read_text("utf-8"))
        except FileNotFoundError as error:
            raise Missing(
                f"{self.path} is not a run: it has no start.json", "orchestrate runs"
            ) from error
        except OSError as error:
            raise Missing(f"cannot read {self._start}: {error.strerror}", "restore it") from error
        except ValueError as error:
            raise Missing(f"{self._start} is damaged", "restore the file") from error

    @property
    def reported(self) -> bool:
        """Whether the run came to its report, of which `report.md` is written last."""
        return (self.path / "report.md").is_file()

    def settings_text(self) -> str:
        """Raises Missing."""
        try:
            return self.settings.read_text("utf-8")
        except OSError as error:
            raise Missing(f"cannot read {self.settings}: {error.strerror}", "restore it") from error
        except ValueError as error:
            raise Missing(f"{self.settings} is not UTF-8", "restore the file") from error

    def write(self, start: Start, settings: str, prompts: Path) -> None:
        """Makes the folder of a new run, all of it at once. Raises Missing."""
        above = self.path.parent
        try:
            above.mkdir(mode=0o700, parents=True, exist_ok=True)
            with scratch(above, _NEW) as folder:
                new = RunFolder(folder)
                shutil.copytree(prompts, new.prompts)
                new.settings.write_text(settings, "utf-8")
                new._start.write_text(start.model_dump_json(indent=2) + "\n", "utf-8")
                publish(new.path, self.path)
            for path in (above.parent, self.home):
                sync(path)
        except OSError as error:
            raise _unwritable(self.path, error) from error


def create(home: Path, idea: str) -> RunFolder:
    """A fresh run's folder, not yet written, below `home`. Raises Missing when `home` cannot be
    written.
    """
    top = home / HOME
    try:
        top.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = top / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", "utf-8")
    except OSError as error:
        raise _unwritable(top, error) from error
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    base = f"{stamp}-{slugify(idea, 24) or 'run'}"
    number, name = 1, base
    while (top / "runs" / name).exists():
        number += 1
        name = f"{base}-{number}"
    return RunFolder(top / "runs" / name)


def runs(home: Path) -> tuple[RunFolder, ...]:
    """Every readable run below `home`, oldest first. Raises Missing when the folder of all runs
    cannot be read.
    """
    top = home / HOME / "runs"
    try:
        every = [*top.iterdir()] if top.is_dir() else []
    except OSError as error:
        raise Missing(f"cannot read {top}: {error.strerror}", "mend its permissions") from error
    found = [RunFolder(path) for path in every if not path.name.startswith(_NEW)]
    return tuple(sorted((one for one in found if begun(one)[0]), key=begun))


def begun(run: RunFolder) -> tuple[str, str]:
    """When, and the name: what orders runs. The time is "" for what is not a readable run."""
    try:
        start = run.start()
    except Missing:
        return "", run.name
    return start.begun or start.created, run.name


def find(home: Path, name: str = "") -> RunFolder:
    """The run called `name`, the newest when it is "". Raises Misuse when there is none."""
    every = runs(home)
    if not every:
        raise Misuse(f"no run in {home}", 'start one: orchestrate "your idea in a sentence"')
    if not name:
        return every[-1]
    found = [one for one in every if one.name == name]
    if not found and name == Path(name).name and (home / HOME / "runs" / name).is_dir():
        return RunFolder(home / HOME / "runs" / name)
    if not found:
        known = ", ".join(one.name for one in every[-5:])
        raise Misuse(f"no run {name!r} in {home}", f"the newest are: {known}")
    return found[0]


def _unwritable(path: Path, error: OSError) -> Missing:
    why = error.strerror or str(error)
    return Missing(f"cannot write {path}: {why}", "choose another folder or free space")
