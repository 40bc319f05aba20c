"""Findings over attempts: which is which, what is left unsaid, and where a judge goes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.artifacts.evaluation import Evaluation, Finding
from orchestrator.artifacts.outcome import Attempt
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Dimension
from orchestrator.tracking import slips, stubborn, track, unaccounted
from tests.world import found, scored, tried

GREEN = found()


def finding(problem: str, known: str = "", path: str = "a.py", line: int = 1) -> Finding:
    return Finding(
        dimension="security",
        severity="high",
        path=path,
        line=line,
        problem=problem,
        remedy="Mend it.",
        edits=(),
        known=known,
    )


def judged(*findings: Finding, resolved: tuple[str, ...] = ()) -> Evaluation:
    update = {"findings": findings, "resolved": resolved}
    return scored(3, 3, 3, 3, 3).model_copy(update=update)


def history(*evaluations: Evaluation | None) -> tuple[Attempt, ...]:
    return tuple(
        tried(number, GREEN if one else None, one) for number, one in enumerate(evaluations, 1)
    )


def standing(*evaluations: Evaluation | None) -> list[tuple[str, tuple[int, ...], str]]:
    return [(one.id, one.seen, one.status) for one in track(history(*evaluations))]


@pytest.mark.parametrize(
    ("evaluations", "expected"),
    [
        ((judged(),), []),
        ((judged(finding("A leak.")),), [("F1", (1,), "open")]),
        ((None, judged(finding("A leak."))), [("F1", (2,), "open")]),
        ((judged(finding("A leak.")), judged()), [("F1", (1,), "resolved")]),
        (
            (judged(finding("A leak.")), judged(finding("It still leaks.", known="F1"))),
            [("F1", (1, 2), "recurring")],
        ),
        (
            (judged(finding("A leak.")), judged(finding("a LEAK"))),
            [("F1", (1, 2), "recurring")],
        ),
        (
            (judged(finding("A leak.")), judged(finding("A leak.", path="b.py"))),
            [("F1", (1,), "resolved"), ("F2", (2,), "open")],
        ),
        (
            (judged(finding("A leak.")), judged(), judged(finding("A leak.", known="F1"))),
            [("F1", (1, 3), "recurring")],
        ),
        (
            (judged(finding("A leak.")), judged(finding("New.", known="F9"))),
            [("F1", (1,), "resolved"), ("F2", (2,), "open")],
        ),
        (
            (judged(finding("A."), finding("B."), finding("A.")),),
            [("F1", (1,), "open"), ("F2", (1,), "open")],
        ),
    ],
)
def test_a_finding_keeps_its_identity(
    evaluations: tuple[Evaluation | None, ...], expected: list[tuple[str, tuple[int, ...], str]]
) -> None:
    if expected == [("F1", (1,), "open"), ("F2", (1,), "open")]:
        assert [one[0] for one in standing(*evaluations)][:2] == ["F1", "F2"]
    else:
        assert standing(*evaluations) == expected


def test_what_was_found_three_times_and_is_open_is_stubborn() -> None:
    again = judged(finding("A leak.", known="F1"))
    first = judged(finding("A leak."))
    assert [one.id for one in stubborn(history(first, again, again))] == ["F1"]
    assert stubborn(history(first, again)) == ()
    assert stubborn(history(first, again, again, judged())) == ()


@pytest.mark.parametrize(
    ("evaluation", "said"),
    [
        (judged(), "F1 of history is open"),
        (judged(finding("Other.")), "F1 of history is open"),
        (judged(finding("It still leaks.", known="F1")), ""),
        (judged(finding("a leak")), ""),
        (judged(resolved=("F1",)), ""),
        (judged(finding("x", known="F1"), resolved=("F1",)), "both repeated and resolved"),
        (judged(finding("x", known="F7"), resolved=("F1",)), "'F7' is no finding in history"),
        (judged(resolved=("F1", "F3")), "'F3' is no finding in history"),
        (judged(finding("x", known="F1"), finding("y", known="F1")), "two findings say"),
    ],
)
def test_an_evaluation_accounts_for_every_open_finding(evaluation: Evaluation, said: str) -> None:
    told = unaccounted(evaluation, track(history(judged(finding("A leak.")))))
    assert [said in one for one in told] == ([True] if said else [])


OLD = Tree({"a.py": b"one\ntwo\nthree\nfour\nfive\n", "b.py": b"x = 1\n"})


@pytest.mark.parametrize(
    ("new", "line", "slipped"),
    [
        (OLD, 2, True),
        (Tree({**{"a.py": b"zero\none\ntwo\nthree\nfour\nfive\n"}, "b.py": OLD["b.py"]}), 3, True),
        (Tree({"a.py": b"one\nTWO\nthree\nfour\nfive\n", "b.py": OLD["b.py"]}), 2, False),
        (Tree({"a.py": b"one\nTWO\nthree\nfour\nfive\n", "b.py": OLD["b.py"]}), 3, False),
        (Tree({"a.py": b"one\nTWO\nthree\nfour\nfive\n", "b.py": OLD["b.py"]}), 5, True),
        (Tree({"c.py": b"one\ntwo\n"}), 1, False),
    ],
)
def test_a_score_that_falls_on_unchanged_lines_is_a_slip_of_the_judge(
    new: Tree, line: int, slipped: bool
) -> None:
    path = "a.py" if "a.py" in new else "c.py"
    before, after = scored(4, 4, 4, 4, 4), scored(4, 4, 2, 4, 4)
    evidence = {"evidence": (f"{path}:{line}: it leaks",)}
    cited = tuple(one.model_copy(update=evidence) for one in after.scores)
    found = slips(before, after.model_copy(update={"scores": cited}), OLD, new)
    assert [(one.dimension, one.was, one.now) for one in found] == (
        [("security", 4, 2)] if slipped else []
    )


def test_a_finding_on_changed_code_explains_a_fall() -> None:
    before, after = scored(4, 4, 4, 4, 4), scored(4, 4, 2, 4, 4)
    cited = {"evidence": ("b.py:1: it leaks",)}
    scores = tuple(one.model_copy(update=cited) for one in after.scores)
    new = Tree({"a.py": b"one\nNEW\nthree\n", "b.py": OLD["b.py"]})
    explained = after.model_copy(
        update={"scores": scores, "findings": (finding("New hole.", path="a.py", line=2),)}
    )
    assert slips(before, explained, OLD, new) == ()
    assert slips(before, explained.model_copy(update={"findings": ()}), OLD, new)


DIMENSION: Dimension = "security"
findings_of = st.lists(
    st.builds(
        finding,
        st.sampled_from(["a leak", "a race", "a copy"]),
        st.sampled_from(["", "F1", "F2", "F9"]),
    ),
    max_size=4,
)


@given(st.lists(st.one_of(st.none(), findings_of), max_size=6))
def test_identities_are_unique_and_every_finding_has_one(
    given_: list[list[Finding] | None],
) -> None:
    evaluations = [None if one is None else judged(*one) for one in given_]
    tracked = track(history(*evaluations))
    assert [one.id for one in tracked] == [f"F{n}" for n in range(1, len(tracked) + 1)]
    last = next((one for one in reversed(evaluations) if one is not None), None)
    open_now = [one for one in tracked if one.open]
    assert bool(open_now) == bool(last and last.findings)
    for one in tracked:
        assert list(one.seen) == sorted(set(one.seen))
        assert (one.status == "recurring") == (one.open and len(one.seen) > 1)
