"""Every boundary that the code has, and where to aim for it.

A pattern is searched in lines such as `write PATH`, `rename PATH to PATH`, `start PROGRAM ARGV`,
`connect ADDRESS` (the victim's, before it happens), and `asked`, `begun`, `sent SCOPE/AGENT` (the
provider's: a request is here, its response has begun, its last byte is out).
"""

from collections.abc import Mapping

from tests.killing.victim import Aim

M1 = "milestone-1-mvp"
STAGES = ("spec", "arch", "impl", "test", "eval")
MAIN = "refs/heads/main"
GIT = r"^start \S+/git .*"
SUITE = r"^start setpriv .*/ro/boot\.py \d+$"
CHECK = r"^start setpriv .*/ro/driver\.py \d+$"
INSTALL = r"^start setpriv .*/uv "


def _record(kind: str, name: str) -> str:
    return rf"^rename .* to .*/ledger/{kind}/{name}"


def _each(pattern: str, names: tuple[str, ...] = STAGES, **more: object) -> tuple[Aim, ...]:
    return tuple(Aim(pattern.replace("NAME", name), **more) for name in names)  # type: ignore[arg-type]


def _late(pattern: str, *milliseconds: float, nth: int = 1) -> tuple[Aim, ...]:
    return tuple(Aim(pattern, nth=nth, late=one) for one in milliseconds)


def _nth(pattern: str, *numbers: int, late: float = 0, after: bool = False) -> tuple[Aim, ...]:
    return tuple(Aim(pattern, nth=one, late=late, after=after) for one in numbers)


BOUNDARIES: Mapping[str, tuple[Aim, ...]] = {
    "run folder": (
        Aim(r"^rename .*/\.new-\S+ to .*/runs/"),
        Aim(r"^write .*/prompts/spec\.md\.j2$"),
        Aim(r"^mkdir .*/\.orchestrate$"),
        Aim(r"^write .*/start\.json$"),
        Aim(r"^rename .*/\.new-\S+ to .*/runs/", after=True),
    ),
    "start-up": (
        Aim(r"^write .*/journal\.jsonl$"),
        Aim(r"^write .*/lock$", after=True),
        Aim(r"^start setpriv .*inside\.py"),
        Aim(r"^start setpriv .*inside\.py", late=30),
        Aim(r"^write .*/ledger/\.reserve$"),
        Aim(r"^write .*/ledger/\.reserve$", after=True),
    ),
    "plan": (
        Aim("^sent run/planner"),
        Aim("^asked run/planner"),
        Aim("^begun run/planner"),
        Aim(_record("answers", "run/planner")),
        Aim(_record("answers", "run/planner"), after=True),
    ),
    "product folder": (
        Aim(rf"{GIT} init ", late=2),
        Aim(r"^mkdir .*/\.git\.new$"),
        Aim(r"^rename .*/\.git\.new/\.git to "),
        Aim(r"^rename .*/\.git\.new/\.git to ", after=True),
        *_late(rf"{GIT} update-ref .*{MAIN} \S+ 0{{40}}$", 0, 2),
        Aim(r"^rename .*/\.git/orchestrator/checkout$", after=True),
    ),
    "before a call": (
        Aim(_record("intents", f"{M1}/impl-1"), after=True),
        *_each(_record("intents", f"{M1}/NAME-1")),
        *_each(_record("intents", f"{M1}/NAME-1"), ("spec", "arch"), after=True),
    ),
    "request received": _each(f"^asked {M1}/NAME"),
    "within a response": _each(f"^begun {M1}/NAME"),
    "response to record": (
        Aim(f"^sent {M1}/impl"),
        *_each(_record("answers", f"{M1}/NAME-1")),
        *_each(rf"^write .*/answers/{M1}/\.tmp-", ("",)),
    ),
    "after the record": _each(_record("answers", f"{M1}/NAME-1"), after=True),
    "apply": (
        *_nth(rf"{GIT} fast-import ", 2, 3, 4),
        *_nth(r"^mkdir .*/\.git/orchestrator/refs$", 3, 5, 6),
    ),
    "commit": (
        *_late(rf"{GIT} fast-import ", 1, 3, 6, nth=2),
        *_late(rf"{GIT} fast-import ", 2, 4, nth=3),
        *_late(rf"{GIT} update-ref refs/heads/milestone/", 0, 1, 2, 3),
    ),
    "verify: environment": (
        Aim(_record("decisions", r"run\+lock")),
        *_late(rf"{INSTALL}pip compile", 0, 20, 60),
        Aim(_record("decisions", r"run\+lock"), after=True),
    ),
    "verify: suite": _late(SUITE, 30, 0, 5, 60, 200),
    "verify: mutants": (
        *_late(SUITE, 30, 0, nth=4),
        *_late(SUITE, 10, nth=3),
        *_late(SUITE, 50, 100, nth=5),
    ),
    "verify: checks, lint": (
        *_late(CHECK, 20, 0, 60),
        *_late(CHECK, 0, nth=2),
        *_late(r"^start \S+/ruff ", 0, 5),
    ),
    "verify to record": (
        Aim(_record("verdicts", "")),
        Aim(r"^write .*/verdicts/\.tmp-"),
        Aim(r"^mkdir .*/verdicts$"),
        Aim(_record("verdicts", ""), after=True),
        Aim(_record("intents", f"{M1}/eval-2")),
    ),
    "merge": (
        *_late(rf"{GIT} merge-tree ", 0, 2),
        *_late(rf"{GIT} update-ref .*{MAIN} \S+ (?!0{{40}})", 0, 0, 1),
        *_late(rf"{GIT} fast-import ", 0, 3, nth=5),
    ),
    "checkout": (
        Aim(r"^rename .*/orchestrator/tmp-\S+ to .*/greeter/greeter/__main__\.py$"),
        Aim(r"^rename .*/orchestrator/tmp-\S+ to .*/greeter/greeter/__init__\.py$"),
        Aim(r"^rename .*/orchestrator/tmp-\S+ to .*/test_m1_greet\.py$", after=True),
        *_nth(r"^rename .*/orchestrator/checkout$", 2),
        Aim(r"^mkdir .*/greeter/tests/contract$"),
    ),
    "index": (
        *_late(rf"{GIT} read-tree ", 1),
        *_late(rf"{GIT} read-tree ", 0, 2),
        *_late(rf"{GIT} update-index ", 0, 1),
        Aim(r"^remove .*/orchestrator/indexing$"),
    ),
    "report": (
        Aim(r"^rename .*/report\.md$"),
        Aim(r"^write .*/ledger/answers/run/\.tmp-"),
        Aim("^asked run/reporter"),
        Aim(r"^rename .*/report\.html$"),
        Aim(r"^rename .*/report\.html$", after=True),
        Aim(r"^rename .*/report\.md$", after=True),
        Aim(r"^rename .*/report\.json$"),
        Aim(r"^rename .*/report\.json$", after=True),
    ),
}
"""The first aim of each is tried in every test run, all of them in a full one. They need not be in
the order of time: the first to come true is taken, the others wait for a later process."""

SIDE: Mapping[str, tuple[Aim, ...]] = {
    "side by side: calls": (
        Aim("^asked milestone-3-whisper/impl"),
        Aim("^sent milestone-2-shout/test"),
        Aim("^begun milestone-3-whisper/spec"),
        Aim(_record("answers", "milestone-2-shout/impl-1")),
        Aim(_record("answers", "milestone-3-whisper/eval-1"), after=True),
    ),
    "side by side: merge": (
        *_late(rf"{GIT} update-ref .*{MAIN} \S+ (?!0{{40}})", 1, 2),
        Aim(rf"{GIT} update-ref .*{MAIN} \S+ (?!0{{40}})", after=True),
        *_late(rf"{GIT} merge-tree ", 2, nth=2),
        *_late(rf"{GIT} merge-tree ", 0, 1, nth=3),
        *_late(SUITE, 30, nth=1),
        Aim(rf"{GIT} read-tree ", late=1),
    ),
}
"""Those of three milestones, of which two are built at once."""

BUILDING: Mapping[str, tuple[Aim, ...]] = {
    "cache: environment": (
        *_late(rf"{INSTALL}venv ", 0, 30),
        *_late(rf"{INSTALL}pip install ", 0, 100, 300),
        Aim(r"^chown .*/\.building-.*/site-packages/"),
        Aim(r"^rename .*/build/env to "),
        Aim(r"^write .*/env\.sha256$"),
        Aim(r"^rename .*/whole to "),
        Aim(r"^rename .*/whole to ", after=True),
    ),
    "cache: Python": (
        Aim(r"^mkdir .*/pythons/\S+/python/lib$"),
        Aim(r"^write .*/pythons/\S+/python/lib/\S*/os\.py$"),
        Aim(r"^write .*/pythons/\S+/python/lib/\S*/json/decoder\.py$"),
        Aim(r"^rename .*/pythons/\S+/python to "),
        Aim(r"^rename .*/pythons/\S+/python to ", after=True),
    ),
}
"""Those of a machine on which nothing was built yet."""
