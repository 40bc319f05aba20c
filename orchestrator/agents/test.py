"""Test: specification, architecture and signatures -> tests, locked from then on."""

import ast
from collections.abc import Callable, Iterable

from orchestrator import memory
from orchestrator.agents.base import Asker, Reply
from orchestrator.agents.code import Change, ChangeReader
from orchestrator.agents.room import Material
from orchestrator.agents.state import State
from orchestrator.verify.names import expected_tests, names_criterion
from orchestrator.verify.tampering import meddling

FIRST = "Write the tests of this milestone. Answer with new files in marked blocks."
ADD = (
    "Add tests so that the findings are answered; the existing ones are locked. Answer with new "
    "files in marked blocks."
)
REVISE = (
    "Revise these tests, once, and only where the test itself is wrong by the specification: "
    "{tests}. Say why outside the blocks. Answer with the changes in marked blocks."
)


async def write(asker: Asker, state: State) -> Reply[Change]:
    """New test files that name every criterion of the milestone. Raises NoAnswer."""
    unlocked = _files(_superseded(state))

    def may(path: str) -> str:
        if not memory.is_test(path):
            return "Test may write under tests/ only"
        if path in state.tree and path not in unlocked:
            return "this test file is locked; add a new file instead"
        return ""

    def problems(change: Change) -> tuple[str, ...]:
        return _thinned(state, change, _superseded(state)) + _complete(state)(change)

    task = ADD if state.findings else FIRST
    return await _ask(asker, state, task, ChangeReader(state.tree, may, problems))


async def revise(asker: Asker, state: State, tests: tuple[str, ...]) -> Reply[Change]:
    """A correction of the files that hold `tests` (node ids), with its reason in `note`.

    An answer of prose alone says that the tests are right: nothing changes. Raises NoAnswer.
    """
    paths = tuple(sorted(_files(tests)))

    def may(path: str) -> str:
        return "" if path in paths else f"only {', '.join(paths)} may be revised now"

    def reasoned(change: Change) -> tuple[str, ...]:
        if not change.changes.note.strip():
            return ("a revision must say outside the blocks why each test was wrong",)
        return _thinned(state, change, frozenset()) + _complete(state)(change)

    reader = ChangeReader(state.tree, may, reasoned, may_decline=True)
    task = REVISE.format(tests=", ".join(tests))
    return await _ask(asker, state, task, reader, revising=paths)


async def _ask(
    asker: Asker, state: State, task: str, reader: ChangeReader, *, revising: tuple[str, ...] = ()
) -> Reply[Change]:
    opened = revising or tuple(sorted(_files(_superseded(state))))
    shown = memory.sources(state.tree, opened, state.budget // 2) if opened else ""
    if not revising:
        shown = memory.tests(state.tree, state.budget // 4) + shown
    brief = state.brief(
        Material(name="signatures", content=memory.signatures(state.tree, state.budget)),
        Material(name="tests", content=shown),
        task=task,
    )
    return await asker.ask("test", brief, schema="", read=reader)


def _superseded(state: State) -> frozenset[str]:
    """Node ids of merged milestones' tests that this Specification names as made wrong by it."""
    named = state.specification.supersedes if state.specification else ()
    return frozenset(one.test.split("[", 1)[0] for one in named) & {*expected_tests(state.base)}


def _files(tests: Iterable[str]) -> frozenset[str]:
    return frozenset(one.split("::", 1)[0] for one in tests)


def _complete(state: State) -> Callable[[Change], tuple[str, ...]]:
    def problems(change: Change) -> tuple[str, ...]:
        named = {names_criterion(test) for test in expected_tests(change.tree)}
        unnamed = tuple(
            f"no test under tests/contract/ names criterion {one.id} "
            f"(test_{one.id.lower().replace('-', '_')}_...)"
            for one in state.milestone.acceptance_criteria
            if one.id not in named
        )
        hooks = tuple(
            f"{one}: this can change results and is not allowed" for one in meddling(change.tree)
        )
        return (*_unreadable(change), *hooks, *unnamed)

    return problems


def _unreadable(change: Change) -> tuple[str, ...]:
    """Once locked, a file that does not parse would keep the suite red."""
    found: list[str] = []
    for path in change.changes.paths:
        if not path.endswith(".py") or path not in change.tree:
            continue
        try:
            ast.parse(change.tree[path])
        except memory.UNREADABLE as error:
            line = error.lineno if isinstance(error, SyntaxError) else None
            found.append(f"{path} does not parse" + (f" (line {line})" if line else ""))
    return tuple(found)


def _thinned(state: State, change: Change, given_up: frozenset[str]) -> tuple[str, ...]:
    gone = set(expected_tests(state.tree)) - set(expected_tests(change.tree)) - given_up
    return tuple(f"{name} is gone: a revision may not remove a test" for name in sorted(gone))
