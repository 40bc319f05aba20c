"""Settings -> live objects. The only wiring."""

import hashlib
import math
import os
import time
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator import jobs, machine, settings
from orchestrator.agents.base import Asker
from orchestrator.artifacts.plan import Plan
from orchestrator.artifacts.script import Wanted
from orchestrator.budget import RUN, Budget
from orchestrator.errors import Misuse
from orchestrator.events import Event, Sink, Source, Warned
from orchestrator.folder import RunFolder, Start
from orchestrator.halt import Halt, interruptible
from orchestrator.journal import Journal
from orchestrator.ledger import FileLedger, RunLock
from orchestrator.milestone import Parts
from orchestrator.models import Model
from orchestrator.models.claude_code import ClaudeCode
from orchestrator.models.host import Host, Pending
from orchestrator.models.prices import dearest
from orchestrator.models.recorded import Recorded, Terms
from orchestrator.models.remembered import Remembered
from orchestrator.models.replay import Replay
from orchestrator.people import Anew, Ask, People
from orchestrator.render import Renderer
from orchestrator.repo import Repo
from orchestrator.run import limits
from orchestrator.run.beginning import VERSION, vacant
from orchestrator.settings import Settings
from orchestrator.slots import Slots
from orchestrator.trials import Trials
from orchestrator.verification import Consent, Examine, Verification, worked
from orchestrator.verify import Verifier, environment


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
    ask: Ask | None = None
    """Puts a question to the person at the terminal, None when nobody is there."""
    confirm: bool = False
    """Whether the plan is put to that person before anything is built."""
    flags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Settings that are other from now on, by name."""
    anew: Anew | None = None
    """A milestone that has ended and is to be built on."""
    patience: float = 5.0
    """Seconds to wait for another process that advances the run."""
    wait: float = math.inf
    """Seconds after which, those included, a verification in a process of its own is no longer
    waited for."""


@dataclass(frozen=True)
class Wired:
    """The live objects that every part of a walk needs, made once."""

    run: RunFolder
    start: Start
    settings: Settings
    outside: Outside
    ledger: FileLedger
    sink: Sink
    halt: Halt
    lock_fd: int
    until: float
    """When what goes on without us is no longer waited for, on the monotonic clock."""


@contextmanager
def wired(run: RunFolder, outside: Outside) -> Generator[Wired]:
    """Holds the run's lock. Raises Busy, Missing, and Misuse for flags that cannot be."""
    until = time.monotonic() + outside.wait
    start = run.start()
    chosen = settings.parse(run.settings_text(), str(run.settings))
    with RunLock(run.path, wait=outside.patience) as lock:
        ledger = FileLedger(run.ledger)
        ledger.clean()
        jobs.clean(run.jobs, ledger)
        chosen = limits.chosen(chosen, ledger, outside.flags)
        journal = Journal(run.journal)
        halt = Halt()
        sink = _fan_out((journal, *outside.sinks))
        try:
            with _interruptible(halt, sink) if outside.signals else nullcontext():
                yield Wired(run, start, chosen, outside, ledger, sink, halt, lock.fileno(), until)
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


def budget(wired: Wired) -> Budget:
    """With everything counted that the ledger holds. A recording's answers cost nothing."""
    chosen, recorded = wired.settings, bool(wired.start.recording)
    caps = limits.none() if recorded else (chosen.caps(), chosen.milestone_caps())
    made = Budget(*caps, priced=dearest)
    for one in wired.ledger.answers():
        scope, agent, *_ = one.id.split("/")
        made.spent(scope, one.answer, model=limits.role(chosen, agent).model)
    made.worked(RUN, sum(map(worked, wired.ledger.verdicts())))
    return made


def people(wired: Wired) -> People:
    return People(
        wired.run.said,
        wired.ledger,
        sink=wired.sink,
        approve=wired.settings.approve,
        ask=wired.outside.ask,
        confirm=wired.outside.confirm,
    )


def asker(wired: Wired, budget: Budget) -> Asker:
    prompts, answers = Renderer(wired.run.prompts), model(wired, budget)
    return Asker(answers, prompts, wired.settings, pressed=budget.pressed)


def model(wired: Wired, budget: Budget) -> Recorded:
    """The chosen model behind the ledger."""
    inner, source = _model(wired)
    terms = Terms(
        source=source,
        re_ask=wired.outside.re_ask,
        version=VERSION,
        begun_with=wired.start.version,
        calls=wired.settings.model_calls,
    )
    return Recorded(
        inner, wired.ledger, sink=wired.sink, halt=wired.halt, budget=budget, terms=terms
    )


def _model(wired: Wired) -> tuple[Model, Source]:
    chosen, outside = wired.settings, wired.outside
    if outside.model is not None:
        return outside.model, "live"
    if (recording := _recording(wired)) is not None:
        return Replay(recording, sink=wired.sink), "recording"
    if chosen.backend == "host":
        # The form of a request's file is ours, whatever prompts the run began with.
        renderer = Renderer(machine.shipped("prompts"))
        return Host(wired.run.inbox, renderer, pending=outside.pending), "host"
    if chosen.backend == "replay":
        raise Misuse("the backend is replay, but there is no recording", "give --replay DIR")
    if chosen.backend == "claude-code":
        return ClaudeCode(
            env=outside.env, model=chosen.model, deadline_seconds=chosen.deadline_seconds
        ), "live"
    from orchestrator.models.anthropic import AnthropicModel  # costs a second to import

    return AnthropicModel(
        api_key=outside.env.get("ANTHROPIC_API_KEY", "")
        or outside.env.get("ANTHROPIC_AUTH_TOKEN", ""),
        base_url=chosen.base_url or outside.env.get("ANTHROPIC_BASE_URL", ""),
        deadline_seconds=chosen.deadline_seconds,
        sink=wired.sink,
        remembered=Remembered(machine.endpoints(outside.env), version=VERSION),
    ), "live"


def _recording(wired: Wired) -> FileLedger | None:
    path = wired.start.recording
    return FileLedger(RunFolder(Path(path)).ledger) if path else None


def product(wired: Wired, made: Plan) -> Repo:
    """The product's repository. Raises Misuse when its folder holds something else than what this
    run began in it.
    """
    path = Path(wired.start.into) if wired.start.into else wired.run.home / made.slug
    name = wired.start.into or made.slug
    place = f"run/product/{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    ours = wired.ledger.decision(place) is not None and _begun(path)
    if not (ours or vacant(path)):
        raise Misuse(
            f"the product's folder {path} is not empty", "move it away, then: orchestrate resume"
        )
    wired.ledger.decide(place, name)
    repo = Repo(path, git=machine.git(wired.outside.env), lock_fd=wired.lock_fd)
    repo.clean()
    return repo


def _begun(path: Path) -> bool:
    """Whether a run began in `path`, also when it was killed on the way."""
    return path.is_dir() and any(one.name.startswith(".git") for one in path.iterdir())


def trials(wired: Wired, budget: Budget, wanted: Wanted) -> Trials:
    chosen, env = wired.settings, wired.outside.env
    uv = machine.uv_of(chosen, env)
    return Trials(
        machine.sandbox(chosen, machine.cache(env)),
        wanted,
        limits=chosen.limits,
        environment=lambda: environment.provide("", uv),
        ledger=wired.ledger,
        budget=budget,
        halt=wired.halt,
    )


def parts(wired: Wired, asker: Asker, budget: Budget, people: People, repo: Repo) -> Parts:
    return Parts(
        asker=asker,
        verification=verification(wired, budget),
        repo=repo,
        ledger=wired.ledger,
        people=people,
        sink=wired.sink,
        settings=wired.settings,
        traces=wired.run.path / "traces",
        slots=Slots(wired.settings.parallel),
    )


def verification(wired: Wired, budget: Budget) -> Verification:
    verifier = machine.verifier(wired.settings, wired.outside.env)
    return Verification(
        verifier,
        wired.ledger,
        wired.halt,
        examine=_examine(wired, verifier),
        sink=wired.sink,
        budget=budget,
        slots=Slots(_sandboxes(wired.settings)),
        allowed=wired.settings.allow_packages,
        consent=wired.outside.consent,
        recording=_recording(wired),
    )


def _sandboxes(chosen: Settings) -> int:
    return chosen.sandboxes or os.cpu_count() or 1


def _examine(wired: Wired, verifier: Verifier) -> Examine:
    """In this process, or in one that outlives it where a host agent's client may end ours."""
    outside = wired.outside
    if wired.settings.backend != "host" or wired.start.recording or outside.model is not None:
        return verifier.verify
    terms = jobs.Terms(
        env={name: one for name, one in outside.env.items() if not name.startswith("ANTHROPIC_")},
        limits=wired.settings.limits,
        together=_sandboxes(wired.settings),
        until=wired.until,
        asked=lambda: bool(outside.pending) and math.isfinite(outside.wait),
    )
    return jobs.Detached(
        verifier,
        wired.ledger,
        folder=wired.run.jobs,
        halt=wired.halt,
        sink=wired.sink,
        terms=terms,
    ).verify
