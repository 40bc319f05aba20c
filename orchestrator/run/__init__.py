"""The composition root: a run is begun, and taken as far as it goes."""

from collections.abc import Callable

from orchestrator import jobs, machine, orchestrator
from orchestrator import report as reports
from orchestrator.artifacts.plan import Plan
from orchestrator.artifacts.report import Report
from orchestrator.errors import AwaitingHost, AwaitingPerson, AwaitingVerdict, Misuse
from orchestrator.events import Quoted, RunEnded, RunStarted
from orchestrator.folder import RunFolder
from orchestrator.orchestrator import Inputs
from orchestrator.people import Anew, People
from orchestrator.quote import quote
from orchestrator.render import Renderer
from orchestrator.run import script, wiring
from orchestrator.run.beginning import VERSION, begin
from orchestrator.run.wiring import Outside, Wired, wired
from orchestrator.verification import YES, allowing

__all__ = ["VERSION", "Outside", "Wired", "advance", "begin", "plan_only", "script", "wired"]


async def advance(run: RunFolder, outside: Outside) -> Report:
    """Takes `run` as far as it goes: what its ledger holds is not asked, verified or decided twice.

    Raises a Stop when it cannot go on now; running it again goes on from there.
    """
    with wired(run, outside) as live:
        anew = outside.anew
        while True:
            seen = _dropped(run)
            outside.pending.clear()
            try:
                return await _walk(live, anew)
            except (AwaitingHost, AwaitingPerson, AwaitingVerdict):
                # What came in the meantime may be what is awaited.
                if not _dropped(run) - seen:
                    raise
            anew = None


def _dropped(run: RunFolder) -> frozenset[str]:
    """What others left: a person's words, and notes of answers."""
    places = (run.said.glob("*.word.json"), run.inbox.glob("*.submitted"))
    return frozenset(path.name for place in places for path in place)


async def plan_only(run: RunFolder, outside: Outside) -> Plan:
    """The plan of `run`, and nothing built. Raises a Stop when it cannot be made now."""
    with wired(run, outside) as live:
        asker = wiring.asker(live, wiring.budget(live))
        return (await orchestrator.planned(asker, _inputs(live))).plan


async def _walk(live: Wired, anew: Anew | None) -> Report:
    live.sink(RunStarted(run=live.start.run, idea=live.start.idea))
    for name in live.outside.allow:
        live.ledger.decide(allowing(name), YES)
    if not live.run.reported:
        await machine.probed(live.settings, live.outside.env)
    inputs, budget, people = _inputs(live), wiring.budget(live), wiring.people(live)
    asker = wiring.asker(live, budget)
    made = await orchestrator.plan(asker, inputs, people, _quoting(live))
    if anew is not None:
        _wish(people, made.plan, anew)
    parts = wiring.parts(live, asker, budget, people, wiring.product(live, made.plan))
    built = await orchestrator.build(parts, live.halt, inputs, made)
    report = await orchestrator.conclude(parts, inputs, made=made, built=built)
    await jobs.end_all(live.run.jobs)
    renderer = Renderer(*machine.data("templates"))
    path = reports.write(report, live.run.path, renderer)
    live.sink(RunEnded(run=live.start.run, passed=report.passed, report=str(path)))
    return report


def _inputs(live: Wired) -> Inputs:
    start = live.start
    return Inputs(
        run=start.run, version=VERSION, idea=start.idea, plan=start.plan, started=start.created
    )


def _quoting(live: Wired) -> Callable[[Plan], None]:
    """Tells what a plan may come to, where something is paid."""

    def quoted(plan: Plan) -> None:
        if not live.start.recording:
            live.sink(Quoted(quote=quote(plan, live.settings)))

    return quoted


def _wish(people: People, plan: Plan, anew: Anew) -> None:
    known = [one.id for one in plan.milestones]
    if anew.milestone not in known:
        raise Misuse(f"no milestone {anew.milestone!r}", f"there are: {', '.join(known)}")
    people.again(anew)
