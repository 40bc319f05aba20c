"""Commands by which a person has a say: approve, steer, cancel, retry."""

from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import OUTPUT, RUN, with_options
from orchestrator.cli.output import here
from orchestrator.errors import Misuse

if TYPE_CHECKING:
    from orchestrator.folder import RunFolder
    from orchestrator.people import Kind
    from orchestrator.standing import Standing

PLAN = "plan"
WORDS = 4000
"""Characters of what a person says at once."""
NEXT = "it is taken at the next stage; where nothing runs: orchestrate resume"


@click.command("approve")
@click.argument("what", default="")
@with_options(RUN)
def approve(what: str, name: str) -> int:
    """Agrees to what waits for you: the plan, or a milestone before it lands.

    WHAT is `plan` or a milestone's id; everything that waits when it is left out.

    Example: orchestrate approve milestone-1-mvp
    """
    run, stands = _standing(name)
    waiting = _waiting(stands)
    if not waiting:
        raise Misuse(f"nothing waits for approval in {run.name}", "orchestrate status")
    if what and what not in waiting:
        raise Misuse(f"{what!r} does not wait for approval", f"there waits: {', '.join(waiting)}")
    for one in (what,) if what else waiting:
        _drop(run, "approve", one)
    return 0


@click.command("steer")
@click.argument("words", nargs=-1)
@with_options(RUN)
def steer(words: tuple[str, ...], name: str) -> int:
    """Tells the agents what you want, from the next stage on: one milestone, or all that are left.

    Before a plan that waits for approval, or before a milestone that does: what to change.

    Example: orchestrate steer milestone-2-search "match whole words only"
    """
    run, stands = _standing(name)
    known = [one.id for one in stands.milestones]
    target = words[0] if len(words) > 1 and words[0] in (*known, PLAN) else ""
    text = " ".join(words[1:] if target else words).strip()
    if len(words) > 1 and not target and words[0].startswith("milestone-"):
        raise Misuse(f"no milestone {words[0]!r}", f"there are: {', '.join(known) or 'none yet'}")
    if not text or text in (*known, PLAN):
        raise Misuse("there is nothing said", 'orchestrate steer "use metric units"')
    if len(text) > WORDS or any("\ud800" <= char <= "\udfff" for char in text):
        raise Misuse(f"{len(text)} characters of text", f"give at most {WORDS}, in UTF-8")
    waiting = _waiting(stands)
    if not target and waiting == [PLAN]:
        target = PLAN
    if target == PLAN and PLAN not in waiting:
        raise Misuse("the plan does not wait for approval", "steer a milestone")
    _open(stands, target)
    _drop(run, "steer", target, text)
    return 0


@click.command("cancel")
@click.argument("milestone", default="")
@with_options(RUN)
def cancel(milestone: str, name: str) -> int:
    """Ends a milestone, or all that have not ended, at the next stage. The report is still written.

    What was built stays on branch milestone/<id>; orchestrate retry goes on from it.

    Example: orchestrate cancel milestone-3-export
    """
    run, stands = _standing(name)
    _known(stands, milestone)
    _open(stands, milestone)
    _drop(run, "cancel", milestone)
    return 0


@click.command("retry")
@click.argument("milestone")
@click.option("--steer", "words", metavar="TEXT", help="What you want done otherwise.")
@with_options(RUN, *OUTPUT)
def retry(milestone: str, words: str | None, name: str, as_json: bool, quiet: bool) -> int:
    """Goes on with a milestone that failed or was cancelled, from its best attempt, with fresh
    attempts; then with those that it blocked.

    Example: orchestrate retry milestone-2-search --steer "sqlite's FTS5 is enough"
    """
    from orchestrator.cli.advancing import advanced
    from orchestrator.people import Anew

    run, stands = _standing(name)
    _known(stands, milestone)
    status = next(one.status for one in stands.milestones if one.id == milestone)
    if status not in ("failed after retries", "cancelled"):
        fix = "retry what it needs" if status == "blocked" else "orchestrate resume"
        raise Misuse(f"{milestone} has not failed: {status}", fix)
    wish = Anew(milestone=milestone, words=(words.strip()[:WORDS],) if words else ())
    return advanced(run, confirm=False, as_json=as_json, quiet=quiet, anew=wish)


def _standing(name: str) -> "tuple[RunFolder, Standing]":
    from orchestrator import folder as folders
    from orchestrator import standing

    run = folders.find(here(), name)
    if run.start().script is not None:
        raise Misuse(
            f"{run.name} is a script run, which has no milestones",
            "orchestrate resume, status, report or watch",
        )
    return run, standing.of(run)


def _waiting(stands: "Standing") -> list[str]:
    from orchestrator.standing import WAITS

    plan = [PLAN] if stands.state.endswith(WAITS) else []
    return plan + [one.id for one in stands.milestones if one.status == WAITS]


def _known(stands: "Standing", milestone: str) -> None:
    known = [one.id for one in stands.milestones]
    if milestone and milestone not in known:
        raise Misuse(f"no milestone {milestone!r}", f"there are: {', '.join(known) or 'none yet'}")


def _open(stands: "Standing", milestone: str) -> None:
    """Raises Misuse when nothing more happens to `milestone`, or to any where it is ""."""
    from orchestrator.standing import ENDED

    ended = {one.id: one.status for one in stands.milestones if one.status in ENDED}
    if milestone in ended:
        raise Misuse(
            f"{milestone} has ended: {ended[milestone]}",
            "orchestrate report"
            if ended[milestone] == "complete"
            else f"orchestrate retry {milestone} --steer TEXT",
        )
    if not milestone and stands.milestones and len(ended) == len(stands.milestones):
        raise Misuse(f"every milestone of {stands.run} has ended", "orchestrate report")


def _drop(run: "RunFolder", kind: "Kind", scope: str, text: str = "") -> None:
    from orchestrator import people

    people.drop(run.said, people.word(kind, people.PLAN if scope == PLAN else scope, text))
    click.echo(f"{run.name}: {kind} {scope or 'every milestone'}; {NEXT}")
