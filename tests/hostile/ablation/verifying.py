"""The layers of verification, taken away one by one."""

from types import SimpleNamespace
from typing import Any

from orchestrator.artifacts.verdict import CheckResult, Mutant, TestReport
from orchestrator.verify import bench as benches
from orchestrator.verify import expectations, mutants, names, results, suite
from orchestrator.verify.sentinels import Sentinels
from orchestrator.verify.verdict import Facts
from tests.hostile.ablation import forgers, plain
from tests.hostile.ablation.forgers import known
from tests.hostile.ablation.row import Case
from tests.hostile.ablation.verified import Away, proof
from tests.hostile.project import Project


def _case(
    protection: str,
    away: str,
    project: Project,
    taken: Away,
    *,
    behind: Away | None = None,
    **more: Any,
) -> Case:
    return Case(
        part="verification",
        protection=protection,
        away=away,
        project=project.name,
        measure=proof(project, taken, behind),
        sign="passed",
        **more,
    )


def _facts(**fields: object) -> Away:
    return Away(facts=(lambda facts: facts.model_copy(update=fields),))


def _undoubted(part: str) -> Away:
    """Without the doubt about a suite that holds `part`."""

    def change(facts: Facts) -> Facts:
        doubt = "" if part in facts.suite.doubt else facts.suite.doubt
        return facts.model_copy(update={"suite": facts.suite.model_copy(update={"doubt": doubt})})

    return Away(facts=(change,))


def _believed(facts: Facts) -> Facts:
    """A test that passed on the second try has passed."""
    report = facts.suite.report
    failures = tuple(one for one in report.failures if one.test not in report.flaky)
    told: TestReport = report.model_copy(update={"failures": failures})
    return facts.model_copy(update={"suite": facts.suite.model_copy(update={"report": told})})


def _kept(facts: Facts) -> Facts:
    """Every held check has passed."""
    checks = tuple(
        one.model_copy(update={"outcome": "passed"}) if one.visibility == "held" else one
        for one in facts.checks
    )
    return facts.model_copy(update={"checks": checks})


def _tested(facts: Facts) -> Facts:
    """Every criterion has a passing contract test."""
    made = tuple(
        (f"tests/contract/test_x.py::test_{one.lower().replace('-', '_')}_x", "passed")
        for one in facts.criteria
    )
    found = facts.suite.model_copy(update={"outcomes": (*facts.suite.outcomes, *made)})
    return facts.model_copy(update={"suite": found})


def _checked(facts: Facts) -> Facts:
    """Every criterion has passing checks."""
    made = tuple(
        CheckResult(check=f"{one}-x", criterion=one, visibility=how, outcome="passed", detail="")
        for one in facts.criteria
        for how in ("shown", "held")
    )
    return facts.model_copy(update={"checks": (*facts.checks, *made)})


def _broken(facts: Facts) -> Facts:
    """Something of the product could be broken, and the suite turned red."""
    made = Mutant(kind="operator", name="made up", outcome="red")
    return facts.model_copy(update={"strength": (*facts.strength, made)})


def _without_body(name: str) -> Away:
    other = next(body for key, body in mutants.BODIES.items() if key != name)
    return Away(values=((mutants, "BODIES", dict.fromkeys(mutants.BODIES, other)),))


def _lenient(kind: str, tampered: Any = Sentinels.tampered) -> Away:
    """Without the sentinel that must pass, or fail."""
    right = "passed" if kind == "passing" else "failed"

    def judged(self: Sentinels, outcomes: Any) -> str:
        return tampered(self, {**outcomes, getattr(self, kind): right})

    return Away(values=((Sentinels, "tampered", judged),))


def _nothing_wronged(*_: object) -> expectations.Wronged:
    return expectations.Wronged(files={}, tests=())


CONFIG = Away(tools=(('"-c", str(here / "pytest.ini"), ', ""),))
NO_ADDOPTS = Away(tools=(('"-o", "addopts="', '"-o", "console_output_style=classic"'),))
NO_EXPECTED = Away(values=((names, "expected_tests", lambda *_: ()),))
BREAKABLE = Away(facts=(_broken,))
AUTOLOAD = Away(
    tools=(('os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"', ""),),
    values=((benches, "ENV", {**benches.ENV, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": ""}),),
)

CASES: tuple[Case, ...] = (
    Case(
        part="verification",
        protection="results over a descriptor",
        away="plain pytest's exit code is believed",
        project=known("exit-zero-in-a-test").name,
        measure=plain.exit_code(known("exit-zero-in-a-test")),
        sign="exit code 0",
    ),
    _case(
        "own configuration (-c)",
        "left out",
        forgers.PYTHONPATH,
        CONFIG,
    ),
    _case(
        "-o addopts=",
        "left out",
        forgers.ADDOPTS,
        NO_ADDOPTS,
        behind=CONFIG,
        layer="own configuration (-c)",
    ),
    _case(
        "no plugin autoload",
        "the variable is not set, by the sandbox nor by the bootstrap",
        forgers.ENTRY_POINT,
        AUTOLOAD,
    ),
    _case(
        "fixtures only below tests/ (confcutdir)",
        "the project's root in its place",
        forgers.ROOT_CONFTEST,
        Away(tools=(('str(Path(root, told["fixtures"]))', "root"),)),
    ),
    _case(
        "the nonce",
        "one that everybody knows",
        forgers.BLIND,
        Away(values=((suite, "secrets", SimpleNamespace(token_hex=lambda _: "0" * 32)),)),
    ),
    _case(
        "expected tests counted outside, by AST",
        "nothing is expected",
        known("hidden-from-collection"),
        NO_EXPECTED,
    ),
    _case(
        "executed = collected",
        "what was collected is not compared",
        forgers.STOPS,
        Away(tools=(("ids=[item.nodeid for item in session.items]", "ids=[]"),)),
    ),
    _case(
        "no test at all",
        "blanked",
        known("no-tests"),
        _undoubted("no test was collected"),
    ),
    _case(
        "all skipped",
        "blanked",
        known("all-skipped"),
        _undoubted("every test was skipped"),
    ),
    _case(
        "the sentinel that must fail",
        "taken to have failed",
        forgers.BLANKET,
        _lenient("failing"),
    ),
    _case(
        "the sentinel that must pass",
        "taken to have passed",
        forgers.DROPS,
        _lenient("passing"),
        behind=_lenient("failing"),
        layer="the sentinel that must fail",
    ),
    _case(
        "mutant: every body raises",
        "left out",
        forgers.NOT_NONE,
        _without_body("every body raises"),
    ),
    _case(
        "mutant: every body returns None",
        "left out",
        known("asserts-nothing"),
        _without_body("every body returns None"),
    ),
    _case(
        "mutants: other expectations",
        "left out",
        known("equal-to-everything"),
        Away(values=((expectations, "wronged", _nothing_wronged),)),
    ),
    _case(
        "mutants: single operators",
        "left out",
        known("no-function-to-break"),
        Away(values=((mutants, "chosen", lambda *_: ()),)),
        behind=BREAKABLE,
        layer="something must be breakable",
    ),
    _case(
        "something must be breakable",
        "a made-up mutant that was killed",
        known("no-code-to-break"),
        BREAKABLE,
    ),
    _case(
        "every product file must be breakable",
        "blanked",
        known("too-deep-to-break"),
        _facts(unbreakable=()),
        behind=BREAKABLE,
        layer="something must be breakable",
    ),
    _case(
        "failures told = failures counted",
        "not compared",
        forgers.LATE_HOOK,
        Away(values=((results, "_miscounted", lambda _: ""),)),
    ),
    _case(
        "sources are at the end what they were",
        "not compared",
        known("overwrites-the-product"),
        Away(values=((suite, "_overwritten", lambda *_: ""),)),
    ),
    _case(
        "no product code among the tests",
        "blanked",
        forgers.BORROWED,
        _facts(meddling=()),
    ),
    _case(
        "mutant: the same, rewritten",
        "left out",
        known("checks-a-hash"),
        Away(values=((mutants, "rewritten", lambda tree, *_: tree),)),
    ),
    _case(
        "fresh copy for every run",
        "a /tmp that stays",
        forgers.COUNTS_RUNS,
        Away(options=(("--size * --tmpfs /tmp", "--bind %KEPT% /tmp"),)),
    ),
    _case(
        "flaky is not passed",
        "a pass on the second try counts",
        forgers.SECOND_TRY,
        Away(facts=(_believed,)),
    ),
    _case(
        "scan for hooks and plugins",
        "blanked",
        forgers.HOOK,
        _facts(meddling=()),
    ),
    _case(
        "scan for shadowing modules",
        "blanked",
        forgers.STDLIB,
        _facts(meddling=()),
    ),
    _case(
        "held checks",
        "taken to have passed",
        known("knows-the-shown-check"),
        Away(facts=(_kept,)),
    ),
    _case(
        "a contract test for each criterion",
        "taken to be there",
        known("skipped-contract-test"),
        Away(facts=(_tested,)),
    ),
    _case(
        "checks for each criterion",
        "taken to be there",
        known("criterion-without-checks"),
        Away(facts=(_checked,)),
    ),
    _case(
        "the declared start",
        "blanked",
        forgers.NO_START,
        _facts(start=""),
    ),
    _case(
        "a product at all",
        "blanked",
        forgers.NO_PRODUCT,
        _facts(product=True),
        behind=BREAKABLE,
        layer="something must be breakable",
    ),
    Case(
        part="verification",
        protection="own coverage",
        away="the project's coverage.py configuration and pragmas count",
        project=known("hollow-under-pragmas").name,
        measure=plain.coverage(known("hollow-under-pragmas")),
        sign="100 %",
    ),
)
