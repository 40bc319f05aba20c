"""Routing: where a failed attempt goes next, who mends a red verdict, and that it ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.artifacts.outcome import Attempt
from orchestrator.artifacts.values import STAGES
from orchestrator.artifacts.verdict import Verdict
from orchestrator.routing import Abandon, Accept, Repair, Retry, culprit, repair, route
from tests.world import found, scored, tried

CONTRACT = "tests/contract/test_a.py::test_m1_c1_adds"
OTHER = "tests/contract/test_a.py::test_m2_c1_adds"
UNIT = "tests/unit/test_a.py::test_adds"
GREEN = found()
RED = found(UNIT)
CHECKS = found(held="wrong output")
WEAK = found(killed=False)
LOW = (3, 3, 3, 3, 3)


def judged(number: int, stage: str) -> Attempt:
    return tried(number, GREEN, scored(*LOW, culprit=stage))


def silent(number: int, stage: str, entry: str = "spec") -> Attempt:
    """An attempt whose `stage` gave no valid answer."""
    evaluated = GREEN if stage == "eval" else None
    return tried(number, evaluated, failed_stage=stage, entry=entry, error=f"{stage}: no")


@pytest.mark.parametrize(
    ("attempt", "stage"),
    [
        (judged(1, "spec"), "spec"),
        (judged(1, "arch"), "arch"),
        (judged(1, "impl"), "impl"),
        (judged(1, "test"), "test"),
        (judged(1, "eval"), "impl"),
        (tried(1, RED), "impl"),
        (tried(1, CHECKS), "impl"),
        (tried(1, found(outcome="inconclusive")), "impl"),
        (tried(1, WEAK), "test"),
        (tried(1, found(contract=0)), "test"),
        (tried(1, found(contract=0, outcome="inconclusive")), "test"),
        (tried(1, found(contract=0, passed=0)), "impl"),
        (silent(1, "spec"), "spec"),
        (silent(1, "arch"), "arch"),
        (silent(1, "impl"), "impl"),
        (silent(1, "test"), "test"),
        (silent(1, "eval"), "eval"),
        (tried(1, RED, failed_stage="impl", error="impl: no"), "impl"),
        (tried(1, WEAK, failed_stage="test", error="test: no"), "test"),
    ],
)
def test_who_is_to_blame(attempt: Attempt, stage: str) -> None:
    assert culprit(attempt) == stage
    step = route((attempt,), max_retries=2)
    assert isinstance(step, Retry)
    assert (step.stage, step.reason) == (stage, attempt.gate.reasons[0])


def test_a_passed_attempt_is_accepted_also_as_the_last_one() -> None:
    passed = tried(2, GREEN, scored())
    assert route((judged(1, "impl"), passed), max_retries=2) == Accept()
    assert route((judged(1, "impl"), passed), max_retries=1) == Accept()


@pytest.mark.parametrize(
    ("first", "second", "stage"),
    [
        (judged(1, "test"), judged(2, "test"), "impl"),
        (judged(1, "impl"), judged(2, "impl"), "arch"),
        (tried(1, RED), judged(2, "impl"), "arch"),
        (judged(1, "arch"), judged(2, "arch"), "spec"),
        (judged(1, "spec"), judged(2, "spec"), "spec"),
        (tried(1, WEAK), tried(2, WEAK), "impl"),
        (silent(1, "impl"), silent(2, "impl"), "arch"),
        (silent(1, "spec"), silent(2, "spec"), "spec"),
        (silent(1, "eval"), silent(2, "eval"), "eval"),
        (judged(1, "spec"), judged(2, "impl"), "impl"),
        (judged(1, "impl"), judged(2, "test"), "test"),
        (judged(1, "impl"), silent(2, "eval"), "eval"),
    ],
)
def test_the_same_stage_twice_moves_one_earlier(
    first: Attempt, second: Attempt, stage: str
) -> None:
    step = route((first, second), max_retries=3)
    assert isinstance(step, Retry)
    assert step.stage == stage
    moved = culprit(first) == culprit(second) != stage
    assert ("failed twice" in step.reason) is moved


def test_where_checks_alone_stay_red_only_spec_can_correct_them() -> None:
    assert route((tried(1, CHECKS), tried(2, CHECKS)), max_retries=3) == Retry(
        stage="spec", reason="impl failed twice, so spec first"
    )
    both = found(CONTRACT, held="wrong output")
    step = route((tried(1, both), tried(2, both)), max_retries=3)
    assert isinstance(step, Retry)
    assert step.stage == "arch"


@pytest.mark.parametrize("spent", [1, 2, 3])
def test_attempts_in_all_are_max_retries(spent: int) -> None:
    attempts = tuple(judged(number, "impl") for number in range(1, spent + 1))
    assert route(attempts, max_retries=spent) == Abandon(
        reason=f"{spent} attempts spent; the last: weighted score 3.00 is below 3.50"
    )
    assert isinstance(route(attempts, max_retries=spent + 1), Retry)


def test_an_attempt_after_a_conflict_costs_no_try() -> None:
    passed = tried(1, GREEN, scored())
    conflict = tried(2, RED, cause="conflict", entry="impl")
    assert route((passed, conflict), max_retries=2) == Retry(stage="impl", reason="it is a fail")
    assert route((passed, conflict), max_retries=1) == Abandon(
        reason="1 attempts spent; the last: it is a fail"
    )
    assert route((passed, conflict, tried(3, RED)), max_retries=2) == Abandon(
        reason="2 attempts spent; the last: it is a fail"
    )


@pytest.mark.parametrize(
    ("verdict", "revised", "repairs", "stage", "tests"),
    [
        (found(CONTRACT), False, 0, "test", (CONTRACT,)),
        (found(CONTRACT), True, 0, "impl", ()),
        (found(CONTRACT, shown="wrong output"), False, 0, "impl", ()),
        (found(CONTRACT, held="wrong output"), False, 1, "impl", ()),
        (found(CONTRACT, UNIT), False, 0, "test", (CONTRACT,)),
        (found(CONTRACT, UNIT), False, 1, "test", (CONTRACT, UNIT)),
        (found(UNIT), False, 0, "impl", ()),
        (found(UNIT), False, 1, "test", (UNIT,)),
        (found(UNIT), True, 1, "impl", ()),
        (found(UNIT, held="crashed"), False, 1, "impl", ()),
        (found(OTHER), False, 1, "impl", ()),
        (CHECKS, False, 1, "impl", ()),
        (WEAK, False, 0, "test", ()),
        (WEAK, True, 1, "test", ()),
        (found(contract=0), True, 0, "test", ()),
        (found(contract=0, passed=0), False, 0, "impl", ()),
        (found(outcome="inconclusive", contract=0, passed=0), False, 0, "test", ()),
        (found(killed=False, held="crashed"), False, 0, "impl", ()),
    ],
)
def test_who_mends_a_red_verdict(
    verdict: Verdict, revised: bool, repairs: int, stage: str, tests: tuple[str, ...]
) -> None:
    mend = repair(verdict, revised=revised, repairs=repairs)
    assert isinstance(mend, Repair)
    assert (mend.stage, mend.tests) == (stage, tests)
    assert mend.reason


VERDICTS = st.sampled_from([None, GREEN, RED, CHECKS, WEAK, found(outcome="inconclusive")])
SCORES = st.tuples(*[st.integers(1, 5)] * 5)


@st.composite
def attempts(draw: st.DrawFn) -> Attempt:
    """Whatever an attempt may come to."""
    verdict = draw(VERDICTS)
    culprits = st.sampled_from(STAGES)
    evaluation = None
    failed = draw(st.none() | culprits)
    if verdict is not None and verdict.outcome == "pass" and failed is None:
        evaluation = scored(*draw(SCORES), culprit=draw(culprits))
    return tried(
        1, verdict, evaluation, failed_stage=failed, entry=draw(st.sampled_from(STAGES[:4]))
    )


@given(
    st.lists(attempts(), min_size=1, max_size=40), st.data(), st.integers(1, 20), st.integers(0, 3)
)
def test_whatever_happens_the_loop_ends_within_its_limits(
    coming: list[Attempt], data: st.DataObject, max_retries: int, max_conflicts: int
) -> None:
    """The milestone's walk, with any attempts: a conflict may meet every accepted one."""
    made: list[Attempt] = []
    conflicts = 0
    cause = "start"
    while True:
        next_one = coming[len(made) % len(coming)]
        made.append(next_one.model_copy(update={"number": len(made) + 1, "cause": cause}))
        step = route(tuple(made), max_retries=max_retries)
        assert len(made) <= max_retries + max_conflicts
        if isinstance(step, Abandon):
            assert not made[-1].gate.passed
            assert sum(one.cause != "conflict" for one in made) == max_retries
            break
        if isinstance(step, Retry):
            assert not made[-1].gate.passed
            assert step.stage in STAGES
            assert step.reason
            assert step == route(tuple(made), max_retries=max_retries)
            cause = "retry"
            continue
        assert made[-1].gate.passed
        if conflicts == max_conflicts or not data.draw(st.booleans()):
            break
        conflicts += 1
        cause = "conflict"
