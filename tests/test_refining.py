"""Corrections applied as they stand, requests that fit, models that move: pure, by property."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator import memory
from orchestrator.agents.room import Material, fit
from orchestrator.artifacts.evaluation import Edit, Finding
from orchestrator.artifacts.tree import Tree
from orchestrator.milestone.refining import refined

LINES = ("a = 1", "b = 2", "c = 3", "d = 4")
PATHS = ("p/a.py", "p/b.py", "tests/test_a.py", "../x", "p/none.py")


def of(*edits: Edit) -> Finding:
    return Finding(
        dimension="correctness",
        severity="low",
        path="",
        line=0,
        problem="x",
        remedy="y",
        edits=edits,
    )


def tree() -> Tree:
    text = "".join(f"{line}\n" for line in LINES).encode()
    return Tree({"p/a.py": text, "p/b.py": text, "tests/test_a.py": text})


edits = st.builds(
    Edit,
    path=st.sampled_from(PATHS),
    remove=st.sampled_from([*(f"{line}\n" for line in LINES), "nowhere\n", ""]),
    add=st.sampled_from(["", "a = 1\n", "e = 5\n", "b = 2\nb = 2\n"]),
)


@given(st.lists(st.lists(edits, max_size=3), max_size=5))
def test_corrections_are_applied_whole_or_not_at_all(many: list[list[Edit]]) -> None:
    findings = {f"F{n}": of(*one) for n, one in enumerate(many, 1)}
    made = refined(tree(), findings)
    again, applied = tree(), []
    for name, one in findings.items():
        step = refined(again, {name: one})
        changed = [path for path in step.tree if step.tree[path] != again[path]]
        assert bool(step.applied) == bool(changed)
        if step.applied:
            assert {edit.path for edit in one.edits} >= set(changed)
            applied.append(name)
        again = step.tree
    assert (made.tree, made.applied) == (again, tuple(applied))
    assert made.tree["tests/test_a.py"] == tree()["tests/test_a.py"]


def test_a_correction_of_several_places_is_refused_when_one_does_not_fit() -> None:
    both = of(
        Edit(path="p/a.py", remove="a = 1\n", add="a = 9\n"),
        Edit(path="p/b.py", remove="not there\n", add="b = 9\n"),
    )
    single = of(Edit(path="p/b.py", remove="b = 2\n", add="b = 9\n"))
    made = refined(tree(), {"F1": both, "F2": single})
    assert made.applied == ("F2",)
    assert made.tree["p/a.py"] == tree()["p/a.py"]
    assert b"b = 9" in made.tree["p/b.py"]


NAMES = ("idea", "plan", "project", "milestone", "specification", "code", "findings", "other")
materials = st.lists(
    st.builds(Material, name=st.sampled_from(NAMES), content=st.text(max_size=400)), max_size=4
)


@given(st.tuples(materials, materials, materials), st.integers(min_value=0, max_value=600))
def test_no_request_has_more_material_than_its_budget(
    blocks: tuple[list[Material], list[Material], list[Material]], budget: int
) -> None:
    given_ = tuple(tuple(one) for one in blocks)
    fitted = fit(given_, budget)
    sizes = [memory.tokens(one.content) for block in fitted for one in block]
    assert sum(sizes) <= budget
    assert [[one.name for one in block] for block in fitted] == [
        [one.name for one in block] for block in given_
    ]
    if sum(memory.tokens(one.content) for block in given_ for one in block) <= budget:
        assert fitted == given_


def test_what_matters_least_gives_way_first_and_says_so() -> None:
    long = "word " * 300
    blocks = (
        (Material(name="idea", content=long), Material(name="plan", content=long)),
        (Material(name="specification", content=long),),
        (Material(name="feedback", content=long), Material(name="history", content=long)),
    )
    (idea, plan), (specification,), (feedback, history) = fit(blocks, 1600)
    assert (idea.content, specification.content, plan.content) == (long, long, long)
    assert "[... cut: 1500 characters" in history.content
    assert "[... cut: 1500 characters do not fit ...]" in feedback.content
    assert feedback.content.startswith("word")


def test_of_a_long_trace_what_was_compared_and_where_is_kept() -> None:
    frames = [f"    line_{n} = {n}" for n in range(200)]
    said = [">       assert f() == 2", "E       assert 1 == 2", ""]
    error = "\n".join(["def test_a():", *frames, *said, "tests/unit/test_a.py:7: AssertionError"])
    short = memory.trace(error)
    assert short.splitlines() == [
        ">       assert f() == 2",
        "E       assert 1 == 2",
        "tests/unit/test_a.py:7: AssertionError",
        "[shortened from 205 lines]",
    ]
    assert memory.trace("E   short") == "E   short"
    assert len(memory.trace("\n".join(f"E  {n}" for n in range(999))).splitlines()) <= 42
