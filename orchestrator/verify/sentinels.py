"""Two tests of ours among the product's: one must pass and one must fail."""

import secrets
from collections.abc import Mapping

from orchestrator.artifacts.layout import Layout
from orchestrator.artifacts.values import Value
from orchestrator.artifacts.verdict import TestOutcome
from orchestrator.verify.results import Part

SOURCE = """def test_{name}():
    total = sum([{first}, {second}])
    assert total == {third}
"""


class Sentinels(Value):
    """`files` are written into the copy that is tested; the others are the node ids in them."""

    files: Mapping[str, bytes]
    passing: str
    failing: str

    def apart(self, found: Part) -> Part:
        """`found` without them, and with what they say against it."""
        kept = {
            name: outcome
            for name, outcome in found.outcomes.items()
            if name.split("::", 1)[0] not in self.files
        }
        return found.model_copy(
            update={
                "outcomes": kept,
                "collected": found.collected - {self.passing, self.failing},
                "tampered": found.tampered or self.tampered(found.outcomes),
            }
        )

    def tampered(self, outcomes: Mapping[str, TestOutcome]) -> str:
        """ "" when both came out as they must. A fixture that fails for all is no forgery."""
        passing, failing = outcomes.get(self.passing), outcomes.get(self.failing)
        others = {outcomes[name] for name in outcomes if name not in (self.passing, self.failing)}
        if passing != "passed" and not (passing == "error" and others <= {"error"}):
            return f"a test of ours that must pass {_said(passing)}: results are tampered with"
        if failing not in ("failed", "error"):
            return f"a test of ours that must fail {_said(failing)}: results are tampered with"
        return ""


def planted(layout: Layout) -> Sentinels:
    """New ones under random names, beside the project's own tests."""
    folder = next((one for one in layout.tests if one.endswith("/")), "")
    made = [_sentinel(folder, wrong=wrong) for wrong in (0, 1)]
    return Sentinels(
        files={path: content for path, content, _ in made}, passing=made[0][2], failing=made[1][2]
    )


def _sentinel(folder: str, *, wrong: int) -> tuple[str, bytes, str]:
    """Path, content and node id of a test that passes unless `wrong`."""
    name = secrets.token_hex(4)
    first, second = secrets.randbelow(1000), secrets.randbelow(1000)
    source = SOURCE.format(name=name, first=first, second=second, third=first + second + wrong)
    path = f"{folder}test_{secrets.token_hex(4)}.py"
    return path, source.encode(), f"{path}::test_{name}"


def _said(outcome: TestOutcome | None) -> str:
    return f"was reported as {outcome}" if outcome else "was not run"
