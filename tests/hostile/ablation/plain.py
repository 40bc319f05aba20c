"""What plain tools say of a project in the same sandbox: pytest's exit code, coverage's report."""

import asyncio
import re
from collections.abc import Callable

from orchestrator.sandbox import Command, ExecResult
from orchestrator.sandbox.bubblewrap import Bubblewrap
from orchestrator.verify import suite
from orchestrator.verify.bench import Bench
from tests.hostile.ablation.row import Measured, Place
from tests.hostile.ablation.verified import LIMITS, Away, achieved, subject
from tests.hostile.project import Project


def exit_code(project: Project) -> Callable[[Place], Measured]:
    """Our verdict, and whether plain pytest ends with 0."""

    def measure(place: Place) -> Measured:
        said = _ran(project, place, "python -m pytest -q tests")
        found = achieved(project, Away(), place, place.base / "in-place")
        return Measured(found, () if said.returncode else ("exit code 0",))

    return measure


def coverage(project: Project) -> Callable[[Place], Measured]:
    """Whether our figure is 100 %, and whether coverage's own is."""

    def measure(place: Place) -> Measured:
        bench = Bench(
            sandbox=Bubblewrap(place.cache),
            environment=place.environment,
            limits=LIMITS,
            slots=asyncio.Semaphore(1),
        )
        ours = asyncio.run(suite.run(subject(project).tree, bench)).report.coverage
        words = "python -m coverage run -m pytest -q tests >/dev/null; python -m coverage report"
        theirs = re.findall(r"TOTAL.*?(\d+)%", _ran(project, place, words).stdout)
        return Measured(_whole(ours), _whole(int(theirs[-1])) if theirs else ())

    return measure


def _whole(percent: int) -> tuple[str, ...]:
    return ("100 %",) if percent == 100 else ()


def _ran(project: Project, place: Place, words: str) -> ExecResult:
    command = Command(
        argv=("sh", "-c", words),
        tree=subject(project).tree,
        environment=place.environment,
        tools=None,
        seconds=30,
        memory_mib=512,
        processes=64,
        output_kib=256,
    )
    return asyncio.run(Bubblewrap(place.cache).exec(command))
