"""The product's own tests, run by pytest under our bootstrap: records in, a report out."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Literal

from pydantic import ValidationError

from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.artifacts.verdict import TestFailure, TestOutcome, TestReport
from orchestrator.errors import Missing
from orchestrator.sandbox import ExecResult
from orchestrator.verify import names
from orchestrator.verify.bench import Bench, Channel
from orchestrator.verify.trace import condense

MOST_RECORDS = 200_000
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


class Record(Value):
    """One line of the bootstrap's: untrusted but for its nonce."""

    nonce: str
    kind: Literal["ready", "collected", "uncollected", "start", "phase", "broken", "end"]
    id: str = ""
    ids: tuple[str, ...] = ()
    when: Literal["", "setup", "call", "teardown"] = ""
    outcome: Literal["", "passed", "failed", "skipped"] = ""
    text: str = ""
    status: int = 0
    ran: int = 0
    statements: int = 0
    root: str = ""
    temp: str = ""
    prefix: str = ""
    base: str = ""

    @property
    def places(self) -> Mapping[str, str]:
        return self.model_dump(include={"root", "temp", "prefix", "base"})


async def run(tree: Tree, bench: Bench) -> Suite:
    """The whole suite on a fresh copy of `tree`, with coverage.

    Raises Missing when the sandbox or the test tools do not work.
    """
    if not names.test_files(tree):
        return nothing("there is no test file under tests/")
    records, result = await _records(tree, bench, "measure")
    return judge(records, result, names.expected_tests(tree))


async def turns_red(tree: Tree, bench: Bench) -> bool:
    """Whether the suite is not green on `tree`; stops at its first failure, measures nothing."""
    records, result = await _records(tree, bench, "quick")
    return not judge(records, result, ()).green


def judge(records: tuple[Record, ...], result: ExecResult, expected: tuple[str, ...]) -> Suite:
    """Records of one run -> what the tests did; `expected` tests must be among them."""
    if not records or records[0].kind != "ready":
        return nothing(_ended(records, result))
    outcomes, texts = _outcomes(records)
    collected = {name for record in records for name in record.ids}
    doubt = _ended(records, result) or _gaps(outcomes, collected, expected)
    report = _report(outcomes, texts, records)
    return Suite(report=report, doubt=doubt, outcomes=tuple(sorted(outcomes.items())))


def nothing(doubt: str) -> Suite:
    report = TestReport(
        total=0, passed=0, failed=0, errors=0, skipped=0, coverage=-1, tests=(), failures=()
    )
    return Suite(report=report, doubt=doubt, outcomes=())


async def _records(
    tree: Tree, bench: Bench, mode: Literal["measure", "quick"]
) -> tuple[tuple[Record, ...], ExecResult]:
    nonce = secrets.token_hex(16)
    async with bench.slots, Channel() as channel:
        reading = asyncio.create_task(_read(channel, nonce))
        try:
            result = await bench.exec(
                ("-P", "-s", "{tools}/boot.py", str(channel.fd), mode),
                tree,
                fd=channel.fd,
                seconds=bench.limits.test_seconds,
                stdin=f"{nonce}\n{json.dumps(names.product_files(tree))}\n".encode(),
            )
        finally:
            channel.hang_up()
            records = await reading
    if not records and result.outcome == "exited":
        said = result.stderr.strip().splitlines()[-1:]
        raise Missing(f"pytest did not start in the sandbox: {said}", "orchestrate doctor")
    return records, result


async def _read(channel: Channel, nonce: str) -> tuple[Record, ...]:
    """Every authentic record, up to the first line that is none."""
    records: list[Record] = []
    while len(records) < MOST_RECORDS:
        try:
            line = await channel.reader.readline()
            record = Record.model_validate(json.loads(line)) if line else None
        except (ValueError, RecursionError, ValidationError, ConnectionError):
            break
        if record is None or record.nonce != nonce:
            break
        records.append(record)
    return tuple(records)


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


def _report(
    outcomes: Mapping[str, TestOutcome], texts: Mapping[str, str], records: tuple[Record, ...]
) -> TestReport:
    def count(outcome: TestOutcome) -> int:
        return sum(one == outcome for one in outcomes.values())

    bad = sorted(name for name, outcome in outcomes.items() if outcome in ("failed", "error"))
    last, places = records[-1], records[0].places
    return TestReport(
        total=len(outcomes),
        passed=count("passed"),
        failed=count("failed"),
        errors=count("error"),
        skipped=count("skipped"),
        coverage=100 * last.ran // last.statements if last.statements > 0 else -1,
        tests=tuple(sorted(name for name, one in outcomes.items() if one == "passed")),
        failures=tuple(
            TestFailure(
                test=name,
                file=name.split("::", 1)[0],
                error=condense(texts.get(name, ""), places) if at < MOST_FAILURES else "",
            )
            for at, name in enumerate(bad)
        ),
    )


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
