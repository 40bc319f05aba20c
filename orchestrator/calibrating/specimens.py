"""The labelled set as an evaluator gets it: projects, clean or with one planted defect."""

import hashlib
import json
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from orchestrator.agents.state import State
from orchestrator.artifacts.evaluation import Edit
from orchestrator.artifacts.plan import Criterion, Milestone, Plan, slugify
from orchestrator.artifacts.specification import Specification
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Dimension, Value
from orchestrator.calibration import Half, Label, Severity
from orchestrator.errors import Missing, Misuse
from orchestrator.project import reading

DEFECTS = "defects.json"
REMEDY = "restore the folder, or reinstall milestone-orchestrator"


class Defect(Value):
    """As it is labelled: `title` and `why` are for people, never for an evaluator."""

    id: str
    dimension: Dimension
    severity: Severity
    half: Half
    title: str
    why: str
    edits: tuple[Edit, ...]


class Specimen(Value):
    """One project to evaluate. All but `tree` is the same for a project's clean and defective
    ones; `label` is None for the clean one, and is kept from every request.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    project: str
    specification: str
    criteria: tuple[Criterion, ...]
    tree: Tree
    label: Label | None

    @property
    def name(self) -> str:
        """Stands for it in requests and records: made of what an evaluator is shown, so that it
        tells nothing else, and that no answer is ever taken for another's.
        """
        shown = [self.specification, [one.model_dump() for one in self.criteria], self.tree.digest]
        return f"C{hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:8]}"

    def state(self, budget: int) -> State:
        """As Eval finds a first milestone at its first attempt; `budget` is in tokens."""
        title = self.specification.splitlines()[0].removeprefix("# ").strip()
        product, _, summary = title.partition(": ")
        milestone = Milestone(
            id=f"milestone-1-{slugify(product, 24) or 'product'}",
            title=title,
            release="mvp",
            description="Everything that the specification says.",
            acceptance_criteria=self.criteria,
            dependencies=(),
        )
        return State(
            idea=title,
            plan=Plan(product_name=product, summary=summary or product, milestones=(milestone,)),
            milestone=milestone,
            built=(),
            budget=budget,
            tree=self.tree,
            base=Tree(),
            specification=_specification(self.specification),
        )


def _specification(prd: str) -> Specification:
    return Specification(
        prd=prd,
        user_stories=(),
        api_contracts=(),
        data_model=(),
        non_functional_requirements=(),
        checks=(),
        corrections=(),
        supersedes=(),
    )


def read(folder: Path, projects: tuple[str, ...], halves: tuple[Half, ...]) -> tuple[Specimen, ...]:
    """The set in `folder`: the named projects, all when there is none, with their defects of
    `halves`; ordered by name, which is no order that tells them apart.

    Raises Misuse for a project that is not there, Missing when the set is damaged.
    """
    known = sorted(path.parent.name for path in folder.glob(f"*/{DEFECTS}"))
    if strange := [name for name in projects if name not in known]:
        raise Misuse(f"no project {strange[0]!r} in the set", f"there are: {', '.join(known)}")
    found = [
        one for name in known if not projects or name in projects for one in _project(folder / name)
    ]
    kept = [one for one in found if one.label is None or one.label.half in halves]
    return tuple(sorted(kept, key=lambda one: one.name))


def _project(folder: Path) -> list[Specimen]:
    try:
        clean = Specimen(
            project=folder.name,
            specification=(folder / "specification.md").read_text("utf-8"),
            criteria=TypeAdapter(tuple[Criterion, ...]).validate_json(
                (folder / "criteria.json").read_bytes()
            ),
            tree=reading.read(folder / "clean").tree,
            label=None,
        )
        defects = TypeAdapter(tuple[Defect, ...]).validate_json((folder / DEFECTS).read_bytes())
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise Missing(f"{folder} is damaged: {error}", REMEDY) from error
    return [clean, *(_planted(clean, one, folder) for one in defects)]


def _planted(clean: Specimen, defect: Defect, folder: Path) -> Specimen:
    files = {edit.path: "" for edit in defect.edits}
    for path in files:
        if path not in clean.tree:
            raise Missing(f"{folder}: {defect.id} edits {path}, which is not there", REMEDY)
        files[path] = clean.tree.text(path)
    for edit in defect.edits:
        if files[edit.path].count(edit.remove) != 1:
            raise Missing(f"{folder}: {defect.id} does not fit {edit.path}", REMEDY)
        files[edit.path] = files[edit.path].replace(edit.remove, edit.add)
    changed = {path: text.encode() for path, text in files.items()}
    label = Label(
        id=defect.id,
        project=clean.project,
        dimension=defect.dimension,
        severity=defect.severity,
        half=defect.half,
    )
    return clean.model_copy(update={"tree": clean.tree.having(changed), "label": label})
