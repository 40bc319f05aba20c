"""The product's own tests, run by pytest under our bootstrap in fresh copies."""

import asyncio
import json
import secrets
from collections import Counter
from typing import Literal

from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.errors import Missing
from orchestrator.sandbox import ExecResult
from orchestrator.verify import names, sentinels, statements
from orchestrator.verify.bench import Bench, Channel
from orchestrator.verify.records import Record, read
from orchestrator.verify.results import Part, Suite, join, judge, nothing, part

MOST_RETRIED = 20
WORTH_SHARING = 40
"""Tests, from which on two runs side by side are faster than one."""


class Order(Value):
    """What the bootstrap runs. `quick` stops at the first failure, `measure` takes coverage."""

    mode: Literal["measure", "plain", "quick"]
    paths: tuple[str, ...]
    """Files or node ids."""
    seconds: float = 0
    """0 for the limit of a whole suite."""


async def run(tree: Tree, bench: Bench) -> Suite:
    """The whole suite on fresh copies of `tree`, with coverage; a long one in two runs at once.

    What failed is tried once more by itself: what then passes is flaky, and still a failure. Raises
    Missing when the sandbox or the test tools do not work.
    """
    found = await _whole(tree, bench, "measure")
    red = tuple(one.test for one in found.report.failures)
    if found.doubt or not red or len(red) > MOST_RETRIED:
        return found
    records, result = await _records(tree, bench, Order(mode="plain", paths=red))
    again = part(records, result).outcomes
    flaky = tuple(name for name in red if again.get(name) == "passed")
    return found.model_copy(
        update={"report": found.report.model_copy(update={"flaky": flaky})},
    )


async def rewritten(tree: Tree, bench: Bench) -> str:
    """ "" when the suite is green on `tree`, which means the same as one on which it was green;
    otherwise the first thing that was not. Raises as `run`.
    """
    found = await _whole(tree, bench, "plain")
    if found.green:
        return ""
    return found.doubt or next((one.test for one in found.report.failures), "no test passed")


async def quick(
    tree: Tree, bench: Bench, *, seconds: float
) -> Literal["red", "timed out", "green"]:
    """What the suite does on `tree` up to its first failure. Raises as `run`."""
    files = sorted(names.suite_files(tree, bench.layout), key=_slowness)
    records, result = await _records(
        tree, bench, Order(mode="quick", paths=tuple(files), seconds=seconds)
    )
    if result.outcome == "timed out":
        return "timed out"
    return "green" if judge(records, result, ()).green else "red"


async def _whole(tree: Tree, bench: Bench, mode: Literal["measure", "plain"]) -> Suite:
    expected = names.expected_tests(tree, bench.layout)
    shares = _shares(names.suite_files(tree, bench.layout), expected)
    if not shares:
        return nothing("there is no test file")
    ended = await asyncio.gather(*(_share(tree, bench, mode, paths) for paths in shares))
    found = join(tuple(ended), expected)
    if not all(one.ran for one in ended):
        return found
    coverage = statements.percent(tree, _ran(tree, tuple(ended), bench.layout), bench.layout)
    report = found.report.model_copy(update={"coverage": coverage})
    return found.model_copy(update={"report": report})


def _ran(tree: Tree, parts: tuple[Part, ...], layout: Layout) -> dict[str, frozenset[int]]:
    """The lines of each product file that ran in any part."""
    files = names.product_files(tree, layout)
    lines: dict[str, frozenset[int]] = dict.fromkeys(files, frozenset())
    for one in parts:
        for path, numbers in zip(files, one.ran, strict=False):
            lines[path] |= numbers
    return lines


async def _share(
    tree: Tree, bench: Bench, mode: Literal["measure", "plain"], paths: tuple[str, ...]
) -> Part:
    """One run with sentinels, which are taken out of what it did again."""
    ours = sentinels.planted(bench.layout)
    order = Order(mode=mode, paths=(*paths, *ours.files))
    found = part(*await _records(tree.having(ours.files), bench, order))
    kept = {
        name: one
        for name, one in found.outcomes.items()
        if name.split("::", 1)[0] not in ours.files
    }
    return found.model_copy(
        update={
            "outcomes": kept,
            "collected": found.collected - {ours.passing, ours.failing},
            "tampered": ours.tampered(found.outcomes),
        }
    )


def _slowness(path: str) -> tuple[int, str]:
    """Tests that start the product from outside come last: most mutants die before them."""
    return (1 if "contract" in path else 0, path)


def _shares(files: tuple[str, ...], expected: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The test files in as many shares as are worth a run of their own, evenly by tests."""
    sizes = Counter(name.split("::", 1)[0] for name in expected)
    if len(files) < 2 or sum(sizes.values()) < WORTH_SHARING:
        return (files,) if files else ()
    shares: tuple[list[str], list[str]] = ([], [])
    loads = [0, 0]
    for path in sorted(files, key=lambda one: (-sizes[one], one)):
        least = loads.index(min(loads))
        shares[least].append(path)
        loads[least] += sizes[path] or 1
    return tuple(tuple(sorted(share)) for share in shares)


async def _records(tree: Tree, bench: Bench, order: Order) -> tuple[tuple[Record, ...], ExecResult]:
    nonce = secrets.token_hex(16)
    told = {
        "product": names.product_files(tree, bench.layout),
        "paths": order.paths,
        "sources": bench.layout.sources,
        "fixtures": "tests" if bench.layout == LAYOUT else "",
    }
    async with bench.slots, Channel() as channel:
        reading = asyncio.create_task(read(channel, nonce))
        try:
            result = await bench.exec(
                ("-P", "-s", "{tools}/boot.py", str(channel.fd), order.mode),
                tree,
                fd=channel.fd,
                seconds=order.seconds or bench.limits.test_seconds,
                stdin=f"{nonce}\n{json.dumps(told)}\n".encode(),
            )
        finally:
            channel.hang_up()
            found = await reading
    if not found and result.outcome == "exited":
        said = result.stderr.strip().splitlines()[-1:]
        raise Missing(f"pytest did not start in the sandbox: {said}", "orchestrate doctor")
    return found, result
