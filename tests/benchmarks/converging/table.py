"""What each arm asked for, from the requests and answers of its runs.

    python -m tests.benchmarks.converging.table FOLDER

FOLDER is a pool's, or an unpacked archive of one, as `2026-11-26.tar.xz` beside this file.
Each run is walked again in a copy, its recorded answers given to the very requests that it puts: so
the requests are there to be counted. Tokens are bytes / 4, as the loopback counts; cache reads as
its cache gives them, each call within five minutes of the one before; prices are Anthropic's list
prices for the models of the preset `balanced`. What an answerer thought is not measured.
"""

import asyncio
import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from orchestrator import run
from orchestrator.artifacts.exchange import Answer, Request, Usage
from orchestrator.errors import AwaitingHost, Stop
from orchestrator.folder import RunFolder
from orchestrator.ledger import FileLedger
from orchestrator.models.anthropic.asking import Traits, body
from orchestrator.models.prices import price
from tests.loopback.cache import Cache, tokens
from tests.loopback.contract import Rules

ARMS = ("naive", "ours")


@dataclass
class Recording:
    """A Model that gives the recorded answers, and keeps what was asked."""

    answers: dict[tuple[str, str], Answer]
    asked: list[tuple[Request, Answer]] = field(default_factory=list)

    async def complete(self, request: Request) -> Answer:
        found = self.answers.get((request.id, request.digest))
        if found is None:
            raise AwaitingHost(request.id)
        self.asked.append((request, found))
        return found


@dataclass
class Count:
    calls: int = 0
    input: int = 0
    read: int = 0
    output: int = 0
    price: Decimal = Decimal(0)

    def add(self, usage: Usage, model: str) -> None:
        self.calls += 1
        self.input += usage.input + usage.cache_write_5m + usage.cache_read
        self.read += usage.cache_read
        self.output += usage.output
        self.price += Decimal(price(model, usage) or 0)

    def plus(self, other: "Count") -> "Count":
        return Count(*(getattr(self, one) + getattr(other, one) for one in self.__dict__))


def asked(home: Path) -> tuple[list[tuple[Request, Answer]], Path]:
    """The requests of the run in `home` in their order, with their answers; and the walked copy."""
    copy = Path(tempfile.mkdtemp()) / home.name
    shutil.copytree(home, copy, symlinks=True)
    (folder,) = (copy / ".orchestrate" / "runs").iterdir()
    ledger = FileLedger(folder / "ledger")
    answers = {(one.id, one.digest): one.answer for one in ledger.answers()}
    shutil.rmtree(folder / "ledger" / "answers")
    for written in folder.glob("report.*"):
        written.unlink()
    model = Recording(answers)
    try:
        asyncio.run(run.advance(RunFolder(folder), run.Outside(env={}, model=model)))
    except Stop as stop:
        print(f"{home.name}: not finished: {stop}", file=sys.stderr)
    return model.asked, folder


def counted(exchanges: list[tuple[Request, Answer]]) -> dict[str, Count]:
    """`first`: attempt 1; `retries`: all later ones."""
    cache, rules = Cache(), Rules()
    counts = {"first": Count(), "retries": Count()}
    for request, answer in exchanges:
        if request.agent in ("planner", "reporter"):
            continue
        sent = body(request, Traits(), spelled=False)
        found = cache.count(sent, rules)
        cache.write(sent, rules, began=time.monotonic())
        usage = Usage(
            input=found.input,
            output=tokens(answer.text),
            cache_read=found.read,
            cache_write_5m=found.written_5m,
            cache_write_1h=found.written_1h,
        )
        counts["first" if request.attempt == 1 else "retries"].add(usage, request.model)
    return counts


def ended(folder: Path) -> str:
    """How the milestone of a run came out, by its report."""
    path = folder / "report.json"
    if not path.exists():
        return "not finished"
    facts = json.loads(path.read_text())["facts"]
    (one,) = facts["milestones"]
    held = sum(each["held"] for each in one["criteria"])
    met = sum(each["met"] for each in one["criteria"])
    scores = " ".join(each["score"] or "-" for each in one["attempts"])
    tracked = one.get("tracked", [])
    fixed = sum(each["status"] == "resolved" for each in tracked)
    slips = sum(len(each.get("slips", ())) for each in one["attempts"])
    refined = sum(len(each.get("refined", ())) for each in one["attempts"])
    best = next(each for each in one["attempts"] if each["score"] == one["score"])
    return (
        f"{one['status']}, scores {scores}; best verified: {best['verdict']}, {met}/"
        f"{len(one['criteria'])} criteria met, {held} held checks passed; {fixed} of "
        f"{len(tracked)} findings resolved, {refined} by corrections alone, {slips} taken back"
    )


def line(name: str, count: Count) -> str:
    return (
        f"{name:28}{count.calls:6}{count.input:10}{count.read:10}{count.output:9}"
        f"  ${count.price:.3f}"
    )


def main(folder: Path) -> None:
    print(f"{'':28}{'calls':>6}{'input':>10}{'of cache':>10}{'output':>9}  price")
    totals, whole = ({arm: Count() for arm in ARMS} for _ in range(2))
    endings: list[str] = []
    for first in sorted(folder.glob("*.ours")):
        name = first.name.partition(".")[0]
        for arm in ARMS:
            exchanges, walked = asked(folder / f"{name}.{arm}")
            counts = counted(exchanges)
            print(line(f"{name}, attempt 1 {arm}", counts["first"]))
            whole[arm] = whole[arm].plus(counts["first"]).plus(counts["retries"])
            print(line(f"{name}, retries {arm}", counts["retries"]))
            totals[arm] = totals[arm].plus(counts["retries"])
            endings.append(f"{name} {arm}: {ended(walked)}")
    for arm in ARMS:
        print(line(f"all retries, {arm}", totals[arm]))
        print(line(f"whole milestones, {arm}", whole[arm]))
    for what, counts in (("retries", totals), ("whole milestones", whole)):
        if counts["naive"].price:
            share = counts["ours"].price / counts["naive"].price
            print(f"{what} cost {100 * share:.0f} % of the naive ones (aim: at most 40 %)")
    print("\n".join(endings))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
