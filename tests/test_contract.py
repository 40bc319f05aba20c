"""The contract: held checks that nobody sees, tests that stay locked, checks changed once."""

import json
import os
import secrets
from pathlib import Path

import pytest

from orchestrator.events import StageEnded
from tests.world import (
    BODIES,
    Override,
    Played,
    architecture,
    check,
    code,
    edit,
    evaluation,
    file,
    module,
    planned,
    play,
    said,
    specification,
    suite,
    turns,
)

MVP, SHOUT = "milestone-1-mvp", "milestone-2-shout"
GREET = BODIES["greet"]
CONTRACT, UNIT = "tests/contract/test_m1_greet.py", "tests/unit/test_m1_greet_unit.py"
SHORT_ANSWERS = '{"Bob": "Hello, Bob!", "Eve": "Hello, Eve!"}'


def changed(number: int, body: str = GREET) -> str:
    """The module, new in its docstring at least: an answer that changes nothing is refused."""
    return module("greet", body).replace("What to say to name.", f"What to say, version {number}.")


def spec(**changes: object) -> str:
    return json.dumps({**json.loads(specification("1", "greet")), **changes})


def results(played: Played, stage: str) -> list[str]:
    ended = [one for one in played.events if isinstance(one, StageEnded)]
    return [one.result for one in ended if one.stage == stage]


def secretive(token: str, **changes: object) -> list[dict[str, object]]:
    """A shown check, and two held ones that hold `token` wherever a check can."""
    first = {**check("1", "greet", "held", token), "title": f"greets {token}"}
    command = {
        **check("1", "greet", "held", "Al")["steps"][0],
        "stdin": token,
        "files": [
            {"path": f"{token}.txt", "content": [{"how": "contains", "text": token}]},
        ],
    }
    source = f"open('{token}.txt', 'w').write('{token}')"
    arrange = {"kind": "python", "source": source, "exit_code": 0, "stdout": []}
    second = {**first, "id": "M1-C1-held-2", "steps": [arrange, command]}
    return [check("1", "greet", "shown", "Bob"), {**first, **changes}, second]


def unreadable(token: str) -> tuple[str, ...]:
    """Specifications whose errors quote a held check."""
    checks = secretive(token)
    (step,) = checks[1]["steps"]
    pattern = [{"how": "matches", "text": f"{token}("}]
    bad = ({**step, "kind": token}, {**step, token: token}, {**step, "stdout": pattern})
    return tuple(
        spec(checks=[*checks, {**checks[1], "id": "M1-C1-held-3", "steps": [one]}]) for one in bad
    )


@pytest.fixture(scope="module")
def token() -> str:
    return f"zq{secrets.token_hex(8)}"


@pytest.fixture(scope="module")
def secret(token: str, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A run that goes everywhere with a token in its held checks: first a product that knows only
    what it was shown, then retries at every stage.
    """
    crash = f'{SHORT_ANSWERS}[name] if name in {SHORT_ANSWERS} else int(f"no {{name}}")'
    wrong = f'{SHORT_ANSWERS}.get(name, f"{{name}} {{name}}")'
    correction = {"check": "M1-C1-held-1", "action": "correct", "reason": f"It said {token}."}
    overrides: dict[str, Override] = {
        f"{MVP}/spec/1/1": spec(checks=secretive(token)),
        **turns(f"{MVP}/impl/1", code("1", "greet", crash), changed(2, wrong)),
        **turns(f"{MVP}/impl/2", changed(3, crash), changed(4, wrong)),
        **turns(f"{MVP}/spec/3", *unreadable(token)),
        f"{MVP}/spec/4/1": spec(
            checks=secretive(token, title=f"really {token}"), corrections=[correction]
        ),
        f"{MVP}/impl/4/1": changed(5),
        f"{MVP}/eval/4/1": evaluation("1", "greet", 3, culprit="arch"),
        f"{MVP}/impl/5/1": changed(6),
        f"{MVP}/eval/5/1": evaluation("1", "greet", 3, culprit="test"),
        f"{MVP}/test/6/1": suite("1", "greet").replace("/test_m1_", "/test_m1_more_"),
    }
    home = tmp_path_factory.mktemp("secret")
    bare = ("ORCHESTRATE_", "ANTHROPIC_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(bare)}
    return play(home, env, overrides, max_retries=6, max_repairs=1)


def test_a_product_that_knows_only_what_it_was_shown_is_not_done(secret: Played) -> None:
    facts = secret.done.facts.milestones[0]
    assert [one.entry for one in facts.attempts] == ["spec", "impl", "spec", "spec", "arch", "test"]
    for attempt in facts.attempts[:2]:
        assert attempt.verdict == "fail"
        assert attempt.tests is not None
        assert (attempt.tests.failed, attempt.tests.errors) == (0, 0)
        assert attempt.reasons[0] == "criterion M1-C1: a held check failed (wrong output)"
    assert not any(one.startswith((f"{MVP}/eval/1", f"{MVP}/eval/2")) for one in secret.ids)
    assert "held checks of M1-C1: crashed" in secret.told(f"{MVP}/impl/1/2", "findings")
    assert "held checks of M1-C1: wrong output" in secret.told(f"{MVP}/impl/2/1", "findings")
    assert secret.done.passed


def test_no_request_but_specs_holds_anything_of_a_held_check(secret: Played, token: str) -> None:
    agents = {"planner", "spec", "arch", "impl", "test", "eval", "reporter"}
    assert {one.agent for one in secret.model.requests} == agents
    leaked = [
        one.id
        for one in secret.model.requests
        if one.agent != "spec" and token in (one.system + one.prompt).lower()
    ]
    assert leaked == []
    assert "M1-C1-held" not in "".join(
        one.prompt for one in secret.model.requests if one.agent not in ("spec", "reporter")
    )
    for name in (f"{MVP}/spec/3/1", f"{MVP}/spec/4/1"):
        assert token in secret.told(name, "specification")
    assert token in secret.told(f"{MVP}/spec/3/2", "errors")
    assert token in secret.told(f"{MVP}/spec/3/3", "errors")


def test_nothing_that_is_written_holds_it_but_what_spec_said(secret: Played, token: str) -> None:
    journal = (secret.folder / "journal.jsonl").read_text("utf-8")
    lines = [json.loads(one) for one in journal.splitlines()]
    speaking = [one for one in lines if token in json.dumps(one)]
    assert {(one["event"], one.get("agent")) for one in speaking} <= {("agent_call", "spec")}
    holding = {
        path.relative_to(secret.folder).as_posix()
        for path in secret.folder.rglob("*")
        if path.is_file() and token in path.read_text("utf-8") and path.name != "journal.jsonl"
    }
    assert holding
    assert all(one.startswith(f"ledger/answers/{MVP}/spec-") for one in holding)
    assert {path.suffix for path in secret.folder.glob("report.*")} == {".json", ".md", ".html"}
    assert token not in secret.git("log", "--all", "-p")
    product = secret.home / "greeter"
    assert not [path for path in product.rglob("*") if token in path.name]


def test_that_a_held_check_was_changed_is_reported_without_its_reason(secret: Played) -> None:
    (one,) = secret.done.facts.milestones[0].corrections
    assert (one.check, one.action) == ("M1-C1-held-1", "correct")
    assert one.reason == "the reason is kept back, as the check is"
    assert "`M1-C1-held-1` was changed (correct)" in (secret.folder / "report.md").read_text()
    assert results(secret, "spec")[-1] == (
        "1 shown and 2 held checks; M1-C1-held-1: correct, the reason is kept back, as the check is"
    )


def test_each_agent_sees_what_it_should_and_no_more(secret: Played) -> None:
    """Bodies are for Impl and Eval, tests for Test and Spec, checks as they are for Spec alone."""
    for name in (f"{MVP}/test/1/1", f"{MVP}/test/6/1", f"{MVP}/arch/4/1", f"{MVP}/spec/4/1"):
        assert "return" not in secret.told(name, "signatures")
        assert secret.told(name, "code") == ""
    assert "def line(name: str) -> str: ..." in secret.told(f"{MVP}/test/1/1", "signatures")
    for name in (f"{MVP}/impl/4/1", f"{MVP}/eval/4/1"):
        assert "return" in secret.told(name, "code")
        assert "tests/" not in secret.told(name, "code")
        assert secret.told(name, "tests") == ""
    assert f"=== {CONTRACT} ===\ntest_m1_c1_greets" in secret.told(f"{MVP}/test/6/1", "tests")
    assert "held checks of M1-C1: passed" in secret.told(f"{MVP}/eval/4/1", "test_report")
    public = json.loads(secret.told(f"{MVP}/eval/4/1", "specification"))
    assert [one["visibility"] for one in public["checks"]] == ["shown"]
    assert public["corrections"] == []


def test_a_test_that_is_wrong_is_revised_once_with_a_reason(
    home: Path, env: dict[str, str]
) -> None:
    """Its criterion's checks are green, so it goes to Test, not to Impl."""
    line, right = '    assert done.stdout == "Hello Eve\\n"', '"Hello, Eve!\\n"'
    mended = edit(CONTRACT, line, f"    assert done.stdout == {right}")
    bad = {
        mended: "a revision must say outside the blocks why each test was wrong",
        f"It asks too much.\n{edit(CONTRACT, 'def test_m1_c1_greets():', 'def helper():')}": (
            f"{CONTRACT}::test_m1_c1_greets is gone: a revision may not remove a test\n- "
            "no test under tests/contract/ names criterion M1-C1 (test_m1_c1_...)"
        ),
        f"I add one.\n{mended}{file('tests/unit/test_more.py', 'x = 1')}": (
            f"'tests/unit/test_more.py': only {CONTRACT} may be revised now"
        ),
    }
    good = f"The greeting has a comma,\nand ends with '!'.\n\n{mended}"
    played = play(
        home,
        env,
        turns(f"{MVP}/test/1", suite("1", "greet", "Hello Eve"), *bad, good),
        max_reasks=3,
    )
    assert played.done.passed
    assert [one for one in played.ids if "/impl/" in one] == [f"{MVP}/impl/1/1"]
    assert "Revise these tests, once, and only" in played.request(f"{MVP}/test/1/2").prompt
    assert f"{CONTRACT}::test_m1_c1_greets. Say why" in played.request(f"{MVP}/test/1/2").prompt
    shown = played.told(f"{MVP}/test/1/2", "tests")
    assert line in shown
    assert UNIT not in shown
    for turn, reasons in enumerate(bad.values(), 3):
        assert played.told(f"{MVP}/test/1/{turn}", "errors") == f"- {reasons}"
    assert right in played.git("show", f"main:{CONTRACT}")
    assert results(played, "test")[2] == (
        f"1 files: {CONTRACT} (The greeting has a comma, and ends with '!'.)"
    )
    (attempt,) = played.done.facts.milestones[0].attempts
    assert attempt.repairs == 1


def test_a_test_that_its_author_defends_goes_to_impl(home: Path, env: dict[str, str]) -> None:
    """No check covers what the test demands; prose alone says that it is right."""
    defence = "The specification greets every NAME, so Eve as well."
    played = play(
        home,
        env,
        {
            **turns(f"{MVP}/impl/1", code("1", "greet", f'"" if name == "Eve" else {GREET}')),
            f"{MVP}/impl/1/2": changed(2),
            f"{MVP}/test/1/2": defence,
        },
    )
    assert played.done.passed
    assert played.ids[3:8] == [
        f"{MVP}/impl/1/1",
        f"{MVP}/test/1/1",
        f"{MVP}/test/1/2",
        f"{MVP}/impl/1/2",
        f"{MVP}/eval/1/1",
    ]
    assert "test_m1_c1_greets failed:" in played.told(f"{MVP}/impl/1/2", "findings")
    assert f"0 files:  ({defence})" in results(played, "test")
    assert played.git("show", f"main:{CONTRACT}") + "\n" in suite("1", "greet")


def test_a_check_is_corrected_once_and_a_weak_suite_is_added_to(
    home: Path, env: dict[str, str]
) -> None:
    """The shown check contradicts the specification; the suite proves nothing."""
    weak = file("tests/contract/test_m1_weak.py", "def test_m1_c1_nothing():\n    assert True")
    wrong, right = check("1", "greet", "shown", "Bob"), check("1", "greet", "shown", "Bob")
    wrong["steps"][0]["stdout"][0]["text"] = "Hello Bob"
    held = check("1", "greet", "held", "Ada Lovelace")

    def corrected(reason: str) -> str:
        named = {"check": right["id"], "action": "correct", "reason": reason}
        return spec(checks=[right], corrections=[named])

    played = play(
        home,
        env,
        {
            f"{MVP}/spec/1/1": spec(checks=[wrong, held]),
            f"{MVP}/test/1/1": weak,
            f"{MVP}/impl/2/1": changed(2),
            **turns(f"{MVP}/spec/3", spec(checks=[right]), corrected(" "), corrected("A | comma.")),
            f"{MVP}/impl/3/1": changed(3),
            f"{MVP}/eval/4/1": evaluation("1", "greet", 3, culprit="spec"),
            **turns(f"{MVP}/spec/5", corrected("Again."), spec(checks=[])),
            f"{MVP}/impl/5/1": changed(4),
        },
        max_retries=5,
        max_repairs=0,
    )
    facts = played.done.facts.milestones[0]
    assert played.done.passed, facts.reason
    assert [one.entry for one in facts.attempts] == ["spec", "impl", "spec", "test", "spec"]
    name = right["id"]
    for turn, reason in (
        ("3/2", f"check {name!r} was changed without a correction that says why"),
        ("3/3", f"correction of {name!r} gives no reason"),
        ("5/2", f"check {name!r} was already corrected once"),
    ):
        assert played.told(f"{MVP}/spec/{turn}", "errors") == f"- {reason}"
    assert [(one.check, one.reason) for one in facts.corrections] == [(name, "A | comma.")]
    assert (
        f"`{name}` was changed (correct): A \\| comma." in (played.folder / "report.md").read_text()
    )
    assert results(played, "spec") == [
        "1 shown and 1 held checks",
        f"1 shown and 1 held checks; {name}: correct, A | comma.",
        "1 shown and 1 held checks",
    ]

    assert facts.attempts[2].reasons[0] == (
        "the suite stays green on broken code: every body raises"
    )
    assert "suite stays green" in played.told(f"{MVP}/test/4/1", "findings")
    assert "the existing ones are locked" in played.request(f"{MVP}/test/4/1").prompt
    assert "assert True" in played.git("show", "main:tests/contract/test_m1_weak.py")
    bodies = [one for one in facts.strength if one.kind == "body"]
    assert {one.name: one.outcome for one in bodies} == {
        "every body raises": "red",
        "every body returns None": "red",
    }


def test_a_later_milestone_supersedes_what_it_names_and_nothing_else(
    home: Path, env: dict[str, str]
) -> None:
    reason = "Greeting became <informal>."
    kept = "\n\ndef test_line_is_text():\n    assert isinstance(greet.line('Eve'), str)\n"
    first = suite("1", "greet").replace("\n=== END ===\n=== FILE", "%%").rstrip("\n")
    first = first.removesuffix("=== END ===").rstrip("\n").replace("%%", "\n=== END ===\n=== FILE")
    informal = suite("1", "greet", "Hi, Eve!").replace(
        f'== "{said("greet", "Eve")}"', '== "Hi, Eve!"'
    )
    unit = informal.split("=== FILE")[2].split("===\n", 1)[1].split("\n=== END")[0]
    contract = informal.split("=== FILE")[1].split("===\n", 1)[1].split("\n=== END")[0]
    named = [
        "M1-C1",
        f"{CONTRACT}::test_m1_c1_greets",
        f"{UNIT}::test_line_of_greet",
    ]
    shouting = json.loads(specification("2", "shout"))
    shouting["supersedes"] = [{"test": one, "reason": reason} for one in named]
    own = suite("2", "shout")
    played = play(
        home,
        env,
        {
            "planner": planned({MVP: [], SHOUT: [MVP]}),
            f"{MVP}/test/1/1": f"{first}{kept}=== END ===\n",
            **turns(
                f"{SHOUT}/spec/1",
                json.dumps({**shouting, "supersedes": [{"test": "M2-C1", "reason": "x"}]}),
                json.dumps({**shouting, "supersedes": [{"test": f"{UNIT}::gone", "reason": "x"}]}),
                json.dumps({**shouting, "supersedes": [{"test": named[1], "reason": " "}]}),
                json.dumps(shouting),
            ),
            f"{SHOUT}/impl/1/1": code("2", "shout") + module("greet", 'f"Hi, {name}!"'),
            **turns(
                f"{SHOUT}/test/1",
                own + file(CONTRACT, contract) + file(UNIT, unit),
                own + file(CONTRACT, contract) + file(UNIT, unit + kept),
            ),
        },
        max_reasks=3,
    )
    assert played.done.passed, played.done.facts.milestones[1].reason
    for turn, told in enumerate(
        (
            "supersedes 'M2-C1': it is no criterion of a merged milestone",
            f"supersedes '{UNIT}::gone': it is no test of a merged milestone",
            f"supersedes {named[1]!r} without a reason",
        ),
        2,
    ):
        assert played.told(f"{SHOUT}/spec/1/{turn}", "errors") == f"- {told}"
    assert played.told(f"{SHOUT}/test/1/2", "errors") == (
        f"- {UNIT}::test_line_is_text is gone: a revision may not remove a test"
    )
    assert "isinstance" in played.told(f"{SHOUT}/test/1/1", "tests")
    shout = played.done.facts.milestones[1]
    assert [one.criterion for one in shout.criteria] == ["M2-C1"]
    assert [(one.test, one.reason) for one in shout.supersedes] == [(one, reason) for one in named]
    markdown = (played.folder / "report.md").read_text()
    assert f"- Superseded: `{named[1]}`: Greeting became \\<informal\\>." in markdown
    assert 'f"Hi, {name}!"' in played.git("show", "main:greeter/greet.py")


def test_a_product_that_does_not_start_as_declared_is_red(home: Path, env: dict[str, str]) -> None:
    lost = architecture("1", "greet").replace(
        '["python", "-m", "greeter"]', '["python", "-m", "g"]'
    )
    played = play(home, env, {"arch": lost}, max_retries=1, max_repairs=0)
    (attempt,) = played.done.facts.milestones[0].attempts
    assert not played.done.passed
    assert attempt.reasons[0].startswith("the product does not start: ")
