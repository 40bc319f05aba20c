"""Plans: what is refused, with which words, and in which order milestones are built."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.artifacts.plan import Criterion, Milestone, Plan, in_order, problems
from orchestrator.errors import GaveUp
from orchestrator.events import Planned
from tests.world import PLAN, begin, planned

MVP, SHOUT, WHISPER = "milestone-1-mvp", "milestone-2-shout", "milestone-3-whisper"


def listed(**changes: object) -> list[dict[str, object]]:
    """The plan's milestones, the second one with `changes`."""
    first, second, third = PLAN["milestones"]
    return [first, {**second, **changes}, third]


def of(milestones: list[dict[str, object]], **changes: object) -> str:
    return json.dumps({**PLAN, "milestones": milestones, **changes})


def criteria(*ids: str) -> list[dict[str, str]]:
    return [{"id": name, "text": "It works."} for name in ids]


BROKEN = {
    "cycle": (
        planned({MVP: [WHISPER], SHOUT: [MVP], WHISPER: [SHOUT]}),
        [f"the dependencies form a cycle: {MVP} -> {SHOUT} -> {WHISPER} -> {MVP}"],
    ),
    "itself": (
        planned({MVP: [MVP]}),
        [f"the dependencies form a cycle: {MVP} -> {MVP}"],
    ),
    "unknown dependency": (
        planned({MVP: [], SHOUT: ["milestone-9-gone"]}),
        [f"milestone {SHOUT!r} depends on 'milestone-9-gone', which is not in the plan"],
    ),
    "milestone twice": (
        of(listed(id=MVP, dependencies=[])),
        [f"milestone id {MVP!r} is used 2 times"],
    ),
    "criterion twice": (
        of(listed(acceptance_criteria=criteria("M2-C1", "M3-C1"))),
        ["criterion id 'M3-C1' is used 2 times"],
    ),
    "no criteria": (
        of(listed(acceptance_criteria=[])),
        [f"milestone {SHOUT!r} has no acceptance criteria"],
    ),
    "no text": (
        of(listed(acceptance_criteria=[{"id": "M2-C1", "text": " "}])),
        ["criterion 'M2-C1' has no text"],
    ),
    "no milestones": (of([]), ["the plan has no milestones"]),
    "bad milestone id": (
        of(listed(id="Milestone 2/../shout")),
        ["milestone id 'Milestone 2/../shout' is not of the form 'milestone-1-mvp'"],
    ),
    "bad criterion id": (
        of(listed(acceptance_criteria=criteria("C1", "M02-C1"))),
        [
            "criterion id 'C1' is not of the form 'M1-C1'",
            "criterion id 'M02-C1' is not of the form 'M1-C1'",
        ],
    ),
    "no name": (of(listed(), product_name="  "), ["product_name is empty"]),
    "several": (
        of(listed(acceptance_criteria=[], dependencies=["milestone-7-x"]), product_name=""),
        [
            "product_name is empty",
            f"milestone {SHOUT!r} has no acceptance criteria",
            f"milestone {SHOUT!r} depends on 'milestone-7-x', which is not in the plan",
        ],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_plan_that_cannot_be_run_is_refused_with_every_reason(name: str) -> None:
    text, reasons = BROKEN[name]
    found = problems(Plan.model_validate_json(text))
    assert list(found) == reasons


def test_a_good_plan_has_no_problems() -> None:
    assert problems(Plan.model_validate(PLAN)) == ()


def test_the_planner_is_told_each_reason_until_its_plan_can_be_run(
    home: Path, env: dict[str, str]
) -> None:
    """The run is stopped as soon as it asks for the first specification."""

    def stop(_: object) -> str:
        raise GaveUp("enough seen")

    names = list(BROKEN)[-10:]
    overrides = {f"run/planner/1/{turn}": BROKEN[name][0] for turn, name in enumerate(names, 1)}
    good = planned({WHISPER: [SHOUT], SHOUT: [MVP], MVP: []})
    played = begin(home, env, {"planner": good, "spec": stop, **overrides}, max_reasks=10)
    with pytest.raises(GaveUp, match="enough seen"):
        played.run()
    for turn, name in enumerate(names, 2):
        again = f"run/planner/1/{turn}"
        assert played.told(again, "errors").splitlines() == [f"- {one}" for one in BROKEN[name][1]]
        assert played.told(again, "previous_answer") == BROKEN[name][0]
        assert played.request(again).prompt.endswith("under errors. Answer again.")
    assert played.ids[:11] == [f"run/planner/1/{turn}" for turn in range(1, 12)]
    assert played.of("planned") == [Planned(product="greeter", milestones=(MVP, SHOUT, WHISPER))]


def test_without_a_valid_plan_the_run_gives_up_and_builds_nothing(
    home: Path, env: dict[str, str]
) -> None:
    played = begin(home, env, {"planner": BROKEN["no milestones"][0]})
    with pytest.raises(GaveUp) as stopped:
        played.run()
    assert stopped.value.exit_code == 7
    assert stopped.value.message == "no valid plan: the plan has no milestones"
    assert stopped.value.remedy
    assert played.ids == ["run/planner/1/1", "run/planner/1/2", "run/planner/1/3"]
    assert len(played.ledger.answers()) == 3
    assert not (home / "greeter").exists()


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A DAG of up to eight milestones, listed in any order."""
    count = draw(st.integers(1, 8))
    names = [f"milestone-{number}-x" for number in range(1, count + 1)]
    milestones = [
        Milestone(
            id=name,
            title=name,
            release="v1",
            description="",
            acceptance_criteria=(Criterion(id=f"M{at + 1}-C1", text="works"),),
            dependencies=tuple(draw(st.sets(st.sampled_from(names[:at]))) if at else ()),
        )
        for at, name in enumerate(names)
    ]
    shuffled = draw(st.permutations(milestones))
    return Plan(product_name="x", summary="", milestones=tuple(shuffled))


@given(plans())
def test_plan_order_is_topological_and_otherwise_as_listed(plan: Plan) -> None:
    assert problems(plan) == ()
    order = [one.id for one in in_order(plan)]
    assert sorted(order) == sorted(one.id for one in plan.milestones)
    for at, name in enumerate(order):
        done = set(order[:at])
        assert done.issuperset(plan.milestone(name).dependencies)
        ready = [
            one.id
            for one in plan.milestones
            if one.id not in done and done.issuperset(one.dependencies)
        ]
        assert name == ready[0]
