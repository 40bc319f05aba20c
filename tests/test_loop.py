"""The loop: repairs before judgement, retries at the culprit, feedback that grows, and its end."""

import json
from pathlib import Path

from orchestrator.events import MilestoneEnded, Rerouted
from tests.world import BODIES, code, edit, evaluation, planned, play

MVP, SHOUT, WHISPER = "milestone-1-mvp", "milestone-2-shout", "milestone-3-whisper"
CONTRACT = "tests/contract/test_m1_greet.py::test_m1_c1_greets"


def finding(problem: str, remove: str, add: str) -> dict[str, object]:
    return {
        "dimension": "code_quality",
        "severity": "medium",
        "path": "greeter/greet.py",
        "line": 1,
        "problem": problem,
        "remedy": f"Mend: {problem}",
        "edits": [{"path": "greeter/greet.py", "remove": remove, "add": add}],
    }


def low(*findings: dict[str, object], summary: str, **changes: object) -> str:
    return evaluation("1", "greet", 3, findings=list(findings), summary=summary, **changes)


def test_a_milestone_is_repaired_judged_and_tried_again_until_it_is_good(
    home: Path, env: dict[str, str]
) -> None:
    first = finding("The docstring is thin.", '"""Says greet."""', '"""Says hello."""')
    second = finding("The name is not checked.", "greet to name", "hello to name")
    played = play(
        home,
        env,
        {
            f"{MVP}/impl/1/1": code("1", "greet", 'f"Hi, {name}!"'),
            f"{MVP}/impl/1/2": edit(
                "greeter/greet.py", '    return f"Hi, {name}!"', f"    return {BODIES['greet']}"
            ),
            f"{MVP}/eval/1/1": low(first, summary="First summary."),
            f"{MVP}/impl/2/1": edit("greeter/greet.py", '"""Says greet."""', '"""Says hello."""'),
            f"{MVP}/eval/2/1": low(second, summary="Second summary.", resolved=["F1"]),
            f"{MVP}/impl/3/1": edit("greeter/greet.py", '"""Says hello."""', '"""Greets."""'),
            f"{MVP}/eval/3/1": evaluation("1", "greet", resolved=["F2"]),
        },
        max_retries=3,
        refine=False,
    )
    assert played.done.passed
    assert played.ids == [
        "run/planner/1/1",
        f"{MVP}/spec/1/1",
        f"{MVP}/arch/1/1",
        f"{MVP}/impl/1/1",
        f"{MVP}/test/1/1",
        f"{MVP}/impl/1/2",
        f"{MVP}/eval/1/1",
        f"{MVP}/impl/2/1",
        f"{MVP}/eval/2/1",
        f"{MVP}/arch/3/1",
        f"{MVP}/impl/3/1",
        f"{MVP}/eval/3/1",
        "run/reporter/1/1",
    ]

    trace = played.told(f"{MVP}/impl/1/2", "findings")
    assert f"test {CONTRACT} failed:" in trace
    assert "assert 'Hi, Eve!\\n' == 'Hello, Eve!\\n'" in trace
    assert "shown check M1-C1-shown-1 (M1-C1): wrong output" in trace
    assert "held checks of M1-C1: wrong output" in trace
    assert "Lovelace" not in trace
    assert 'return f"Hi, {name}!"' in played.told(f"{MVP}/impl/1/2", "code")
    assert played.request(f"{MVP}/impl/1/2").prompt.count("do not start over") == 1
    assert played.told(f"{MVP}/impl/1/1", "findings") == ""
    assert played.told(f"{MVP}/eval/1/1", "findings") == ""

    told = played.told(f"{MVP}/impl/2/1", "findings")
    assert "- weighted score 3.00 is below 3.50" in told
    assert "First summary." in told
    assert "* F1 [code_quality, medium] greeter/greet.py:1: The docstring is thin." in told
    assert "  Remedy: Mend: The docstring" in told
    assert '  REMOVE\n"""Says greet."""\n  ADD\n"""Says hello."""' in told
    assert f"    return {BODIES['greet']}" in played.told(f"{MVP}/impl/2/1", "code")
    assert played.told(f"{MVP}/impl/2/1", "feedback") == ""
    assert played.told(f"{MVP}/eval/2/1", "findings") == told

    for name in (f"{MVP}/arch/3/1", f"{MVP}/impl/3/1", f"{MVP}/eval/3/1"):
        assert "Second summary." in played.told(name, "findings")
        assert played.told(name, "feedback") == told
    assert '"""Says hello."""' in played.told(f"{MVP}/impl/3/1", "code")
    assert played.told(f"{MVP}/arch/3/1", "architecture")
    history = played.told(f"{MVP}/eval/3/1", "history")
    assert history.index("attempt 1: turned down") < history.index("attempt 2: turned down")
    assert "The docstring is thin." in history
    assert "The name is not checked." in history
    assert played.told(f"{MVP}/eval/1/1", "history") == ""

    assert played.of("rerouted") == [
        Rerouted(milestone=MVP, attempt=number, stage=stage, reason=reason)
        for number, stage, reason in (
            (
                1,
                "impl",
                f"{CONTRACT} failed: AssertionError: assert 'Hi, Eve!\\n' == 'Hello, Eve!\\n'",
            ),
            (2, "impl", "weighted score 3.00 is below 3.50"),
            (3, "arch", "impl failed twice, so arch first"),
        )
    ]
    attempts = played.done.facts.milestones[0].attempts
    assert [(one.entry, one.repairs, one.score, one.passed) for one in attempts] == [
        ("spec", 1, "3.00", False),
        ("impl", 0, "3.00", False),
        ("arch", 0, "4.00", True),
    ]
    assert played.git("log", "--format=%s", "--topo-order", "--reverse", "main").splitlines() == [
        "Begin",
        f"impl: {MVP}, attempt 1",
        f"test: {MVP}, attempt 1",
        f"impl: {MVP}, attempt 1",
        f"impl: {MVP}, attempt 2",
        f"impl: {MVP}, attempt 3",
        f"{MVP}: Greet (4.00)",
    ]


def test_a_milestone_that_never_passes_blocks_its_dependants_and_nobody_else(
    home: Path, env: dict[str, str]
) -> None:
    played = play(
        home,
        env,
        {
            "planner": planned({MVP: [], SHOUT: [MVP], WHISPER: []}),
            f"{WHISPER}/impl/1/1": code("3", "whisper", skeleton=True),
            f"{MVP}/eval/1/1": low(summary="Not good enough."),
            f"{MVP}/impl/2/1": code("1", "greet", 'f"Hi, {name}!"'),
        },
        max_retries=2,
        max_repairs=0,
    )
    report = played.done
    assert not report.passed
    assert [(one.id, one.status) for one in report.facts.milestones] == [
        (MVP, "failed_after_retries"),
        (SHOUT, "blocked"),
        (WHISPER, "complete"),
    ]
    failed, blocked, merged = report.facts.milestones
    assert failed.reason.startswith(f"2 attempts spent; the last: {CONTRACT} failed: ")
    assert blocked.reason == f"it needs {MVP}"
    assert [one.verdict for one in failed.attempts] == ["pass", "fail"]
    assert failed.score == "3.00"
    assert not any(one.startswith(SHOUT) for one in played.ids)
    assert f"{MVP}/eval/2/1" not in played.ids

    assert played.git("rev-parse", f"milestone/{MVP}") == failed.commit
    assert played.git("show", f"{failed.commit}:greeter/greet.py").endswith(BODIES["greet"])
    assert played.git("log", "--merges", "--format=%s") == f"{WHISPER}: Whisper (4.00)"
    assert played.git("rev-parse", "main") == merged.commit
    assert "greeter/greet.py" not in report.facts.files
    assert not (home / "greeter" / "greeter" / "greet.py").exists()
    assert (home / "greeter" / "greeter" / "whisper.py").exists()

    ended = [one for one in played.events if isinstance(one, MilestoneEnded)]
    assert [(one.milestone, one.status, one.score) for one in ended] == [
        (MVP, "failed_after_retries", 300),
        (SHOUT, "blocked", 0),
        (WHISPER, "complete", 400),
    ]
    written = json.loads((played.folder / "report.json").read_text())
    assert written["facts"]["passed"] is False
    markdown = (played.folder / "report.md").read_text()
    assert markdown.startswith("# greeter: NOT PASSED\n")
    assert f"on branch milestone/{MVP})" in markdown
    told = json.loads(played.told("run/reporter/1/1", "facts"))
    assert [one["status"] for one in told["milestones"]] == [
        "failed_after_retries",
        "blocked",
        "complete",
    ]
