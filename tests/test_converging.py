"""Retries that converge: corrections without a call, what the judge took back, who is asked next,
what comes before and after an evaluation, and what each switch leaves out.
"""

import json
from pathlib import Path

import pytest

from orchestrator.artifacts.exchange import Request
from orchestrator.events import StageEnded
from orchestrator.settings import Settings
from tests.world import (
    BODIES,
    Override,
    Played,
    answer,
    architecture,
    code,
    edit,
    evaluation,
    file,
    play,
    specification,
)

MVP = "milestone-1-mvp"
PATH = "greeter/greet.py"
DOC = ('"""Says greet."""\n', '"""Greets."""\n')
LINE = ('    """What to say to name."""\n', '    """Returns the greeting of `name`."""\n')


def finding(problem: str, *edits: tuple[str, str], **changes: object) -> dict[str, object]:
    return {
        "dimension": "code_quality",
        "severity": "medium",
        "path": PATH,
        "line": 1,
        "problem": problem,
        "remedy": f"Mend: {problem}",
        "edits": [{"path": PATH, "remove": remove, "add": add} for remove, add in edits],
        "known": "",
        "gain": 0,
        **changes,
    }


def low(*findings: dict[str, object], score: int = 3, **changes: object) -> str:
    return evaluation("1", "greet", score, findings=list(findings), **changes)


def good(**changes: object) -> str:
    return evaluation("1", "greet", **changes)


def results(played: Played, stage: str) -> list[str]:
    return [
        one.result for one in played.events if isinstance(one, StageEnded) and one.stage == stage
    ]


def asked(played: Played, agent: str) -> list[str]:
    return [one for one in played.ids if f"/{agent}/" in one]


def test_corrections_that_apply_and_stay_green_need_no_impl(
    home: Path, env: dict[str, str]
) -> None:
    first = low(finding("Thin.", DOC, gain=1), finding("Thin, too.", LINE, gain=1))
    played = play(
        home, env, {f"{MVP}/eval/1/1": first, f"{MVP}/eval/2/1": good(resolved=["F1", "F2"])}
    )
    assert played.done.passed
    assert asked(played, "impl") == [f"{MVP}/impl/1/1"]
    assert '"""Greets."""' in played.git("show", f"main:{PATH}")
    assert "Returns the greeting" in played.git("show", f"main:{PATH}")
    assert f"refine: {MVP}, attempt 2" in played.git("log", "--format=%s", "main").splitlines()

    milestone = played.done.facts.milestones[0]
    second = milestone.attempts[1]
    assert (second.entry, second.refined) == ("eval", ("F1", "F2"))
    assert (second.expected, second.score) == ("3.40", "4.00")
    assert "4.00 (expected 3.40): pass" in results(played, "eval")
    assert [(one.id, one.status) for one in milestone.tracked] == [
        ("F1", "resolved"),
        ("F2", "resolved"),
    ]
    told = played.told(f"{MVP}/eval/2/1", "findings")
    assert "Applied already, as it was given: F1, F2" in told
    assert "Thin." not in told
    written = (played.folder / "report.md").read_text()
    assert "began with the corrections of F1, F2" in written
    assert "| F1 | 1 | resolved | code quality, medium" in written


@pytest.mark.full
def test_a_correction_that_turns_the_suite_red_is_left_to_impl_and_the_others_stay(
    home: Path, env: dict[str, str]
) -> None:
    broken = (f"    return {BODIES['greet']}\n", '    return "?"\n')
    absent = ("    return nothing\n", "    return 1\n")
    findings = (finding("A.", DOC), finding("B.", broken), finding("C.", absent), finding("D."))
    played = play(
        home,
        env,
        {
            f"{MVP}/eval/1/1": low(*findings),
            f"{MVP}/impl/2/1": edit(PATH, *(one.rstrip("\n") for one in LINE)),
            f"{MVP}/eval/2/1": good(resolved=["F1", "F2", "F3", "F4"]),
        },
    )
    assert played.done.passed
    assert played.done.facts.milestones[0].attempts[1].refined == ("F1",)
    told = played.told(f"{MVP}/impl/2/1", "findings")
    assert "Applied already, as it was given: F1" in told
    assert ["* F1" in told, "* F2" in told, "* F3" in told, "* F4" in told] == [
        False,
        True,
        True,
        True,
    ]
    assert '"""Greets."""' in played.told(f"{MVP}/impl/2/1", "code")
    assert 'return "?"' not in played.told(f"{MVP}/impl/2/1", "code")


@pytest.mark.full
def test_corrections_that_gain_enough_go_straight_to_eval_with_the_rest_left_open(
    home: Path, env: dict[str, str]
) -> None:
    minor = finding("Minor.", severity="low")
    enough = finding("Thin.", DOC, gain=2, dimension="correctness")
    played = play(
        home,
        env,
        {
            f"{MVP}/eval/1/1": low(enough, minor),
            f"{MVP}/eval/2/1": good(
                resolved=["F1"], findings=[{**minor, "known": "F2", "problem": "Still minor."}]
            ),
        },
    )
    assert played.done.passed
    assert len(asked(played, "impl")) == 1
    tracked = played.done.facts.milestones[0].tracked
    assert [(one.id, one.seen, one.status) for one in tracked] == [
        ("F1", (1,), "resolved"),
        ("F2", (1, 2), "recurring"),
    ]


def test_an_evaluation_that_forgets_or_takes_back_is_asked_again(
    home: Path, env: dict[str, str]
) -> None:
    scores = json.loads(low())["scores"]
    fallen = [
        {**one, "score": 2 if one["dimension"] == "security" else one["score"]} for one in scores
    ]
    admitted = [
        {**one, "evidence": [f"{PATH}:1: overlooked: no limit"]}
        if one["dimension"] == "security"
        else one
        for one in fallen
    ]
    change = edit(PATH, LINE[0].rstrip("\n"), LINE[1].rstrip("\n"))
    played = play(
        home,
        env,
        {
            f"{MVP}/eval/1/1": low(finding("Thin.")),
            f"{MVP}/impl/2/1": change,
            f"{MVP}/eval/2/1": low(),
            f"{MVP}/eval/2/2": low(resolved=["F1"], scores=fallen),
            f"{MVP}/eval/2/3": low(resolved=["F1"], scores=admitted),
            f"{MVP}/impl/3/1": edit(PATH, DOC[0].rstrip("\n"), DOC[1].rstrip("\n")),
        },
    )
    assert played.done.passed
    assert "F1 of history is open" in played.told(f"{MVP}/eval/2/2", "errors")
    assert "security falls from 3 to 2" in played.told(f"{MVP}/eval/2/3", "errors")
    second = played.done.facts.milestones[0].attempts[1]
    assert [(one.dimension, one.was, one.now) for one in second.slips] == [("security", 3, 2)]
    assert "(security fell from 3 to 2 with no change" in played.told(f"{MVP}/eval/3/1", "history")
    assert "the judge went back on security (3 to 2)" in (played.folder / "report.md").read_text()


def test_failed_attempts_are_followed_by_stronger_builders_and_the_same_judge(
    home: Path, env: dict[str, str]
) -> None:
    played = play(
        home,
        env,
        {
            f"{MVP}/eval/1/1": low(),
            f"{MVP}/impl/2/1": edit(PATH, DOC[0].rstrip("\n"), DOC[1].rstrip("\n")),
        },
    )
    first, second = (played.request(f"{MVP}/impl/{n}/1") for n in (1, 2))
    assert (first.model, first.effort) == ("claude-opus-5-5", "high")
    assert (second.model, second.effort) == ("claude-opus-5-5", "xhigh")
    judges = [played.request(f"{MVP}/eval/{n}/1") for n in (1, 2)]
    assert judges[0].model == judges[1].model


def test_a_budget_that_runs_out_asks_cheaper_builders(home: Path, env: dict[str, str]) -> None:
    costly = answer(specification("1", "greet"), price="8")
    played = play(home, env, {f"{MVP}/spec/1/1": costly}, max_cost="10")
    assert played.done.passed
    models = {one.agent: (one.model, one.effort) for one in played.model.requests}
    assert models["spec"] == ("claude-opus-5-5", "high")
    assert models["arch"] == ("claude-opus-5-5", "medium")
    assert models["eval"] == (Settings().roles.eval.model, "high")


def chosen(stage: str, message: str = "") -> str:
    return json.dumps({"next_agent": stage, "message": message, "reason": f"{stage} can mend it"})


def test_the_router_chooses_the_stage_and_its_message_is_read(
    home: Path, env: dict[str, str]
) -> None:
    changed = edit(PATH, DOC[0].rstrip("\n"), DOC[1].rstrip("\n"))
    played = play(
        home,
        env,
        {
            f"{MVP}/eval/1/1": low(finding("Thin.")),
            f"{MVP}/router/2/1": "no JSON",
            f"{MVP}/router/2/2": chosen("arch", "Split the module."),
            f"{MVP}/impl/2/1": changed,
            f"{MVP}/eval/2/1": good(resolved=["F1"]),
        },
        routing="planner",
    )
    assert played.done.passed
    assert played.done.facts.milestones[0].attempts[1].entry == "arch"
    assert "Split the module." in played.told(f"{MVP}/arch/2/1", "findings")
    state = json.loads(played.told(f"{MVP}/router/2/1", "state"))
    assert state["remaining_attempts"] == 2
    assert state["findings"][0]["status"] == "open"
    assert "greeter" not in json.dumps(state["agents"])


@pytest.mark.full
def test_a_router_that_never_answers_leaves_it_to_the_rules(
    home: Path, env: dict[str, str]
) -> None:
    played = play(
        home,
        env,
        {
            f"{MVP}/eval/1/1": low(finding("Thin.")),
            "router": "no JSON",
            f"{MVP}/impl/2/1": edit(PATH, DOC[0].rstrip("\n"), DOC[1].rstrip("\n")),
            f"{MVP}/eval/2/1": good(resolved=["F1"]),
        },
        routing="planner",
    )
    assert played.done.passed
    assert played.done.facts.milestones[0].attempts[1].entry == "impl"


def review(*findings: dict[str, object]) -> str:
    return json.dumps({"findings": list(findings), "summary": "Read."})


def test_a_critic_is_heard_once_before_the_evaluation(home: Path, env: dict[str, str]) -> None:
    played = play(
        home,
        env,
        {
            "critic": review(finding("Thin."), finding("Taste.", severity="low")),
            f"{MVP}/impl/1/2": edit(PATH, DOC[0].rstrip("\n"), DOC[1].rstrip("\n")),
        },
        critic=True,
    )
    assert played.done.passed
    assert asked(played, "critic") == [f"{MVP}/critic/1/1"]
    told = played.told(f"{MVP}/impl/1/2", "findings")
    assert "Thin." in told
    assert "Taste." not in told
    assert '"""Greets."""' in played.told(f"{MVP}/eval/1/1", "code")


def simpler(played: Played) -> str:
    return played.git("show", f"main:{PATH}")


@pytest.mark.full
def test_a_refactoring_is_kept_when_it_stays_green_and_no_score_falls(
    home: Path, env: dict[str, str]
) -> None:
    change = edit(PATH, DOC[0].rstrip("\n"), DOC[1].rstrip("\n"))
    played = play(home, env, {"refactor": change}, refactor=True)
    assert played.done.passed
    assert '"""Greets."""' in simpler(played)
    attempts = played.done.facts.milestones[0].attempts
    assert [(one.cause, one.passed) for one in attempts] == [("start", True), ("refactor", True)]


@pytest.mark.full
def test_a_refactoring_that_costs_a_score_a_test_or_nothing_is_dropped(
    home: Path, env: dict[str, str]
) -> None:
    change = edit(PATH, DOC[0].rstrip("\n"), DOC[1].rstrip("\n"))
    body = edit(PATH, f"    return {BODIES['greet']}", '    return "?"')
    scores = [
        {**one, "score": 3 if one["dimension"] == "scalability" else 4}
        for one in json.loads(good())["scores"]
    ]
    lower: Override = good(scores=scores)
    for number, changes in enumerate(
        (
            {"refactor": change, f"{MVP}/eval/2/1": lower},
            {"refactor": body},
            {"refactor": "It is simple enough."},
        )
    ):
        folder = home / str(number)
        folder.mkdir()
        played = play(folder, env, changes, refactor=True)
        assert played.done.passed
        assert '"""Says greet."""' in simpler(played)
        assert [one.cause for one in played.done.facts.milestones[0].attempts] == ["start"]


def test_the_best_attempt_is_tagged(home: Path, env: dict[str, str]) -> None:
    played = play(home, env, {"eval": low()}, max_retries=1)
    failed = played.done.facts.milestones[0]
    assert not played.done.passed
    assert played.git("rev-parse", f"best/{MVP}") == failed.commit


def again(request: Request) -> str:
    """Naive agents: each attempt another text, all from the beginning."""
    return {
        "spec": specification("1", "greet"),
        "arch": architecture("1", "greet"),
        "impl": code("1", "greet", f'f"Hello, {{name}}!" or "{request.attempt}"'),
        "test": file(
            f"tests/unit/test_m1_more_{request.attempt}.py",
            f'"""More."""\n\n\ndef test_more_{request.attempt}():\n    assert {request.attempt}\n',
        ),
    }[request.agent]


@pytest.mark.full
def test_with_its_switches_off_the_loop_is_the_naive_one(home: Path, env: dict[str, str]) -> None:
    played = play(
        home,
        env,
        {
            "impl": again,
            f"{MVP}/test/2/1": again,
            f"{MVP}/test/3/1": again,
            f"{MVP}/eval/1/1": low(finding("Thin.", DOC)),
            f"{MVP}/eval/2/1": low(finding("Thin again.", DOC)),
        },
        every_stage=True,
        whole_files=True,
        history=False,
        refine=False,
        max_repairs=0,
    )
    assert played.done.passed
    stages = [one.split("/")[1] for one in played.ids[1:-1]]
    assert stages == ["spec", "arch", "impl", "test", "eval"] * 3
    assert played.told(f"{MVP}/eval/3/1", "history") == ""
    assert "Thin again." in played.told(f"{MVP}/impl/3/1", "findings")
    assert played.told(f"{MVP}/impl/3/1", "feedback") == ""
    assert "EDIT blocks are not accepted" in played.request(f"{MVP}/impl/2/1").prompt


def test_without_edits_an_edit_is_refused(home: Path, env: dict[str, str]) -> None:
    played = play(
        home,
        env,
        {
            f"{MVP}/eval/1/1": low(),
            f"{MVP}/impl/2/1": edit(PATH, DOC[0].rstrip("\n"), DOC[1].rstrip("\n")),
            f"{MVP}/impl/2/2": code("1", "greet", 'f"Hello, {name}!" + ""'),
        },
        whole_files=True,
    )
    assert played.done.passed
    assert "EDIT blocks are not accepted now" in played.told(f"{MVP}/impl/2/2", "errors")


@pytest.mark.full
def test_what_no_longer_fits_of_the_feedback_is_summarised(home: Path, env: dict[str, str]) -> None:
    long = "It is thin. " * 260
    changes: dict[str, Override] = {
        "summariser": "Attempt 1: the docstring was thin. Not seen mended.",
        "impl": lambda request: code("1", "greet", f'f"Hello, {{name}}!" or "{request.attempt}"'),
        "arch": architecture("1", "greet"),
        "spec": specification("1", "greet"),
    }
    for number in range(1, 4):
        changes[f"{MVP}/eval/{number}/1"] = low(
            summary=f"Summary {number}. {long}",
        )
    played = play(home, env, changes, max_retries=4, context_tokens=6000)
    assert played.done.passed
    assert asked(played, "summariser")
    first = asked(played, "summariser")[0]
    assert "Summary 1." in played.told(first, "feedback")
    last = played.told(f"{MVP}/eval/4/1", "feedback")
    assert "in short)\nAttempt 1: the docstring was thin." in last
    assert "Summary 1." not in last
    assert len(asked(played, "test")) == 1
