"""A person's project, verified as a milestone is, and nothing recorded."""

from collections.abc import Mapping
from pathlib import Path

from orchestrator import machine
from orchestrator.artifacts.values import Value
from orchestrator.artifacts.verdict import Verdict
from orchestrator.project import criteria, reading
from orchestrator.project.criteria import NOTHING, Contract
from orchestrator.project.layout import layout
from orchestrator.project.reading import LeftOut, Reading
from orchestrator.settings import Settings
from orchestrator.verify import Subject, Verifier, unverified
from orchestrator.verify.environment import Requirements, refusal, requirements, unknown


class Inspection(Value):
    """A verdict, and what of the folder it is not about."""

    verdict: Verdict
    left_out: tuple[LeftOut, ...]


async def verify(
    folder: Path, criteria_file: Path | None, chosen: Settings, env: Mapping[str, str]
) -> Inspection:
    """The whole verification that a milestone gets, of what is in `folder`.

    Raises Misuse for a folder or a criteria file that cannot be read, Missing when the machine
    cannot do it.
    """
    contract = criteria.read(criteria_file) if criteria_file else NOTHING
    found = reading.read(folder)
    subject = _subject(found, contract)
    if found.refused:
        verdict = unverified(subject, found.refused, chosen.sandbox)
    else:
        await machine.probed(chosen, env)
        verifier = machine.verifier(chosen, env)
        verdict = await _verdict(subject, verifier, chosen.allow_packages)
    return Inspection(verdict=verdict, left_out=found.left_out)


def _subject(found: Reading, contract: Contract) -> Subject:
    return Subject(
        tree=found.tree,
        criteria=tuple(one.id for one in contract.criteria),
        checks=contract.checks,
        launch=contract.launch,
        lock="",
        layout=layout(found.tree),
    )


async def _verdict(subject: Subject, verifier: Verifier, allowed: tuple[str, ...]) -> Verdict:
    asked = requirements(subject.tree)
    if not isinstance(asked, Requirements):
        return unverified(subject, asked.problems, verifier.sandbox)
    if strange := unknown(asked.lines, allowed):
        refused = tuple(refusal(name, asked.source) for name in strange)
        found = unverified(subject, refused, verifier.sandbox)
        return found.model_copy(update={"outcome": "inconclusive"})
    locked = await verifier.lock(asked.lines)
    if locked.error:
        return unverified(subject, (locked.error,), verifier.sandbox)
    return await verifier.verify(subject.model_copy(update={"lock": locked.text}))
