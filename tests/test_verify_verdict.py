"""The verdict as a function of the facts, and what the records of a test run are worth."""

import pytest

from orchestrator.artifacts.checks import Kind, Visibility
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.verdict import CheckResult, Mutant, TestOutcome
from orchestrator.sandbox import ExecResult
from orchestrator.verify import results, trace
from orchestrator.verify.names import expected_tests, names_criterion
from orchestrator.verify.records import Record
from orchestrator.verify.tampering import meddling
from orchestrator.verify.verdict import Facts, decide

CONTRACT = "tests/contract/test_a.py::test_m1_c1_works"
ENDED = ExecResult(
    outcome="exited", returncode=0, stdout="", stderr="", truncated=False, killed_by="", seconds=1
)
PLACES = {"root": "/work", "temp": "/tmp/verify-x", "prefix": "/cache/env", "base": "/usr"}


def record(kind: str, **fields: object) -> Record:
    return Record.model_validate({"nonce": "n", "kind": kind, **fields})


def ran(name: str, outcome: TestOutcome = "passed", when: str = "call") -> tuple[Record, ...]:
    text = "E   AssertionError: no" if outcome == "failed" else ""
    return (
        record("start", id=name),
        record("phase", id=name, when=when, outcome=outcome, text=text),
    )


def records(*phases: Record, **end: object) -> tuple[Record, ...]:
    named = tuple(dict.fromkeys(one.id for one in phases))
    closing = {"ran": ((1, 2),), "failed": sum(one.bad for one in phases), **end}
    return (
        record("ready", **PLACES),
        record("collected", ids=named),
        *phases,
        record("end", **closing),
    )


def judged(told: tuple[Record, ...], ended: ExecResult, expected: tuple[str, ...]) -> results.Suite:
    """A suite of one run."""
    return results.join((results.part(told, ended),), expected)


def result(visibility: Visibility, outcome: Kind | None = None) -> CheckResult:
    return CheckResult(
        check=f"M1-C1-{visibility}-1",
        criterion="M1-C1",
        visibility=visibility,
        outcome=outcome or "passed",
        detail="",
    )


def facts(**changed: object) -> Facts:
    strong = (Mutant(kind="body", name="every body raises", outcome="red"),)
    good: dict[str, object] = {
        "suite": judged(records(*ran(CONTRACT)), ENDED, ()),
        "checks": (result("shown"), result("held")),
        "strength": strong,
        "start": "",
        "criteria": ("M1-C1",),
        "product": True,
        "meddling": (),
        "lint": (),
        "sandbox": "process",
    }
    return Facts.model_validate({**good, **changed})


def test_everything_proven_passes_without_a_reason() -> None:
    verdict = decide(facts())

    assert (verdict.outcome, verdict.reasons) == ("pass", ())
    assert verdict.criteria[0].met


@pytest.mark.parametrize(
    ("changed", "outcome", "reason"),
    [
        ({"product": False}, "fail", "there is no product file"),
        ({"start": "it did\nnot end"}, "fail", "the product does not start: it did not end"),
        ({"checks": (result("shown"),)}, "fail", "criterion M1-C1 has no passing held check"),
        ({"checks": (result("held"),)}, "fail", "criterion M1-C1 has no passing shown check"),
        (
            {"checks": (result("shown", "crashed"), result("shown"), result("held"))},
            "fail",
            "criterion M1-C1: check M1-C1-shown-1 failed (crashed)",
        ),
        (
            {"checks": (result("shown"), result("held"), result("held", "wrong body"))},
            "fail",
            "criterion M1-C1: a held check failed (wrong body)",
        ),
        ({"criteria": ("M1-C1", "M1-C2")}, "fail", "criterion M1-C2 has no passing contract test"),
        (
            {"strength": (Mutant(kind="body", name="all return None", outcome="green"),)},
            "fail",
            "the suite stays green on broken code: all return None",
        ),
        (
            {"strength": (Mutant(kind="operator", name="a.py:1: + becomes -", outcome="green"),)},
            "fail",
            "the suite stays green on broken code: a.py:1: + becomes -",
        ),
        (
            {"strength": (Mutant(kind="same", name="rewritten", outcome="red"),)},
            "inconclusive",
            "the suite tests the text of the product, or is flaky: red when rewritten",
        ),
        ({"meddling": ("tests/conftest.py: pytest_x",)}, "inconclusive", "tests/conftest.py: py"),
        ({"suite": results.nothing("no test")}, "inconclusive", "no test"),
        (
            {"suite": judged(records(*ran(CONTRACT, "failed")), ENDED, ())},
            "fail",
            f"{CONTRACT} failed: AssertionError: no",
        ),
    ],
)
def test_one_thing_amiss_never_passes_and_is_named(
    changed: dict[str, object], outcome: str, reason: str
) -> None:
    verdict = decide(facts(**changed))

    assert verdict.outcome == outcome
    assert any(one.startswith(reason) for one in verdict.reasons), verdict.reasons


def test_a_criterion_with_a_failing_test_beside_a_passing_one_is_not_met() -> None:
    other = "tests/contract/test_a.py::test_m1_c1_again"
    both = judged(records(*ran(CONTRACT), *ran(other, "failed")), ENDED, ())

    (criterion,) = decide(facts(suite=both)).criteria

    assert criterion.contract_tests == 1
    assert not criterion.met


@pytest.mark.parametrize(
    ("told", "ended", "doubt"),
    [
        (records(*ran("t::a"))[:-1], ENDED, "ended before its end"),
        ((*records(*ran("t::a")), record("end")), ENDED, "ended before its end"),
        (records(*ran("t::a"), status=3), ENDED, "internal error"),
        (
            records(*ran("t::a")),
            ENDED.model_copy(update={"outcome": "timed out"}),
            "did not end in time in or after t::a",
        ),
        (
            records(*ran("t::a")),
            ENDED.model_copy(update={"outcome": "killed", "killed_by": "memory"}),
            "was killed (memory)",
        ),
        (records(record("start", id="t::a")), ENDED, "1 of 1 collected tests were not run"),
        (records(*ran("t::b")), ENDED, "1 tests were not collected, t::a first"),
        (records(*ran("t::a", "skipped", "setup")), ENDED, "every test was skipped"),
        ((), ENDED.model_copy(update={"outcome": "timed out"}), "did not end in time"),
    ],
)
def test_a_record_that_proves_nothing_is_doubted(
    told: tuple[Record, ...], ended: ExecResult, doubt: str
) -> None:
    found = judged(told, ended, ("t::a",))

    assert doubt in found.doubt
    assert not found.green


def test_phases_add_up_to_one_outcome_for_each_test() -> None:
    found = judged(
        records(
            *ran("t::passed[1]"),
            *ran("t::failed", "failed"),
            *ran("t::failed", "failed", "teardown"),
            *ran("t::setup", "failed", "setup"),
            *ran("t::teardown"),
            *ran("t::teardown", "failed", "teardown"),
            *ran("t::skipped", "skipped", "setup"),
            record("uncollected", id="u.py", text="E   SyntaxError: no"),
        ),
        ENDED,
        ("t::passed", "u.py::test_a"),
    )

    report = found.report
    assert found.doubt == ""
    assert report.tests == ("t::passed[1]",)
    assert (report.total, report.passed, report.failed) == (6, 1, 1)
    assert (report.errors, report.skipped) == (3, 1)
    assert [one.test for one in report.failures] == ["t::failed", "t::setup", "t::teardown", "u.py"]


def test_nothing_of_the_machine_or_the_moment_stays_in_a_text() -> None:
    text = (
        "\x1b[31m/work/app/a.py /tmp/verify-x/pytest/t0 /cache/env/lib/x.py /usr/lib/y.py /work\n"
        "<object at 0x7f00deadbeef> took 0.123s at 2026-11-21T02:45:05.123456 "
        "http://127.0.0.1:43210/x 3f2b8c1e-1111-4222-8333-444455556666 /workshop"
    )

    assert trace.clean(text, PLACES) == (
        "app/a.py <tmp>/pytest/t0 <env>/lib/x.py <python>/lib/y.py .\n"
        "<object at 0x...> took <duration> at <time> "
        "http://127.0.0.1:<port>/x <uuid> /workshop"
    )


def test_a_crash_is_told_by_the_frames_of_the_project() -> None:
    text = (
        "Traceback (most recent call last):\n"
        '  File "/work/app.py", line 3, in f\n    json.loads(x)\n    ~~~~^^^\n'
        '  File "/usr/lib/python3.11/json/__init__.py", line 9, in loads\n    raise\n'
        "ValueError: no\n"
    )

    assert trace.tidy(text, PLACES).splitlines() == [
        "Traceback (most recent call last):",
        '  File "app.py", line 3, in f',
        "    json.loads(x)",
        "ValueError: no",
    ]
    assert len(trace.tidy("x" * 9000, PLACES)) == 1500


def test_a_long_trace_keeps_the_test_the_innermost_product_line_and_the_reasons() -> None:
    middle = [f"app/a.py:{number}: in deeper\n    deeper()" for number in range(60)]
    text = "\n".join(
        [
            "tests/test_a.py:3: in test_a",
            "    start()",
            "    ^^^^^^^",
            *middle,
            "app/b.py:9: in last",
            "    call()",
            "/cache/env/lib/python3.11/site-packages/lib.py:99: in call",
            "    raise ValueError",
            *(f"E   line {number}" for number in range(50)),
        ]
    )

    lines = trace.condense(text, PLACES).splitlines()

    assert lines[:4] == [
        "tests/test_a.py:3: in test_a",
        "    start()",
        "app/b.py:9: in last",
        "    call()",
    ]
    assert lines[4] == "E   line 0"
    assert len(lines) <= 40
    assert not any("lib.py" in line for line in lines)


@pytest.mark.parametrize(
    ("test", "criterion"),
    [
        ("tests/contract/test_a.py::test_m1_c2_adds", "M1-C2"),
        ("tests/contract/deep/test_a.py::TestX::test_m12_c3", "M12-C3"),
        ("tests/contract/test_a.py::test_m1_c2_adds[a-b]", "M1-C2"),
        ("tests/contract/test_a.py::test_m1_c2x", ""),
        ("tests/contract/test_m1_c2_a.py::test_adds", ""),
        ("tests/unit/test_a.py::test_m1_c2_adds", ""),
    ],
)
def test_a_contract_test_names_its_criterion(test: str, criterion: str) -> None:
    assert names_criterion(test) == criterion


def test_expected_tests_are_those_that_a_file_plainly_defines() -> None:
    source = b"""
import pytest, unittest
def test_a(): ...
async def test_b(): ...
def helper(): ...
@pytest.fixture
def test_client(): ...
class TestC:
    def test_d(self): ...
    def help(self): ...
class TestMade:
    def __init__(self): ...
    def test_e(self): ...
class Case(unittest.TestCase):
    def test_f(self): ...
"""
    files = {
        "tests/unit/test_x.py": source,
        "tests/broken_test.py": b"def test_a(:",
        "tests/helpers.py": b"def test_no(): ...",
        "app/test_no.py": b"def test_no(): ...",
    }

    assert expected_tests(Tree(files)) == (
        "tests/unit/test_x.py::Case::test_f",
        "tests/unit/test_x.py::TestC::test_d",
        "tests/unit/test_x.py::test_a",
        "tests/unit/test_x.py::test_b",
    )


def test_only_hooks_that_could_change_a_result_are_meddling() -> None:
    source = b"def pytest_configure(config): ...\ndef pytest_runtest_call(item): ...\n"
    files = {"tests/conftest.py": source, "conftest.py": source}

    assert meddling(Tree(files)) == ("tests/conftest.py: pytest_runtest_call",)
