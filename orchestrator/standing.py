"""Where a run stands, read from its journal and ledger without touching either."""

import json
from collections.abc import Iterator
from pathlib import Path

from orchestrator.artifacts.values import Value
from orchestrator.budget import spend
from orchestrator.folder import RunFolder
from orchestrator.ledger import FileLedger


class Stand(Value):
    id: str
    status: str


class Standing(Value):
    """`tokens` is -1 when not measured, `price` "" when unknown."""

    run: str
    idea: str
    state: str
    milestones: tuple[Stand, ...]
    calls: int
    tokens: int
    price: str


def of(run: RunFolder) -> Standing:
    """Raises Missing when the run cannot be read."""
    start = run.start()
    state = "waiting or stopped; orchestrate resume goes on"
    milestones: dict[str, str] = {}
    for line in _lines(run.journal):
        match line:
            case {"event": "planned", "milestones": [*names]}:
                milestones = {str(name): milestones.get(str(name), "not begun") for name in names}
            case {"event": "stage_started", "milestone": str(name), "stage": stage, "attempt": n}:
                milestones[name] = f"{stage}, attempt {n}"
            case {"event": "milestone_ended", "milestone": str(name), "status": str(status)}:
                milestones[name] = status.replace("_", " ")
            case {"event": "run_ended", "passed": passed}:
                state = "complete" if passed else "ended, not passed"
            case {"event": "run_started"}:
                state = "running, waiting or stopped; orchestrate resume goes on"
            case _:
                pass
    spent = spend(one.answer for one in FileLedger(run.ledger).answers())
    known = spent.input_tokens >= 0 and spent.output_tokens >= 0
    return Standing(
        run=run.name,
        idea=start.idea,
        state=state,
        milestones=tuple(Stand(id=name, status=status) for name, status in milestones.items()),
        calls=spent.calls,
        tokens=spent.input_tokens + spent.output_tokens + spent.cache_read_tokens if known else -1,
        price=spent.price,
    )


def _lines(path: Path) -> Iterator[object]:
    """The journal's complete lines; the last may be torn by a kill."""
    if not path.exists():
        return
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue
