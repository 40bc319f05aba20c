"""What was built, said and judged before: the project, the milestone's attempts."""

from collections.abc import Mapping

from orchestrator.artifacts.architecture import Architecture
from orchestrator.artifacts.evaluation import Finding
from orchestrator.artifacts.outcome import Attempt
from orchestrator.artifacts.plan import Milestone
from orchestrator.artifacts.specification import Specification
from orchestrator.artifacts.values import DIMENSIONS, Value
from orchestrator.memory.counting import newest, tokens
from orchestrator.scoring import show
from orchestrator.tracking import Tracked, named, track


class Built(Value):
    """A merged milestone, as later ones remember it. `lessons` are what was found wrong in it more
    than once.
    """

    milestone: Milestone
    specification: Specification
    architecture: Architecture
    lessons: tuple[str, ...] = ()


def project(built: tuple[Built, ...], budget: int) -> str:
    """What the merged milestones built, newest first within `budget`, shown in plan order."""
    parts = [_remembered(one) for one in built]
    kept, left_out = newest(parts, budget)
    head = [f"({left_out} earlier milestones left out for want of room)"] if left_out else []
    return "\n\n".join(head + kept) or "(nothing is merged yet: this is the first milestone)"


def _remembered(one: Built) -> str:
    launch = one.architecture.launch
    command = " ".join(launch.command) or "(imported)"
    lines = [
        f"## {one.milestone.id}: {one.milestone.title}",
        *(f"- {criterion.id}: {criterion.text}" for criterion in one.milestone.acceptance_criteria),
        f"Run as a {launch.kind}: {command}; module {launch.module}",
        "Decisions:",
        *(f"- {made.choice}: {made.rationale}" for made in one.architecture.technology_choices),
        "Public interface:",
        one.architecture.public_interface,
    ]
    if one.lessons:
        lines += ["Found wrong more than once:", *(f"- {lesson}" for lesson in one.lessons)]
    return "\n".join(lines)


def feedback(entries: tuple[str, ...], budget: int, *, short: str = "", shortened: int = 0) -> str:
    """What earlier attempts were told, oldest first; the oldest give way when there is no room, to
    `short` where it sums up at least so many.
    """
    kept, left_out = newest(list(entries), budget - tokens(short))
    if not left_out:
        return "\n\n".join(newest(list(entries), budget)[0])
    if short:
        kept = kept[max(0, shortened - left_out) :]
        left_out -= min(shortened, left_out)
        kept.insert(0, f"({shortened} earlier entries, in short)\n{short}")
    head = [f"({left_out} earlier entries left out for want of room)"] if left_out else []
    return "\n\n".join(head + kept)


def overflow(entries: tuple[str, ...], budget: int) -> int:
    """How many of the oldest of `entries` do not fit."""
    return newest(list(entries), budget)[1]


def history(attempts: tuple[Attempt, ...], budget: int) -> str:
    """Scores and findings of every earlier attempt, oldest first, then what is open of them."""
    ids = named(attempts)
    standing = _standing(track(attempts))
    parts = [_scored(one, ids.get(one.number, {})) for one in attempts]
    kept, left_out = newest(parts, budget - tokens(standing))
    head = [f"({left_out} earlier attempts left out for want of room)"] if left_out else []
    return "\n\n".join([*head, *kept, *([standing] if standing else [])])


def _scored(attempt: Attempt, findings: Mapping[str, Finding]) -> str:
    evaluation = attempt.evaluation
    lines = [f"## attempt {attempt.number}: {'passed' if attempt.gate.passed else 'turned down'}"]
    if evaluation is None:
        return "\n".join(
            [*lines, "not evaluated:", *(f"- {reason}" for reason in attempt.gate.reasons)]
        )
    scores = ", ".join(f"{name} {evaluation.score(name)}" for name in DIMENSIONS)
    lines.append(f"weighted {show(attempt.gate.score)}: {scores}")
    lines += [
        f"(corrections of {', '.join(attempt.refined)} were applied as they stood; "
        f"expected {show(attempt.expected)})"
    ] * bool(attempt.refined)
    lines += [
        f"({one.dimension} fell from {one.was} to {one.now} with no change in the code it cited)"
        for one in attempt.slips
    ]
    lines += [
        f"- {name} [{one.dimension}, {one.severity}] {one.path}:{one.line}: {one.problem}"
        for name, one in findings.items()
    ]
    return "\n".join(lines)


def _standing(tracked: tuple[Tracked, ...]) -> str:
    still = [
        one.id if len(one.seen) == 1 else f"{one.id} (found {len(one.seen)} times)"
        for one in tracked
        if one.open
    ]
    mended = [one.id for one in tracked if not one.open]
    lines = [f"Open: {', '.join(still)}"] * bool(still)
    lines += [f"Resolved: {', '.join(mended)}"] * bool(mended)
    return "\n".join(lines)
