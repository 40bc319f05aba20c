"""Spec: a milestone -> what it must do, and the contract that decides it."""

from orchestrator import memory
from orchestrator.agents.base import Asker, Invalid, Reply
from orchestrator.agents.judgement import reader, schema_of
from orchestrator.agents.room import Material
from orchestrator.agents.state import State
from orchestrator.artifacts.exchange import Answer
from orchestrator.artifacts.plan import CRITERION_ID
from orchestrator.artifacts.specification import Specification, merge, problems
from orchestrator.verify.names import expected_tests

FIRST = "Specify this milestone. Answer with the specification as one JSON object."
AGAIN = (
    "Revise the specification so that the findings are answered. Checks that you leave out stay as "
    "they are. Answer with the whole specification as one JSON object."
)


async def specify(asker: Asker, state: State) -> Reply[Specification]:
    """A specification without problems, merged over the earlier one. Raises NoAnswer."""
    old = state.specification
    read_one = reader(Specification)

    def read(answer: Answer) -> Specification:
        new = read_one(answer)
        merged = merge(old, new) if old else new
        if not isinstance(merged, Specification):
            raise Invalid(*merged)
        found = (*problems(merged, state.milestone), *_superseding(merged, state))
        if found:
            raise Invalid(*found)
        return merged

    brief = state.brief(
        Material(name="signatures", content=memory.signatures(state.tree, state.budget // 2)),
        Material(name="tests", content=memory.tests(state.tree, state.budget // 4)),
        task=AGAIN if old else FIRST,
        held=True,
    )
    return await asker.ask("spec", brief, schema=schema_of(Specification), read=read)


def _superseding(specification: Specification, state: State) -> tuple[str, ...]:
    """Only what is merged can be superseded: nobody unlocks or drops their own contract."""
    criteria = {one.id for built in state.built for one in built.milestone.acceptance_criteria}
    tests = set(expected_tests(state.base))
    found: list[str] = []
    for one in specification.supersedes:
        kind = "criterion" if CRITERION_ID.fullmatch(one.test) else "test"
        if one.test.split("[", 1)[0] not in (criteria if kind == "criterion" else tests):
            found.append(f"supersedes {one.test!r}: it is no {kind} of a merged milestone")
        elif not one.reason.strip():
            found.append(f"supersedes {one.test!r} without a reason")
    return tuple(found)
