"""A run on the terminal: one line per stage as it happens, with time, tokens and cost."""

import time
from decimal import Decimal

from rich.console import Console
from rich.status import Status
from rich.text import Text

from orchestrator.artifacts.script import shown as points
from orchestrator.events import (
    AgentCall,
    Awaited,
    Event,
    Heard,
    MilestoneEnded,
    Planned,
    Quoted,
    Refined,
    Rerouted,
    RunEnded,
    RunStarted,
    Scored,
    StageEnded,
    StageStarted,
    Waiting,
    Warned,
)
from orchestrator.quote import told
from orchestrator.scoring import show


class Live:
    """A Sink. A terminal also shows what is running, below the lines; a pipe gets lines alone."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began: float | None = None
        self._seconds = 0.0
        self._tokens = 0
        self._price = Decimal(0)
        self._priced = True
        self._running: dict[tuple[str, str], None] = {}
        self._status: Status | None = None

    def __call__(self, event: Event) -> None:
        self.tell(event, at=time.monotonic())

    def tell(self, event: Event, *, at: float) -> None:
        """The event of the moment `at`, in seconds of any clock. Each `run_started` is another
        process: time, tokens and cost are counted from it.
        """
        if self._began is None or isinstance(event, RunStarted):
            self._began = at
            self._tokens, self._price, self._priced = 0, Decimal(0), True
            self._running.clear()
        self._seconds = max(0, at - self._began)
        self._told(event)
        self._show()

    def _told(self, event: Event) -> None:
        match event:
            case AgentCall():
                self._count(event)
            case StageStarted() | StageEnded():
                self._stage(event)
            case RunStarted():
                self._line("run", event.run, "", "bold")
            case Planned():
                self._line("plan", event.product, ", ".join(event.milestones), "bold")
            case Rerouted() | Scored() | Refined():
                self._again(event)
            case MilestoneEnded():
                self._ended(event)
            case Quoted() | Awaited() | Heard():
                self._person(event)
            case Waiting() | Warned():
                self._trouble(event)
            case RunEnded():
                said, style = (
                    ("passed", "bold green") if event.passed else ("not passed", "bold red")
                )
                self._line("done", said, event.report, style)

    def _stage(self, event: StageStarted | StageEnded) -> None:
        if isinstance(event, StageStarted):
            self._running[event.milestone, event.stage] = None
            return
        self._running.pop((event.milestone, event.stage), None)
        mark, style = ("ok", "green") if event.ok else ("red", "red")
        place = f"{event.milestone} #{event.attempt} {event.stage}"
        self._line(mark, place, event.result, style)

    def _person(self, event: Quoted | Awaited | Heard) -> None:
        """What a person is told or asked, or said."""
        if isinstance(event, Quoted):
            self._line("quote", told(event.quote), "", "cyan")
        elif isinstance(event, Awaited):
            what = "the plan" if event.scope == "run" else event.scope
            self._line("ask", f"{what} waits for approval", "", "yellow")
        else:
            self._line("heard", f"{event.scope} {event.what}", event.text, "cyan")

    def _again(self, event: Rerouted | Scored | Refined) -> None:
        """What is to be done once more; of a program its score, and what was done about it."""
        if isinstance(event, Rerouted):
            place = f"{event.milestone} #{event.attempt} {event.stage}"
            self._line("back", place, event.reason, "yellow")
            return
        place = f"version {event.version}"
        if isinstance(event, Scored):
            hoped = f", expected {points(event.expected)}" if event.expected >= 0 else ""
            self._line("score", f"{place}: {points(event.score)}{hoped}", event.ran, "cyan")
            return
        left = f", {event.left} left to its author" if event.left else ", no call"
        self._line("refine", place, f"corrections applied: {event.applied}{left}", "yellow")

    def _trouble(self, event: Waiting | Warned) -> None:
        if isinstance(event, Waiting):
            self._line("wait", f"{event.seconds:.0f} s", event.reason, "yellow")
        else:
            self._line("warn", event.message, "", "yellow")

    def close(self) -> None:
        """Takes the status line away, so that what follows stands alone."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _count(self, event: AgentCall) -> None:
        usage = event.usage
        if usage.input >= 0:
            written = usage.cache_write_5m + usage.cache_write_1h
            self._tokens += usage.input + usage.output + usage.cache_read + written
        if event.price:
            self._price += Decimal(event.price)
        else:
            self._priced = False

    def _ended(self, event: MilestoneEnded) -> None:
        if event.status == "complete":
            self._line(
                "MERGED", event.milestone, f"{event.title} ({show(event.score)})", "bold green"
            )
        else:
            said = event.status.replace("_", " ")
            self._line("FAILED", event.milestone, f"{said}: {event.reason}", "bold red")

    def _line(self, mark: str, place: str, said: str, style: str) -> None:
        line = Text(f"{self._clock()} {self._cost():>16}  ", style="dim")
        line.append(f"{mark:<6} ", style=style)
        line.append(plain(place))
        if said:
            line.append(f"  {plain(said)}", style="dim")
        self._console.print(line, soft_wrap=not self._console.is_terminal, highlight=False)

    def _clock(self) -> str:
        seconds = int(self._seconds)
        return f"{seconds // 60:02d}:{seconds % 60:02d}"

    def _cost(self) -> str:
        if not self._tokens:
            return "-"
        price = f"${self._price:.2f}" if self._priced else "$?"
        return f"{self._tokens / 1000:.1f}k {price}"

    def _show(self) -> None:
        if not self._console.is_terminal:
            return
        busy = ", ".join(f"{milestone} {stage}" for milestone, stage in self._running)
        if not busy:
            self.close()
            return
        if self._status is None:
            self._status = self._console.status("")
            self._status.start()
        self._status.update(Text(plain(busy), style="dim"))


def plain(text: str) -> str:
    """`text` without control characters: what agents and programs wrote must not drive the
    terminal.
    """
    return "".join(char if char.isprintable() else " " for char in text)
