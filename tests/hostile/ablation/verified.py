"""Verification with a layer taken away, and whether a project that deserves no pass gets one."""

import asyncio
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.artifacts.architecture import Launch
from orchestrator.artifacts.checks import Check
from orchestrator.artifacts.tree import Tree
from orchestrator.machine import ruff_program
from orchestrator.sandbox.bubblewrap import Bubblewrap
from orchestrator.settings import Limits
from orchestrator.verify import bench as benches
from orchestrator.verify import verdict
from orchestrator.verify.bench import Bench
from orchestrator.verify.examination import examine
from orchestrator.verify.subject import Subject
from orchestrator.verify.verdict import Facts
from tests.hostile.ablation.row import Measured, Place
from tests.hostile.ablation.weakened import Away as Options
from tests.hostile.ablation.weakened import Edit, patched, wrapper
from tests.hostile.project import Project

LIMITS = Limits(test_seconds=30, step_seconds=5, mutants=3, memory_mib=512)
Blank = Callable[[Facts], Facts]


@dataclass(frozen=True)
class Away:
    """What is taken away: `tools` are (text of our bootstrap, what stands in its place), `values`
    of modules, `facts` is what is made of the facts before they are judged, `options` are
    bubblewrap's, `subject` what is made of the subject.
    """

    tools: tuple[tuple[str, str], ...] = ()
    values: tuple[tuple[Any, str, object], ...] = ()
    facts: tuple[Blank, ...] = ()
    options: tuple[Edit, ...] = ()

    def __add__(self, other: "Away") -> "Away":
        return Away(
            tools=self.tools + other.tools,
            values=self.values + other.values,
            facts=self.facts + other.facts,
            options=self.options + other.options,
        )


def proof(project: Project, away: Away, behind: Away | None = None) -> Callable[[Place], Measured]:
    """What `project` achieves: the one line "passed", or nothing."""

    def measure(place: Place) -> Measured:
        def tried(taken: Away, name: str) -> tuple[str, ...]:
            return achieved(project, taken, place, place.base / name)

        both = tried(away + behind, "both") if behind is not None else None
        return Measured(tried(Away(), "in-place"), tried(away, "without"), both)

    return measure


def achieved(project: Project, away: Away, place: Place, folder: Path) -> tuple[str, ...]:
    """Whether `project` passes without `away`; `folder` is made."""
    (folder / "kept").mkdir(parents=True, mode=0o777)
    marks = {"ENV": str(place.environment), "KEPT": str(folder / "kept")}
    bench = Bench(
        sandbox=Bubblewrap(place.cache, program=wrapper(folder, Options(away.options), marks)),
        environment=place.environment,
        limits=LIMITS,
        slots=asyncio.Semaphore(3),
        tools=_tools(folder, away),
    )
    with patched(away.values):
        facts = asyncio.run(examine(subject(project), bench, ruff_program()))
    for change in away.facts:
        facts = change(facts)
    found = verdict.decide(facts)
    if found.outcome == "pass":
        return ("passed",)
    print(folder.name, *found.reasons[:4], sep="\n    ")
    return ()


def subject(project: Project) -> Subject:
    given: Mapping[str, Any] = project.criteria or {}
    launch = given.get("launch")
    return Subject(
        tree=Tree(
            {
                path: text if isinstance(text, bytes) else text.encode()
                for path, text in project.files.items()
            }
        ),
        criteria=tuple(one["id"] for one in given.get("criteria", ())),
        checks=tuple(Check.model_validate(one) for one in given.get("checks", ())),
        launch=Launch.model_validate(launch) if launch else None,
        lock="",
    )


def _tools(folder: Path, away: Away) -> Path:
    if not away.tools:
        return benches.TOOLS
    tools = folder / "tools"
    shutil.copytree(benches.TOOLS, tools)
    boot = tools / "boot.py"
    text = boot.read_text()
    for old, new in away.tools:
        assert old in text, f"our bootstrap has no {old!r}"
        text = text.replace(old, new)
    boot.write_text(text)
    return tools
