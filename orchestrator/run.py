"""The composition root: settings -> live objects. The only wiring."""

import asyncio
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from orchestrator import folder as folders
from orchestrator import machine, orchestrator, settings
from orchestrator import report as reports
from orchestrator.agents.base import Asker
from orchestrator.artifacts.plan import Plan
from orchestrator.artifacts.report import Report
from orchestrator.errors import Missing, Misuse
from orchestrator.events import Event, RunEnded, RunStarted, Sink, Source, Warned
from orchestrator.folder import RunFolder, Start
from orchestrator.halt import Halt, interruptible
from orchestrator.journal import Journal
from orchestrator.ledger import FileLedger, RunLock
from orchestrator.milestone import Parts
from orchestrator.models import Model
from orchestrator.models.host import Host, Pending
from orchestrator.models.recorded import Recorded, Terms
from orchestrator.models.replay import Replay
from orchestrator.orchestrator import Inputs
from orchestrator.render import Renderer
from orchestrator.repo import Repo, inside
from orchestrator.settings import Settings
from orchestrator.verification import YES, Consent, Verification, allowing
from orchestrator.verify import Verifier

VERSION = metadata.version("milestone-orchestrator")


@dataclass(frozen=True)
class Outside:
    """What the world around a run gives, and what it wants to hear."""

    env: Mapping[str, str]
    sinks: tuple[Sink, ...] = ()
    pending: list[Pending] = field(default_factory=list[Pending])
    """Filled with the requests that wait for a host agent."""
    re_ask: bool = False
    model: Model | None = None
    """Instead of the one that the settings name: a scripted one."""
    signals: bool = False
    """Whether Ctrl-C and SIGTERM are the run's to handle: the process does nothing else."""
    consent: Consent | None = None
    """Asks a person about a package, None when nobody is there."""
    allow: tuple[str, ...] = ()
    """Packages, by canonical name, that are allowed from now on, beside those of the settings."""


@dataclass(frozen=True)
class _Wired:
    """The live objects that every part of a walk needs, made once."""

    run: RunFolder
    start: Start
    settings: Settings
    outside: Outside
    ledger: FileLedger
    sink: Sink
    halt: Halt
    lock_fd: int


async def begin(
    home: Path,
    idea: str,
    chosen: Settings,
    *,
    env: Mapping[str, str],
    plan: Plan | None = None,
    into: Path | None = None,
    recording: RunFolder | None = None,
) -> RunFolder:
    """A new run's folder, written. A `recording` brings its own idea, plan and prompts.

    Raises Misuse when the product would land in a full folder or in somebody's repository, Missing
    when the run's folder cannot be written.
    """
    await _free(into or home, home, env, full=into is not None)
    source = recording.start() if recording else None
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
    )
    prompts = recording.prompts if recording else machine.shipped("prompts")
    made.write(start, settings.dump(chosen), prompts)
    return made


async def _free(path: Path, home: Path, env: Mapping[str, str], *, full: bool) -> None:
    """Whether a product may be made in `path`, which must be empty when `full` is asked."""
    if full and not _vacant(path):
        raise Misuse(f"{path} is not an empty folder", "give an empty or new one with --into")
    top = await inside(path, git=machine.git(env))
    if top and not _ignored(home):
        raise Misuse(
            f"{path} lies inside the git repository {top}",
            "start in an empty folder, or give one outside it with --into",
        )


def _vacant(path: Path) -> bool:
    """Whether `path` is an empty folder, or nothing. Raises Missing when it is unreadable."""
    try:
        return not path.exists() or (path.is_dir() and not any(path.iterdir()))
    except OSError as error:
        raise Missing(f"cannot read {path}: {error.strerror}", "mend its permissions") from error


def _ignored(home: Path) -> bool:
    """Whether `home` hides itself from the repository around it, as the demo's folder does."""
    path = home / ".gitignore"
    return path.is_file() and path.read_text("utf-8", "replace").strip() == "*"


async def advance(run: RunFolder, outside: Outside) -> Report:
    """Takes `run` as far as it goes: what its ledger holds is not asked, verified or decided twice.

    Raises a Stop when it cannot go on now; running it again goes on from there.
    """
    with _wired(run, outside) as wired:
        return await _walk(wired)


async def plan_only(run: RunFolder, outside: Outside) -> Plan:
    """The plan of `run`, and nothing built. Raises a Stop when it cannot be made now."""
    with _wired(run, outside) as wired:
        return await orchestrator.plan(_asker(wired), _inputs(wired))


@contextmanager
def _wired(run: RunFolder, outside: Outside) -> Generator[_Wired]:
    start = run.start()
    chosen = settings.parse(run.settings_text(), str(run.settings))
    with RunLock(run.path) as lock:
        ledger = FileLedger(run.ledger)
        ledger.clean()
        journal = Journal(run.journal)
        halt = Halt()
        sink = _fan_out((journal, *outside.sinks))
        try:
            with _interruptible(halt, sink) if outside.signals else nullcontext():
                yield _Wired(run, start, chosen, outside, ledger, sink, halt, lock.fileno())
        finally:
            journal.close()


def _interruptible(halt: Halt, sink: Sink) -> AbstractContextManager[None]:
    said = "interrupted: what is in flight is finished and recorded; once more stops now"
    return interruptible(halt, lambda: sink(Warned(message=said)))


def _fan_out(sinks: tuple[Sink, ...]) -> Sink:
    def tell(event: Event) -> None:
        for sink in sinks:
            sink(event)

    return tell


async def _walk(wired: _Wired) -> Report:
    wired.sink(RunStarted(run=wired.start.run, idea=wired.start.idea))
    for name in wired.outside.allow:
        wired.ledger.decide(allowing(name), YES)
    if not wired.run.reported:
        await machine.probed(wired.settings, wired.outside.env)
    inputs, asker = _inputs(wired), _asker(wired)
    made = await orchestrator.plan(asker, inputs)
    parts = _parts(wired, asker, _product(wired, made))
    landed = await orchestrator.build(parts, wired.halt, inputs, made)
    report = await orchestrator.conclude(parts, wired.ledger, inputs, made=made, landed=landed)
    renderer = Renderer(*machine.data("templates"))
    path = reports.write(report, wired.run.path, renderer)
    wired.sink(RunEnded(run=wired.start.run, passed=report.passed, report=str(path)))
    return report


def _inputs(wired: _Wired) -> Inputs:
    start = wired.start
    return Inputs(
        run=start.run, version=VERSION, idea=start.idea, plan=start.plan, started=start.created
    )


def _asker(wired: _Wired) -> Asker:
    inner, source = _model(wired)
    terms = Terms(
        source=source, re_ask=wired.outside.re_ask, version=VERSION, begun_with=wired.start.version
    )
    recorded = Recorded(inner, wired.ledger, sink=wired.sink, halt=wired.halt, terms=terms)
    return Asker(recorded, Renderer(wired.run.prompts), wired.settings)


def _model(wired: _Wired) -> tuple[Model, Source]:
    chosen, outside = wired.settings, wired.outside
    if outside.model is not None:
        return outside.model, "live"
    if (recording := _recording(wired)) is not None:
        return Replay(recording, sink=wired.sink), "recording"
    if chosen.backend == "host":
        renderer = Renderer(wired.run.prompts)
        return Host(wired.run.inbox, renderer, pending=outside.pending), "host"
    if chosen.backend == "replay":
        raise Misuse("the backend is replay, but there is no recording", "give --replay DIR")
    from orchestrator.models.anthropic import AnthropicModel  # costs a second to import

    return AnthropicModel(
        api_key=outside.env.get("ANTHROPIC_API_KEY", "")
        or outside.env.get("ANTHROPIC_AUTH_TOKEN", ""),
        base_url=chosen.base_url or outside.env.get("ANTHROPIC_BASE_URL", ""),
        deadline_seconds=chosen.deadline_seconds,
        sink=wired.sink,
    ), "live"


def _recording(wired: _Wired) -> FileLedger | None:
    path = wired.start.recording
    return FileLedger(RunFolder(Path(path)).ledger) if path else None


def _product(wired: _Wired, made: Plan) -> Repo:
    """The product's repository. Raises Misuse when its folder holds something else."""
    path = Path(wired.start.into) if wired.start.into else wired.run.home / made.slug
    if not (_vacant(path) or _begun(path)):
        raise Misuse(
            f"the product's folder {path} is not empty", "move it away, then: orchestrate resume"
        )
    repo = Repo(path, git=machine.git(wired.outside.env), lock_fd=wired.lock_fd)
    repo.clean()
    return repo


def _begun(path: Path) -> bool:
    """Whether a run began in `path`, also when it was killed on the way."""
    return path.is_dir() and any(one.name.startswith(".git") for one in path.iterdir())


def _parts(wired: _Wired, asker: Asker, repo: Repo) -> Parts:
    return Parts(
        asker=asker,
        verification=Verification(
            _verifier(wired),
            wired.ledger,
            wired.halt,
            sink=wired.sink,
            allowed=wired.settings.allow_packages,
            consent=wired.outside.consent,
            recording=_recording(wired),
        ),
        repo=repo,
        ledger=wired.ledger,
        sink=wired.sink,
        settings=wired.settings,
        slots=asyncio.Semaphore(wired.settings.parallel),
    )


def _verifier(wired: _Wired) -> Verifier:
    place = machine.cache(wired.outside.env)
    return Verifier(
        machine.sandbox(wired.settings, place),
        limits=wired.settings.limits,
        cache=place,
        uv=machine.uv_program(),
        ruff=machine.ruff_program(),
        python=machine.python(),
        env=wired.outside.env,
    )
