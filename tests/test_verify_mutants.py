"""Mutants: the whole product, broken in two ways."""

from orchestrator.artifacts.tree import Tree
from orchestrator.verify.mutants import BODIES, mutant


def test_every_body_is_replaced_and_what_is_too_deep_to_rewrite_stays() -> None:
    deep = ("X = " + " + ".join(["1"] * 900) + "\n\n\ndef f():\n    return X\n").encode()
    tree = Tree(
        {"deep.py": deep, "plain.py": b"def f():\n    return 1\n", "tests/test_a.py": b"x = 1\n"}
    )
    for _, body in BODIES:
        broken = mutant(tree, body)
        assert broken["deep.py"] == deep
        assert b"return 1" not in broken["plain.py"]
        assert broken["tests/test_a.py"] == b"x = 1\n"
