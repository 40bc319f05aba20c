"""Killed at every stage, a run goes on and comes to what it would have come to."""

import os
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from orchestrator import Orchestrator
from orchestrator.artifacts.exchange import Request
from orchestrator.artifacts.report import lasting
from tests.command import (
    IDEA,
    ONE,
    Provider,
    Running,
    answered,
    facts_of,
    folder_of,
    git,
    material,
    report_of,
)
from tests.world import Scripted, code, evaluation, greeter

FIRST = "milestone-1-mvp"
Point = tuple[Literal["before", "after", "line", "sandbox"], str]


def judged(request: Request) -> str:
    """Turns the first attempt down."""
    low = not material(request.prompt, "history")
    return evaluation("1", "greet", 2 if low else 4)


def written(request: Request) -> str:
    again = material(request.prompt, "findings")
    return code("1", "greet", '"Hello, " + name + "!"' if again else "")


SCRIPT = greeter({"planner": ONE, "eval": judged, "impl": written})


@dataclass
class Killer:
    """Kills the process, once in its life, when one of the `points` that are left comes: a request,
    a response, a line said, or the first sandbox after that line.
    """

    points: list[Point]
    home: Path
    env: dict[str, str]
    process: Running | None = None
    struck: bool = False

    def strike(self, kind: str, what: str) -> None:
        point = next((one for one in self.points if _meant(one, kind, what)), None)
        if point is None or self.process is None or self.struck:
            return
        self.struck = True
        self.points.remove(point)
        if point[0] == "sandbox":
            await_sandbox(self.process.pid)
        self.process.signal(signal.SIGKILL)

    def go(self, *words: str) -> int:
        self.struck = False
        self.process = Running(
            self.home, *words, env=self.env, on_line=lambda line: self.strike("line", line)
        )
        return self.process.wait()


def _meant(point: Point, kind: str, what: str) -> bool:
    wanted, where = point
    if kind == "line":
        return wanted in ("line", "sandbox") and where in what
    return kind == wanted and where == what


def await_sandbox(pid: int, *, skip: int = 0) -> None:
    """Returns when `pid` has a child that is a sandbox, `skip` others having come before; there is
    no event to wait for.
    """
    seen: set[str] = set()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                for child in (task / "children").read_text().split():
                    if Path(f"/proc/{child}/comm").read_text().strip() == "bwrap":
                        seen.add(child)
        if len(seen) > skip:
            return
        time.sleep(0.001)
    raise AssertionError("no sandbox was started")


def aimed(provider: Provider, killer: Killer) -> None:
    provider.on_request = lambda place: killer.strike("before", place)
    provider.on_sent = lambda place: killer.strike("after", place)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a run that nobody killed."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    home.mkdir()
    with Provider(SCRIPT) as provider:
        process = Running(home, IDEA, env=provider.env(dict(os.environ)))
        assert process.wait() == 0, process.said
        assert provider.twice == 0
    return home


PLACES = (
    "run/planner",
    *(f"{FIRST}/{agent}" for agent in ("spec", "arch", "impl", "test", "eval")),
    "run/reporter",
)
VERIFYING = f"{FIRST} #1 test  2 files"
POINTS: list[Point] = [
    *(("after", place) for place in PLACES[:5]),
    ("line", VERIFYING),
    ("sandbox", VERIFYING),
    ("after", f"{FIRST}/eval"),
    ("line", f"{FIRST} #2 eval  4.00: pass"),  # the merge begins
    ("line", f"MERGED {FIRST}"),
    ("after", "run/reporter"),
]


def test_killed_before_an_answer_at_each_stage_it_asks_only_that_again(
    home: Path, env: dict[str, str], undisturbed: Path
) -> None:
    with Provider(SCRIPT) as provider:
        killer = Killer([("before", place) for place in PLACES], home, provider.env(env))
        aimed(provider, killer)
        assert killer.go(IDEA) == -signal.SIGKILL
        codes = [killer.go("resume") for _ in PLACES]
        assert codes == [-signal.SIGKILL] * (len(PLACES) - 1) + [0]
        assert provider.twice == len(PLACES)
    same(home, undisturbed)
    assert report_of(home).possibly_billed_twice == len(PLACES)


@pytest.mark.full
def test_killed_after_an_answer_or_between_stages_it_asks_nothing_that_it_has_again(
    home: Path, env: dict[str, str], undisturbed: Path
) -> None:
    with Provider(SCRIPT) as provider:
        killer = Killer([*POINTS], home, provider.env(env))
        aimed(provider, killer)
        code, runs = killer.go(IDEA), 1
        while code == -signal.SIGKILL:
            held, seen = answered(home), len(provider.asked)
            code, runs = killer.go("resume"), runs + 1
            assert again(provider, seen, held) == []
        assert (code, killer.points) == (0, []), killer.process and killer.process.said
        assert runs == len(POINTS) + 1
        billed(home, provider, len(POINTS))
    same(home, undisturbed)
    elsewhere = home.with_name("elsewhere")
    elsewhere.mkdir()
    replayed = Running(elsewhere, "--replay", str(folder_of(home).path), env=env)
    assert replayed.wait() == 0, replayed.said
    assert lasting(report_of(elsewhere)) == lasting(report_of(home))


@pytest.mark.full
def test_killed_while_milestones_are_built_side_by_side_it_comes_to_the_same(
    home: Path, env: dict[str, str], tmp_path: Path
) -> None:
    points: list[Point] = [
        ("before", "milestone-3-whisper/impl"),
        ("after", "milestone-2-shout/test"),
        ("line", "MERGED milestone-2-shout"),
    ]
    with Provider(greeter()) as provider:
        killer = Killer([*points], home, provider.env(env))
        aimed(provider, killer)
        code, kills = killer.go(IDEA), 0
        while code == -signal.SIGKILL:
            code, kills = killer.go("resume"), kills + 1
        assert code == 0, killer.process and killer.process.said
        assert kills >= 2
        billed(home, provider, len(points))
    other = tmp_path / "scripted"
    assert Orchestrator(IDEA, folder=other, env=env, model=Scripted(greeter())).run().passed
    same(home, other)


def billed(home: Path, provider: Provider, kills: int) -> None:
    """The report names every call that was made twice; a kill may come between the intent and the
    call.
    """
    said = report_of(home).possibly_billed_twice
    assert provider.twice <= said <= provider.twice + kills


def again(provider: Provider, seen: int, held: Counter[str]) -> list[str]:
    """Places that were asked anew after the first `seen` requests although `held` counts an answer
    to each different request that was put there before.
    """
    every = [*zip(provider.asked, provider.texts, strict=True)]
    before = set(every[:seen])
    put = Counter(place for place, _ in before)
    return [one[0] for one in every[seen:] if one in before and held[one[0]] >= put[one[0]]]


def same(home: Path, other: Path) -> None:
    """The same main tree, and the same report but for measured fields."""
    trees = [git(one / "greeter", "rev-parse", "main^{tree}") for one in (home, other)]
    assert trees[0] == trees[1]
    assert git(home / "greeter", "status", "--porcelain") == ""
    assert facts_of(home) == facts_of(other)
    folder = folder_of(home)
    assert (folder.path / "report.md").read_text("utf-8").startswith("# ")
