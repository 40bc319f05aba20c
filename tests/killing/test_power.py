"""What a resume relies on is on the disk, by name and content, before the run goes on."""

import re
from pathlib import Path

import pytest

from tests.command import Provider
from tests.killing.matrix import Matrix, clean
from tests.test_kill import SCRIPT

LATER = {
    "ledger": (r"/ledger/(answers|verdicts|decisions|intents)/", r"^(connect|start) "),
    "the run": (r" to \S+/\.orchestrate/runs/[^/]+$", r"^write .*/lock$"),
    "the report": (r"/report\.(html|md|json)$", r"^rename "),
    "the repository": (r"/\.git\.new/\.git to ", r"^start "),
    "the checkout's state": (r"/\.git/orchestrator/checkout$", r"^(start|rename|mkdir) "),
    "a file of the product": (r"/tmp-\S+ to \S+\.(py|ini|gitignore)$", r"/orchestrator/checkout$"),
}
"""What is renamed into its place, and the first event that relies on its being there for good."""


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    with Provider(SCRIPT) as provider:
        matrix = Matrix(tmp_path_factory.mktemp("traced"), clean(), provider, {}, traced=True)
        assert matrix.run() == 0, matrix.said
    return matrix.log.read_text("utf-8").splitlines()


@pytest.mark.parametrize("what", LATER)
def test_what_is_renamed_into_its_place_is_synced_before_and_its_folder_after(
    trace: list[str], what: str
) -> None:
    pattern, relying = LATER[what]
    found = [
        number
        for number, line in enumerate(trace)
        if line.startswith("rename ") and re.search(pattern, line)
    ]
    assert found
    for number in found:
        old, _, new = trace[number].removeprefix("rename ").partition(" to ")
        assert f"fsync {old}" in trace[:number], trace[number]
        rest = trace[number + 1 :]
        end = next((n for n, line in enumerate(rest) if re.search(relying, line)), len(rest))
        assert f"fsync {Path(new).parent}" in rest[:end], trace[number]


def test_a_new_folder_of_the_ledger_is_synced_where_it_is_named(trace: list[str]) -> None:
    made = [
        number
        for number, line in enumerate(trace)
        if re.match(r"mkdir \S+/ledger(/\S+)?$", line) and line not in trace[:number]
    ]
    assert made
    for number in made:
        folder = Path(trace[number].removeprefix("mkdir "))
        rest = trace[number + 1 :]
        end = next(n for n, line in enumerate(rest) if line.startswith(("connect", "rename")))
        assert f"fsync {folder.parent}" in rest[:end]


def test_a_ref_moves_to_a_commit_only_when_its_pack_is_named_for_good(trace: list[str]) -> None:
    moves = [number for number, line in enumerate(trace) if re.search(r"git .* update-ref ", line)]
    commits = [number for number, line in enumerate(trace) if " fast-import " in line]
    assert moves
    for number in moves:
        made = max(one for one in commits if one < number)
        assert any(line.endswith("/.git/objects/pack") for line in trace[made:number])


def test_main_stays_where_it_was_moved_before_the_checkout_relies_on_it(trace: list[str]) -> None:
    moves = [
        n for n, line in enumerate(trace) if re.search(r" update-ref .*refs/heads/main ", line)
    ]
    assert len(moves) == 2
    for number in moves:
        rest = trace[number + 1 :]
        end = next(n for n, line in enumerate(rest) if line.startswith("start "))
        assert any(line.endswith("/.git/refs/heads") for line in rest[:end])
