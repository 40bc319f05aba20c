"""What one suite did, worked out from the bootstrap's records: pure."""

from collections.abc import Mapping

from orchestrator.artifacts.values import Value
from orchestrator.artifacts.verdict import TestFailure, TestOutcome, TestReport
from orchestrator.sandbox import ExecResult
from orchestrator.verify.records import Record
from orchestrator.verify.trace import condense

MOST_FAILURES = 50


class Suite(Value):
    """What the tests did. `doubt` says why the record cannot be trusted, "" when it can."""

    report: TestReport
    doubt: str
    outcomes: tuple[tuple[str, TestOutcome], ...]
    """Node id and outcome of everything that was run or failed to be collected, sorted."""

    @property
    def green(self) -> bool:
        report = self.report
        return not self.doubt and report.passed > 0 and not report.failed + report.errors


class Part(Value):
    """One pytest run over some of the test files: what it said of its tests, and how it ended."""

    outcomes: Mapping[str, TestOutcome]
    texts: Mapping[str, str]
    places: Mapping[str, str]
    collected: frozenset[str]
    """Node ids."""
    ran: tuple[frozenset[int], ...]
    """Lines of each of the product's files, in their order; () when nothing was measured."""
    digests: tuple[str, ...]
    doubt: str
    tampered: str = ""
    """What our sentinels say against the results."""


def part(records: tuple[Record, ...], result: ExecResult) -> Part:
    started = bool(records) and records[0].kind == "ready"
    outcomes, texts = _outcomes(records) if started else ({}, {})
    last = records[-1] if started else None
    return Part(
        outcomes=outcomes,
        texts=texts,
        places=records[0].places if started else {},
        collected=frozenset(name for record in records for name in record.ids),
        ran=last.ran if last else (),
        digests=last.digests if last else (),
        tampered=_miscounted(records),
        doubt=_ended(records, result),
    )


def join(parts: tuple[Part, ...], expected: tuple[str, ...]) -> Suite:
    """What the parts of one suite did together."""
    outcomes: dict[str, TestOutcome] = {}
    for one in parts:
        outcomes.update(one.outcomes)
    collected = {name for one in parts for name in one.collected}
    doubts = [one.doubt for one in parts] + [_gaps(outcomes, collected, expected)]
    doubts += [one.tampered for one in parts]
    doubt = next(filter(None, doubts), "")
    if not any(one.places for one in parts):
        return nothing(doubt)
    report = _report(outcomes, parts)
    return Suite(report=report, doubt=doubt, outcomes=tuple(sorted(outcomes.items())))


def nothing(doubt: str) -> Suite:
    report = TestReport(
        total=0, passed=0, failed=0, errors=0, skipped=0, coverage=-1, tests=(), failures=()
    )
    return Suite(report=report, doubt=doubt, outcomes=())


def _outcomes(records: tuple[Record, ...]) -> tuple[dict[str, TestOutcome], dict[str, str]]:
    """By node id: how it ended, and the first text of a failure."""
    outcomes: dict[str, TestOutcome] = {}
    texts: dict[str, str] = {}
    for record in records:
        before = outcomes.get(record.id)
        if record.kind == "uncollected":
            outcomes[record.id] = "error"
        elif record.kind == "phase" and record.outcome == "failed":
            called = record.when == "call" or before == "failed"
            outcomes[record.id] = "failed" if called else "error"
        elif record.kind == "phase" and record.outcome == "skipped":
            outcomes[record.id] = before or "skipped"
        elif record.kind == "phase" and record.when == "call":
            outcomes[record.id] = before or "passed"
        if record.text and record.id not in texts:
            texts[record.id] = record.text
    return outcomes, texts


def _report(outcomes: Mapping[str, TestOutcome], parts: tuple[Part, ...]) -> TestReport:
    def count(outcome: TestOutcome) -> int:
        return sum(one == outcome for one in outcomes.values())

    bad = sorted(name for name, outcome in outcomes.items() if outcome in ("failed", "error"))
    told = {
        name: condense(one.texts[name], one.places)
        for one in parts
        for name in bad[:MOST_FAILURES]
        if name in one.texts
    }
    return TestReport(
        total=len(outcomes),
        passed=count("passed"),
        failed=count("failed"),
        errors=count("error"),
        skipped=count("skipped"),
        coverage=-1,
        tests=tuple(sorted(name for name, one in outcomes.items() if one == "passed")),
        failures=tuple(
            TestFailure(test=name, file=name.split("::", 1)[0], error=told.get(name, ""))
            for name in bad
        ),
    )


def _miscounted(records: tuple[Record, ...]) -> str:
    """Says that pytest counted other failures than were told, "" when it did not."""
    told = sum(one.bad for one in records)
    counted = records[-1].failed if records and records[-1].kind == "end" else told
    return "" if told == counted else f"pytest counted {counted} failures, {told} were told"


def _ended(records: tuple[Record, ...], result: ExecResult) -> str:
    """ "" when the bootstrap said so itself, once, as its last word."""
    started = [record.id for record in records if record.kind == "start"][-1:]
    where = f" in or after {started[0]}" if started else ""
    if result.outcome != "exited":
        how = {"timed out": "did not end in time", "killed": f"was killed ({result.killed_by})"}
        return f"the test run {how.get(result.outcome, 'wrote too much output')}{where}"
    kinds = [record.kind for record in records]
    if kinds.count("end") != 1 or kinds[-1] != "end" or kinds.count("collected") != 1:
        broken = [record.text for record in records if record.kind == "broken"][:1]
        return f"the test run ended before its end{where}{f' ({broken[0][:80]})' if broken else ''}"
    if records[-1].status in (3, 4):
        return f"pytest ended with an internal error{where}"
    return ""


def _gaps(
    outcomes: Mapping[str, TestOutcome], collected: set[str], expected: tuple[str, ...]
) -> str:
    missing = sorted(collected - outcomes.keys())
    if missing:
        return (
            f"{len(missing)} of {len(collected)} collected tests were not run, {missing[0]} first"
        )
    plain = {name.split("[", 1)[0] for name in outcomes}
    broken = {name for name, outcome in outcomes.items() if outcome == "error"}
    unseen = [one for one in expected if one not in plain and one.split("::", 1)[0] not in broken]
    if unseen:
        return f"{len(unseen)} tests were not collected, {unseen[0]} first"
    if not outcomes:
        return "no test was collected"
    if set(outcomes.values()) == {"skipped"}:
        return "every test was skipped"
    return ""
