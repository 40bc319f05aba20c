"""The gate: exact arithmetic, facts before opinions, and which attempt is the best."""

from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest

from orchestrator import settings
from orchestrator.artifacts.evaluation import Evaluation, Exemption
from orchestrator.artifacts.verdict import LintFact, Verdict
from orchestrator.errors import Misuse
from orchestrator.scoring import WEIGHTS, best, judge, show, weigh
from tests.world import found, scored, tried

GREEN, GOOD = found(), scored()
SHARES = {name: Fraction(percent, 100) for name, percent in WEIGHTS.items()}


def test_the_weights_are_the_agreed_ones() -> None:
    assert WEIGHTS == {
        "correctness": 30,
        "code_quality": 20,
        "security": 20,
        "maintainability": 15,
        "scalability": 15,
    }


def test_every_breakdown_is_weighed_exactly_and_floats_would_not_do() -> None:
    wrong: set[tuple[int, ...]] = set()
    for scores in product(range(1, 6), repeat=5):
        exact = sum(share * one for share, one in zip(SHARES.values(), scores, strict=True))
        assert weigh(dict(zip(SHARES, scores, strict=True))) == exact * 100
        floats = sum(float(s) * one for s, one in zip(SHARES.values(), scores, strict=True))
        if (floats >= 3.5) != (exact >= Fraction(7, 2)):
            wrong.add(scores)
    assert (3, 5, 5, 2, 2) in wrong


@pytest.mark.parametrize(
    ("scores", "score", "passed"),
    [
        ((3, 5, 5, 2, 2), 350, True),
        ((3, 5, 2, 5, 3), 350, True),
        ((5, 3, 3, 3, 2), 345, False),
        ((4, 3, 4, 3, 3), 350, True),
        ((4, 4, 3, 3, 3), 350, True),
        ((3, 4, 4, 4, 3), 355, True),
        ((3, 3, 4, 4, 4), 350, True),
        ((3, 4, 3, 4, 4), 350, True),
        ((4, 3, 3, 4, 3), 345, False),
        ((3, 3, 3, 3, 3), 300, False),
        ((5, 5, 5, 5, 5), 500, True),
        ((2, 4, 4, 4, 4), 340, False),
        ((2, 5, 4, 4, 4), 360, True),
    ],
)
def test_the_edge_of_the_threshold(scores: tuple[int, ...], score: int, passed: bool) -> None:
    gate = judge(GREEN, scored(*scores), threshold=350, floor=2)
    assert (gate.score, gate.passed) == (score, passed)
    assert bool(gate.reasons) is not passed


@pytest.mark.parametrize("place", range(5))
def test_one_dimension_below_the_floor_is_enough(place: int) -> None:
    scores = [5] * 5
    scores[place] = 1
    name = list(WEIGHTS)[place]
    gate = judge(GREEN, scored(*scores), threshold=350, floor=2)
    assert gate.score > 350
    assert gate.reasons == (f"{name} scores 1, below the floor of 2",)
    scores[place] = 2
    assert judge(GREEN, scored(*scores), threshold=350, floor=2).passed
    assert not judge(GREEN, scored(*scores), threshold=350, floor=3).passed


@pytest.mark.parametrize(
    "verdict",
    [
        found("tests/unit/test_a.py::test_a"),
        found("tests/contract/test_a.py::test_m1_c1_a"),
        found(held="wrong output"),
        found(shown="wrong exit code"),
        found(held="crashed", shown="timed out"),
        found(contract=0),
        found(killed=False),
        found(outcome="inconclusive"),
        found(outcome="fail", reasons=()),
        None,
    ],
)
def test_without_the_facts_nothing_passes_whatever_eval_says(verdict: Verdict | None) -> None:
    gate = judge(verdict, scored(5, 5, 5, 5, 5), threshold=100, floor=1)
    assert gate.score == 500
    assert not gate.passed
    assert gate.reasons == (verdict.reasons if verdict else ("nothing was verified",))


@pytest.mark.parametrize(
    ("evaluation", "reasons"),
    [
        (None, ("not evaluated",)),
        (scored(5, 5, 5, 5, 5, unmet=("M1-C1",)), ("criterion M1-C1 judged not met: no",)),
        (
            scored(1, 3, 3, 3, 3, unmet=("M1-C1",)),
            (
                "correctness scores 1, below the floor of 2",
                "weighted score 2.40 is below 3.50",
                "criterion M1-C1 judged not met: no",
            ),
        ),
    ],
)
def test_green_facts_alone_do_not_pass(
    evaluation: Evaluation | None, reasons: tuple[str, ...]
) -> None:
    gate = judge(GREEN, evaluation, threshold=350, floor=2)
    assert (gate.passed, gate.reasons) == (False, reasons)


@pytest.mark.parametrize(
    ("given", "threshold"),
    [(3.5, 350), ("3.5", 350), (3.55, 355), ("4", 400), (1, 100), (5, 500), ("3.05", 305)],
)
def test_the_threshold_is_what_people_write(
    given: object, threshold: int, home: Path, env: dict[str, str]
) -> None:
    assert settings.load(home, env, {"threshold": given}).settings.threshold == threshold
    (home / "orchestrate.toml").write_text(f"threshold = {given}\nfloor = 3\n")
    loaded = settings.load(home, env, {}).settings
    assert (loaded.threshold, loaded.floor) == (threshold, 3)
    from_env = {**env, "ORCHESTRATE_THRESHOLD": "4.5"}
    assert settings.load(home, from_env, {}).settings.threshold == 450
    assert settings.load(home, from_env, {"threshold": given}).settings.threshold == threshold


@pytest.mark.parametrize(
    "given",
    [
        "high",
        3.555,
        0.5,
        5.01,
        350,
        "nan",
        "sNaN",
        "inf",
        "1e99999",
        "1e99999999999999999999",
        True,
    ],
)
def test_a_threshold_that_is_no_score_is_refused(
    given: object, home: Path, env: dict[str, str]
) -> None:
    with pytest.raises(Misuse, match="threshold") as refused:
        settings.load(home, env, {"threshold": given})
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("score", "shown"), [(350, "3.50"), (500, "5.00"), (305, "3.05"), (0, "0.00")]
)
def test_scores_as_people_read_them(score: int, shown: str) -> None:
    assert show(score) == shown


def test_the_best_attempt_passed_then_verified_then_scored_then_tested_then_last() -> None:
    red, redder = found("a", passed=9), found("a", "b", passed=2)
    unverified, worse = tried(1), tried(2, redder)
    tested, low = tried(3, red), tried(4, GREEN, scored(2, 2, 2, 2, 2))
    high, later = tried(5, GREEN, scored(3, 3, 3, 3, 3)), tried(6, GREEN, scored(3, 3, 3, 3, 3))
    passed = tried(7, GREEN, GOOD)
    order = [unverified, worse, tested, low, high, later, passed]
    for at in range(1, len(order)):
        assert best(tuple(order[: at + 1])) == order[at]
        assert best(tuple(reversed(order[: at + 1]))) == order[at]
    assert best((low, tried(8, red, scored(5, 5, 5, 5, 5)))) == low


def blocked(*exemptions: Exemption) -> tuple[Verdict, Evaluation]:
    fact = {"path": "a.py", "line": 3, "code": "S602", "message": "a shell", "blocks": True}
    harmless = {"path": "a.py", "line": 4, "code": "S603", "message": "no shell"}
    lint = tuple(LintFact.model_validate(one) for one in (fact, harmless))
    evaluation = scored(5, 5, 5, 5, 5).model_copy(update={"exemptions": exemptions})
    return GREEN.model_copy(update={"lint": lint}), evaluation


def test_a_lint_fact_that_blocks_caps_security_whatever_eval_says() -> None:
    gate = judge(*blocked(), threshold=350, floor=2)

    assert (gate.passed, gate.score) == (False, 420)
    assert gate.reasons == (
        "a.py:3: S602 a shell: security counts as 1 with it",
        "security scores 1, below the floor of 2",
    )
    assert not judge(*blocked(), threshold=350, floor=1).passed


def test_a_reasoned_exemption_lifts_the_cap_of_its_own_fact_only() -> None:
    reason = "The command is a constant."
    right = Exemption(code="S602", path="a.py", line=3, reason=reason)
    other = right.model_copy(update={"line": 9})

    assert judge(*blocked(right), threshold=350, floor=2).score == 500
    assert judge(*blocked(right), threshold=350, floor=2).passed
    assert not judge(*blocked(other), threshold=350, floor=2).passed
