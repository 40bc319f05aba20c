"""Where a run stands, read from its journal and ledger without touching either."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from orchestrator.artifacts.values import Value
from orchestrator.budget import spend
from orchestrator.errors import Missing
from orchestrator.folder import RunFolder
from orchestrator.ledger import FileLedger
from orchestrator.ledger.lock import holder

OPEN = "stopped; orchestrate resume goes on"


WAITS = "waits for your approval"
ENDED = ("complete", "failed after retries", "blocked", "cancelled")
"""What a milestone has come to when nothing more happens to it."""


class Stand(Value):
    id: str
    status: str


class Standing(Value):
    """`tokens` is -1 when not measured, `price` "" when unknown; `pid` is the process that
    advances the run now, 0 when none does.
    """

    run: str
    idea: str
    state: str
    pid: int
    milestones: tuple[Stand, ...]
    calls: int
    tokens: int
    price: str


class _Line(BaseModel):
    """What this page reads of a journal line; every event has its own fields."""

    event: str
    milestones: tuple[str, ...] = ()
    milestone: str = ""
    scope: str = ""
    stage: str = ""
    attempt: int = 0
    status: str = ""
    passed: bool = False


def of(run: RunFolder) -> Standing:
    """Raises Missing when the run cannot be read."""
    start, pid = run.start(), holder(run.path)
    running = f"running (pid {pid})" if pid else OPEN
    state = running
    milestones: dict[str, str] = {}
    for line in _lines(run.journal):
        if line.event == "planned":
            milestones = {name: milestones.get(name, "not begun") for name in line.milestones}
        elif line.event == "stage_started":
            milestones[line.milestone] = f"{line.stage}, attempt {line.attempt}"
        elif line.event == "awaited" and line.scope != "run":
            milestones[line.scope] = WAITS
        elif line.event == "awaited":
            state = f"the plan {WAITS}"
        elif line.event == "milestone_ended":
            milestones[line.milestone] = line.status.replace("_", " ")
        elif line.event == "run_ended":
            state = "complete" if line.passed else "ended, not passed"
        elif line.event == "run_started":
            state = running
    spent = spend(one.answer for one in FileLedger(run.ledger).answers())
    known = spent.input_tokens >= 0 and spent.output_tokens >= 0
    return Standing(
        run=run.name,
        idea=start.idea,
        state=state,
        pid=pid,
        milestones=tuple(Stand(id=name, status=status) for name, status in milestones.items()),
        calls=spent.calls,
        tokens=spent.input_tokens + spent.output_tokens + spent.cache_read_tokens if known else -1,
        price=spent.price,
    )


def spent(stands: Standing) -> str:
    """One line for a person."""
    tokens = f"{stands.tokens} tokens" if stands.tokens >= 0 else "tokens not measured"
    price = f"${stands.price}" if stands.price else "price unknown"
    return f"{stands.calls} calls, {tokens}, {price}"


def _lines(path: Path) -> Iterator[_Line]:
    """The journal's complete lines; the last may be torn by a kill."""
    if not path.exists():
        return
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise Missing(f"cannot read {path}: {error.strerror}", "mend its permissions") from error
    # Not splitlines: a text in the journal may hold other line ends, such as U+2028.
    for line in text.split("\n"):
        try:
            yield _Line.model_validate_json(line)
        except ValidationError:
            continue
