"""The composition root: settings -> live objects. The only wiring."""

import asyncio
import os
import shutil
import signal
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import ruff  # pyright: ignore[reportMissingTypeStubs]
import uv
from pydantic import ValidationError

from orchestrator import folder as folders
from orchestrator import orchestrator, settings
from orchestrator import report as reports
from orchestrator.agents.base import Asker
from orchestrator.artifacts.plan import Plan, problems
from orchestrator.artifacts.report import Report
from orchestrator.artifacts.values import Value
from orchestrator.errors import Interrupted, Missing, Misuse
from orchestrator.events import Event, RunEnded, RunStarted, Sink, Source
from orchestrator.folder import RunFolder, Start
from orchestrator.halt import Halt
from orchestrator.journal import Journal
from orchestrator.ledger import FileLedger, RunLock
from orchestrator.milestone import Parts
from orchestrator.models import Model
from orchestrator.models.host import Host, Pending
from orchestrator.models.recorded import Recorded
from orchestrator.models.replay import Replay
from orchestrator.orchestrator import Inputs
from orchestrator.render import Renderer
from orchestrator.repo import Repo, inside
from orchestrator.sandbox import Sandbox
from orchestrator.sandbox.bubblewrap import Bubblewrap
from orchestrator.sandbox.probe import probe
from orchestrator.sandbox.process import Process
from orchestrator.settings import Settings
from orchestrator.verification import Verification
from orchestrator.verify import Verifier, environment
from orchestrator.verify.environment import Uv

PACKAGE = Path(__file__).parent
VERSION = metadata.version("milestone-orchestrator")


def data(kind: str) -> tuple[Path, Path]:
    """Where `kind` (prompts, templates, examples) lies: in the wheel, or in a checkout."""
    return PACKAGE / "_data" / kind, PACKAGE.parent / kind


def shipped(kind: str) -> Path:
    """The first of `data(kind)` that exists. Raises Missing."""
    for path in data(kind):
        if path.is_dir():
            return path
    raise Missing(f"the installed package has no {kind}", "reinstall milestone-orchestrator")


@dataclass(frozen=True)
class Outside:
    """What the world around a run gives, and what it wants to hear."""

    env: Mapping[str, str]
    sinks: tuple[Sink, ...] = ()
    submitted: frozenset[str] = frozenset()
    """Ids of requests whose answers a host agent has written."""
    pending: list[Pending] = field(default_factory=list[Pending])
    """Filled with the requests that wait for a host agent."""
    re_ask: bool = False
    model: Model | None = None
    """Instead of the one that the settings name: a scripted one."""


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
    start = Start(
        run=made.name,
        version=VERSION,
        created=source.created if source else _now(),
        idea=source.idea if source else idea,
        plan=source.plan if source else plan,
        into=str(into.resolve()) if into else "",
        recording=str(recording.path.resolve()) if recording else "",
    )
    prompts = recording.prompts if recording else shipped("prompts")
    made.write(start, settings.dump(chosen), prompts)
    return made


async def _free(path: Path, home: Path, env: Mapping[str, str], *, full: bool) -> None:
    """Whether a product may be made in `path`, which must be empty when `full` is asked."""
    if full and path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Misuse(f"{path} is not an empty folder", "give an empty or new one with --into")
    top = await inside(path, git=_git(env))
    if top and not _ignored(home):
        raise Misuse(
            f"{path} lies inside the git repository {top}",
            "start in an empty folder, or give one outside it with --into",
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


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
    chosen = settings.parse(_read(run.settings), str(run.settings))
    with RunLock(run.path) as lock:
        ledger = FileLedger(run.ledger)
        ledger.clean()
        journal = Journal(run.journal)
        halt = Halt()
        sink = _fan_out((journal, *outside.sinks))
        try:
            with _interruptible(halt):
                yield _Wired(run, start, chosen, outside, ledger, sink, halt, lock.fileno())
        finally:
            journal.close()


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise Missing(f"cannot read {path}: {error.strerror}", "restore the file") from error


def _fan_out(sinks: tuple[Sink, ...]) -> Sink:
    def tell(event: Event) -> None:
        for sink in sinks:
            sink(event)

    return tell


@contextmanager
def _interruptible(halt: Halt) -> Generator[None]:
    """Ctrl-C once: what is in flight is finished and recorded. Twice: stop now."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def interrupt() -> None:
        if halt.cause is not None and task is not None:
            task.cancel()
        halt.stop(
            Interrupted("interrupted; nothing that was answered is lost", "orchestrate resume")
        )

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, interrupt)
    try:
        yield
    except asyncio.CancelledError:
        if halt.cause is None:
            raise
        raise halt.cause from None
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)


async def _walk(wired: _Wired) -> Report:
    wired.sink(RunStarted(run=wired.start.run, idea=wired.start.idea))
    inputs, asker = _inputs(wired), _asker(wired)
    if not wired.ledger.answers():
        await probed(wired.settings, wired.outside.env)
    made = await orchestrator.plan(asker, inputs)
    parts = _parts(wired, asker, _product(wired, made))
    landed = await orchestrator.build(parts, wired.halt, inputs, made)
    report = await orchestrator.conclude(parts, wired.ledger, inputs, made=made, landed=landed)
    renderer = Renderer(*data("templates"))
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
    recorded = Recorded(
        inner,
        wired.ledger,
        sink=wired.sink,
        halt=wired.halt,
        source=source,
        re_ask=wired.outside.re_ask,
    )
    return Asker(recorded, Renderer(wired.run.prompts), wired.settings)


def _model(wired: _Wired) -> tuple[Model, Source]:
    chosen, outside = wired.settings, wired.outside
    if outside.model is not None:
        return outside.model, "live"
    if wired.start.recording:
        recording = FileLedger(RunFolder(Path(wired.start.recording)).ledger)
        return Replay(recording, sink=wired.sink), "recording"
    if chosen.backend == "host":
        renderer = Renderer(wired.run.prompts)
        return Host(
            wired.run.inbox, renderer, submitted=outside.submitted, pending=outside.pending
        ), "host"
    from orchestrator.models.anthropic import AnthropicModel  # costs a second to import

    return AnthropicModel(
        api_key=outside.env.get("ANTHROPIC_API_KEY", "")
        or outside.env.get("ANTHROPIC_AUTH_TOKEN", ""),
        base_url=chosen.base_url or outside.env.get("ANTHROPIC_BASE_URL", ""),
        deadline_seconds=chosen.deadline_seconds,
        sink=wired.sink,
    ), "live"


def _product(wired: _Wired, made: Plan) -> Repo:
    """The product's repository. Raises Misuse when its folder holds something else."""
    path = Path(wired.start.into) if wired.start.into else wired.run.home / made.slug
    if path.exists() and not (path.is_dir() and (_begun(path) or not any(path.iterdir()))):
        raise Misuse(
            f"the product's folder {path} is not empty", "move it away, then: orchestrate resume"
        )
    repo = Repo(path, git=_git(wired.outside.env), lock_fd=wired.lock_fd)
    repo.clean()
    return repo


def _begun(path: Path) -> bool:
    """Whether a run began in `path`, also when it was killed on the way."""
    return (path / ".git").is_dir() or any(one.name.startswith(".git") for one in path.iterdir())


def _parts(wired: _Wired, asker: Asker, repo: Repo) -> Parts:
    verifier = _verifier(wired)
    return Parts(
        asker=asker,
        verification=Verification(verifier, wired.ledger, wired.halt),
        repo=repo,
        sink=wired.sink,
        settings=wired.settings,
        slots=asyncio.Semaphore(wired.settings.parallel),
    )


def _verifier(wired: _Wired) -> Verifier:
    place = cache(wired.outside.env)
    return Verifier(
        _sandbox(wired.settings, place),
        limits=wired.settings.limits,
        cache=place,
        uv=Path(uv.find_uv_bin()),
        ruff=Path(ruff.find_ruff_bin()),
        python=_python(),
        env=wired.outside.env,
    )


def _python() -> Path:
    return Path(sys.executable).resolve()


def _sandbox(chosen: Settings, place: Path) -> Sandbox:
    return Bubblewrap(place) if chosen.sandbox == "bubblewrap" else Process()


async def probed(chosen: Settings, env: Mapping[str, str]) -> None:
    """Returns when git and the chosen sandbox work here; before anything is paid for. Raises
    Missing.
    """
    _git(env)
    place = cache(env)
    tools = Uv(program=Path(uv.find_uv_bin()), python=_python(), cache=place, env=env)
    await probe(_sandbox(chosen, place), await environment.provide("", tools))


def cache(env: Mapping[str, str]) -> Path:
    """Environments and verification copies, where an unprivileged user can reach them. Raises
    Missing.
    """
    if os.geteuid() == 0:
        path = Path("/var/cache/milestone-orchestrator")
    else:
        home = env.get("XDG_CACHE_HOME") or str(
            Path(env.get("HOME") or "~").expanduser() / ".cache"
        )
        path = Path(home) / "milestone-orchestrator"
    try:
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise Missing(f"cannot write {path}: {error.strerror}", "set XDG_CACHE_HOME") from error
    return path


def _git(env: Mapping[str, str]) -> Path:
    found = shutil.which("git", path=env.get("PATH"))
    if found is None:
        raise Missing("git is not installed", "install it, for example: apt-get install git")
    return Path(found)


class PlanFile(Value):
    """A plan as a person edits it, with the idea that it came from."""

    idea: str
    plan: Plan


def plan_text(idea: str, made: Plan) -> str:
    return PlanFile(idea=idea, plan=made).model_dump_json(indent=2) + "\n"


def read_plan(text: str, origin: str) -> tuple[str, Plan]:
    """The idea and plan in `text`. Raises Misuse with every reason why it cannot be run."""
    try:
        found = PlanFile.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise Misuse(
            f"{origin}: {place}: {first['msg']}", "orchestrate plan writes a good one"
        ) from error
    if reasons := problems(found.plan):
        raise Misuse(f"{origin}: {'; '.join(reasons)}", "mend the plan file")
    return found.idea, found.plan
