"""Mutants: the product broken as a whole, in one place, and rewritten without a change."""

import ast
import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.artifacts.tree import Tree
from orchestrator.settings import Limits
from orchestrator.verify import operators, suite
from orchestrator.verify.expectations import wronged
from orchestrator.verify.mutants import BODIES, chosen, mutant, rewritten
from tests.verification import ADDER, CLI, LIBRARY, QUICK, Workshop, tree, workshop

__all__ = ["workshop"]

CALCULATOR = '''"""Sums."""

from dataclasses import dataclass

LIMIT: int = 3 + 4


@dataclass(frozen=True)
class Pair:
    a: int
    b: int = 1 + 1

    def total(self) -> "int | None":
        """The sum, None when it is too large."""
        if self.a < LIMIT and self.b in (1, 2):
            return self.a + self.b
        return None

    def __repr__(self) -> str:
        return "Pair " + f"{self.a}"


if __name__ == "__main__":
    print(Pair(1).total())
'''


def test_every_body_is_replaced_and_what_is_too_deep_to_rewrite_stays() -> None:
    deep = ("X = " + " + ".join(["1"] * 900) + "\n\n\ndef f():\n    return X\n").encode()
    product = Tree(
        {"deep.py": deep, "plain.py": b"def f():\n    return 1\n", "tests/test_a.py": b"x = 1\n"}
    )
    for body in BODIES.values():
        broken = mutant(product, body)
        assert broken["deep.py"] == deep
        assert b"return 1" not in broken["plain.py"]
        assert broken["tests/test_a.py"] == b"x = 1\n"


def test_operators_are_changed_where_a_test_could_see_it() -> None:
    found = [(one.line, one.title) for one in operators.sites("pair.py", ast.parse(CALCULATOR))]

    assert sorted(found) == [
        (5, "+ becomes -"),
        (11, "+ becomes -"),
        (15, "< becomes <="),
        (15, "and becomes or"),
        (15, "if becomes if not"),
        (15, "in becomes not in"),
        (16, "+ becomes -"),
        (16, "the returned value becomes None"),
        (20, "the returned value becomes None"),
    ]


def test_each_mutant_changes_one_place_and_can_be_imported(tmp_path: Path) -> None:
    for site in operators.sites("pair.py", ast.parse(CALCULATOR)):
        source = operators.mutated(ast.parse(CALCULATOR), site)
        clean = ast.unparse(ast.parse(CALCULATOR)).splitlines()
        differing = [a for a, b in zip(clean, source.splitlines(), strict=True) if a != b]
        assert len(differing) == 1, site
        (tmp_path / "pair.py").write_text(source, "utf-8")
        subprocess.run([sys.executable, "pair.py"], cwd=tmp_path, check=True, capture_output=True)


def test_the_draw_depends_on_the_tree_alone_and_has_no_more_than_asked() -> None:
    product = Tree({"pair.py": CALCULATOR.encode()})
    other = Tree({"pair.py": CALCULATOR.encode(), "README.md": b"x"})

    assert chosen(product, 4) == chosen(product, 4)
    assert len(chosen(product, 4)) == 4
    assert len(chosen(product, 99)) == 9
    draws = [tuple(name for name, _ in chosen(one, 4)) for one in (product, other)]
    assert draws[0] != draws[1]


def test_a_rewritten_product_has_another_text_and_bytecode_and_does_the_same() -> None:
    product = Tree({"pair.py": CALCULATOR.encode()})
    text = rewritten(product).text("pair.py")
    spaces: list[dict[str, object]] = [{"__name__": "pair"}, {"__name__": "pair"}]
    for source, space in zip((CALCULATOR, text), spaces, strict=True):
        exec(compile(source, "pair.py", "exec"), space)
    first, second = (space["Pair"] for space in spaces)

    assert first(2, 2).total() == second(2, 2).total() == 4
    assert repr(first(2)) == repr(second(2)) == "Pair 2"
    assert first.total.__doc__ == second.total.__doc__
    assert first.total.__code__.co_code != second.total.__code__.co_code


def test_survivors_are_named_and_do_not_fail_a_suite_that_turns_red(workshop: Workshop) -> None:
    limits = QUICK.model_copy(update={"mutants": 20})
    product = {
        "lib.py": "def add(a, b):\n    return a + b\n\n\ndef sign(a):\n    return a < 0\n",
        "tests/test_lib.py": "from lib import add\n\ndef test_add():\n    assert add(1, 2) == 3\n",
    }

    verdict = workshop.verify(tree(product), LIBRARY, limits=limits)

    assert not [one for one in verdict.reasons if "criterion" not in one]
    single = {one.name: one.outcome for one in verdict.strength if one.kind == "operator"}
    assert single == {
        "lib.py:2: + becomes -": "red",
        "lib.py:2: the returned value becomes None": "red",
        "lib.py:6: < becomes <=": "green",
        "lib.py:6: the returned value becomes None": "green",
    }


def test_a_mutant_that_never_ends_is_killed_by_time_and_shown(workshop: Workshop) -> None:
    limits = Limits(test_seconds=3, step_seconds=5, mutants=20)
    product = {
        "lib.py": "def half(a):\n    while a > 9:\n        a = a // 2\n    return a\n",
        "tests/test_lib.py": "from lib import half\n\ndef test_half():\n    assert half(20) == 5\n",
    }

    verdict = workshop.verify(tree(product), LIBRARY, limits=limits)

    outcomes = {one.name: one.outcome for one in verdict.strength}
    assert outcomes["lib.py:3: // becomes *"] == "timed out"
    assert not [one for one in verdict.reasons if "criterion" not in one]


HASHED = """import hashlib
from pathlib import Path

def test_m1_c1_is_as_it_was():
    source = Path("app/core.py").read_bytes()
    assert hashlib.sha256(source).hexdigest() == "{digest}"
"""
COMPILED = """from app.core import add

def test_m1_c1_is_as_it_was():
    assert len(add.__code__.co_code) == {length}
"""


@pytest.mark.parametrize("kind", ["source", "bytecode"])
def test_a_suite_that_knows_only_the_text_of_the_product_is_found_out(
    workshop: Workshop, kind: str
) -> None:
    wrong = "def add(a, b):\n    return a * b\n"
    if kind == "source":
        import hashlib

        suite = HASHED.format(digest=hashlib.sha256(wrong.encode()).hexdigest())
    else:
        space: dict[str, object] = {}
        exec(compile(wrong, "core.py", "exec"), space)
        suite = COMPILED.format(length=len(space["add"].__code__.co_code))
    product = tree(ADDER, {"app/core.py": wrong, "tests/contract/test_add.py": suite})

    verdict = workshop.verify(product, CLI)

    assert verdict.outcome == "inconclusive"
    assert verdict.reasons[0].startswith("the suite tests the text of the product")
    assert "test_m1_c1_is_as_it_was" in verdict.reasons[0]


EQUAL = """class Any:
    def __eq__(self, other):
        return True


def add(a, b):
    return Any()
"""


def test_a_product_that_equals_anything_does_not_mind_what_is_expected(workshop: Workshop) -> None:
    verdict = workshop.verify(tree(ADDER, {"app/core.py": EQUAL}), CLI)

    assert "the suite stays green though 1 tests expect another value" in verdict.reasons
    assert not workshop.verify(tree(ADDER), CLI).reasons[0].startswith("the suite stays green")


def test_only_values_that_a_test_itself_asserts_are_changed() -> None:
    suite = (
        "def test_a():\n    x = 1\n    assert x == 1\n    assert 'y' == str(x)\n\n"
        "def test_b():\n    assert True == 1 or None\n    assert b'q' == b'q' * 1\n\n"
        "def test_c():\n    for one in ():\n        assert one == 3\n\n"
        "def helper():\n    assert 1 == 2\n"
    )
    found = wronged(Tree({"tests/test_x.py": suite.encode()}))

    assert found.tests == ("tests/test_x.py::test_a", "tests/test_x.py::test_b")
    text = found.files["tests/test_x.py"].decode()
    assert "assert x == 18" in text
    assert "assert b'not q' == b'q' * 1" in text
    assert "assert 'y' == str(x)" in text
    assert "assert one == 3" in text


@pytest.mark.parametrize("value", ["0", "-17", "17.5", "1e300", "float('inf')", "''", "b''"])
def test_the_other_value_is_never_the_same(value: str) -> None:
    suite = f"def test_a():\n    assert f() == {value}\n"
    found = wronged(Tree({"tests/test_x.py": suite.encode()}))

    for text in found.files.values():
        expected = text.decode().rpartition("== ")[2]
        assert eval(expected) != eval(value)
    assert bool(found.files) is ("float" not in value and "-" not in value)


@pytest.mark.parametrize(
    ("core", "reason"),
    [
        ("exec('def add(a, b): return a + b')\n", "nothing of the product could be broken"),
        (
            f"def add(a, b):\n    return a + b\n\n\nDEEP = {' + '.join(['1'] * 900)}\n",
            "app/core.py is nested too deeply to be broken on purpose",
        ),
    ],
)
def test_what_cannot_be_broken_on_purpose_proves_nothing(
    workshop: Workshop, core: str, reason: str
) -> None:
    product = tree(ADDER, {"app/core.py": core})
    product = product.having({}, frozenset({"app/__main__.py"}))

    verdict = workshop.verify(product, None)

    assert verdict.outcome == "inconclusive"
    assert verdict.reasons[0].startswith(reason)


def test_a_suite_with_one_honest_test_for_cover_is_too_weak(workshop: Workshop) -> None:
    limits = QUICK.model_copy(update={"mutants": 8})
    product = {
        "lib.py": (
            "def add(a, b):\n    return a + b\n\n\n"
            "def less(a, b):\n    return a - b\n\n\n"
            "def big(a):\n    return a > 9 and a != 11\n\n\n"
            "def version():\n    return '1'\n"
        ),
        "tests/test_lib.py": (
            "import lib\n\ndef test_all():\n    lib.add(1, 2), lib.less(1, 2), lib.big(1)\n"
            "    assert lib.version() == '1'\n"
        ),
    }

    reasons = workshop.verify(tree(product), LIBRARY, limits=limits).reasons

    assert "the suite stays green on broken code: lib.py:2: + becomes -" in reasons


def test_a_run_that_is_ended_from_outside_leaves_nothing_behind(workshop: Workshop) -> None:
    half = "from app.core import add\n\n" + "".join(
        f"def test_{{name}}_{number}():\n    assert add(1, {number}) == {1 + number}\n\n"
        for number in range(25)
    )
    slow = "import time\n\nfrom app.core import add\n\ndef test_slow():\n    time.sleep(60)\n"
    files = {"tests/unit/test_a.py": half.format(name="a"), "tests/unit/test_b.py": slow}
    files["tests/unit/test_c.py"] = half.format(name="c")
    broken = mutant(tree(ADDER, files), BODIES["every body raises"])

    async def ended() -> tuple[str, int]:
        bench = await workshop.bench()
        said = await suite.quick(broken, bench, seconds=50)
        return said, len(asyncio.all_tasks())

    assert asyncio.run(ended()) == ("red", 1)
