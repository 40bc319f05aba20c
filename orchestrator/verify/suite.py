"""The product's own tests, run by pytest under our bootstrap in fresh copies."""

import asyncio
import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Literal

from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.artifacts.verdict import TestOutcome
from orchestrator.errors import Missing
from orchestrator.sandbox import ExecResult
from orchestrator.verify import names, sentinels, statements
from orchestrator.verify.bench import Bench, Channel
from orchestrator.verify.records import Record, read
from orchestrator.verify.results import Part, Suite, join, nothing, part

MOST_RETRIED = 20
WORTH_SHARING = 40
"""Tests, from which on two runs side by side are faster than one."""


class Order(Value):
    """What the bootstrap runs: files or node ids, for at most so many seconds. Every run is told
    the same way, so that no test can tell which of them it is in.
    """

    paths: tuple[str, ...]
    seconds: float


async def run(tree: Tree, bench: Bench) -> Suite:
    """The whole suite on fresh copies of `tree`, with coverage; a long one in two runs at once.

    What failed is tried once more by itself: what then passes is flaky, and still a failure. Raises
    Missing when the sandbox or the test tools do not work.
    """
    found = await _whole(tree, bench)
    red = tuple(one.test for one in found.report.failures)
    if found.doubt or not red or len(red) > MOST_RETRIED:
        return found
    again = await only(tree, bench, red)
    flaky = tuple(name for name in red if again.get(name) == "passed")
    return found.model_copy(
        update={"report": found.report.model_copy(update={"flaky": flaky})},
    )


async def only(tree: Tree, bench: Bench, tests: tuple[str, ...]) -> Mapping[str, TestOutcome]:
    """How the named tests alone come out on `tree`. Raises as `run`."""
    found = await _share(tree, bench, Order(paths=tests, seconds=bench.limits.test_seconds))
    return found.outcomes


async def rewritten(tree: Tree, bench: Bench) -> str:
    """ "" when the suite is green on `tree`, which means the same as one on which it was green;
    otherwise the first thing that was not. Raises as `run`.
    """
    found = await _whole(tree, bench)
    if found.green:
        return ""
    return found.doubt or next((one.test for one in found.report.failures), "no test passed")


async def quick(
    tree: Tree, bench: Bench, *, seconds: float
) -> Literal["red", "timed out", "green"]:
    """What the suite does on `tree` up to its first failure. Raises as `run`."""
    runs = [
        asyncio.create_task(_turned(tree, bench, Order(paths=paths, seconds=seconds)))
        for paths in _shares(tree, bench.layout)
    ]
    said: set[Literal["red", "timed out", "green"]] = set()
    try:
        for ended in asyncio.as_completed(runs):
            said.add(await ended)
            if "red" in said:
                return "red"
    finally:
        for one in runs:
            one.cancel()
        await asyncio.gather(*runs, return_exceptions=True)
    return "timed out" if "timed out" in said else "green"


async def _turned(tree: Tree, bench: Bench, order: Order) -> Literal["red", "timed out", "green"]:
    """As `quick`, of one share: it is ended from here, so that it cannot know."""
    ours = sentinels.planted(bench.layout)
    failed = asyncio.Event()

    def heed(record: Record) -> None:
        if record.bad and record.id not in (ours.passing, ours.failing):
            failed.set()

    whole = order.model_copy(update={"paths": (*order.paths, *ours.files)})
    running = asyncio.create_task(_records(tree.having(ours.files), bench, whole, heed))
    watching = asyncio.create_task(failed.wait())
    try:
        await asyncio.wait((running, watching), return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            return "red"
    finally:
        for task in (running, watching):
            task.cancel()
        await asyncio.wait((running, watching))
    records, result = running.result()
    if result.outcome == "timed out":
        return "timed out"
    found = part(records, result)
    judged = join((ours.apart(found),), ())
    return "green" if judged.green else "red"


async def _whole(tree: Tree, bench: Bench) -> Suite:
    shares = _shares(tree, bench.layout)
    if not shares:
        return nothing("there is no test file")
    seconds = bench.limits.test_seconds
    ended = await asyncio.gather(
        *(_share(tree, bench, Order(paths=paths, seconds=seconds)) for paths in shares)
    )
    found = join(tuple(ended), names.expected_tests(tree, bench.layout))
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


async def _share(tree: Tree, bench: Bench, order: Order) -> Part:
    """One run with sentinels, which are taken out of what it did again."""
    ours = sentinels.planted(bench.layout)
    whole = order.model_copy(update={"paths": (*order.paths, *ours.files)})
    planted = tree.having(ours.files)
    found = part(*await _records(planted, bench, whole, lambda _: None))
    rewritten = _overwritten(planted, found)
    return ours.apart(found.model_copy(update={"tampered": found.tampered or rewritten}))


def _overwritten(tree: Tree, found: Part) -> str:
    """Says which source is no longer what it was at the end of a run, "" for none."""
    paths = names.sources(tree)
    if not found.doubt and len(found.digests) != len(paths):
        return "the test run did not say what became of the sources: results are tampered with"
    for path, digest in zip(paths, found.digests, strict=False):
        if hashlib.sha256(tree[path]).hexdigest() != digest:
            return f"{path} was overwritten while the tests ran: results are tampered with"
    return ""


def _slowness(path: str) -> tuple[int, str]:
    """Tests that start the product from outside come last: most mutants die before them."""
    return (1 if "contract" in path else 0, path)


def _shares(tree: Tree, layout: Layout) -> tuple[tuple[str, ...], ...]:
    """The test files in as many shares as are worth a run of their own, evenly by tests."""
    files = tuple(sorted(names.suite_files(tree, layout), key=_slowness))
    sizes = Counter(name.split("::", 1)[0] for name in names.expected_tests(tree, layout))
    if len(files) < 2 or sum(sizes.values()) < WORTH_SHARING:
        return (files,) if files else ()
    shares: tuple[list[str], list[str]] = ([], [])
    loads = [0, 0]
    for path in sorted(files, key=lambda one: (-sizes[one], one)):
        least = loads.index(min(loads))
        shares[least].append(path)
        loads[least] += sizes[path] or 1
    return tuple(tuple(sorted(share, key=_slowness)) for share in shares)


async def _records(
    tree: Tree, bench: Bench, order: Order, heed: Callable[[Record], None]
) -> tuple[tuple[Record, ...], ExecResult]:
    nonce = secrets.token_hex(16)
    told = {
        "product": names.product_files(tree, bench.layout),
        "files": names.sources(tree),
        "paths": order.paths,
        "sources": bench.layout.sources,
        "fixtures": "tests" if bench.layout == LAYOUT else "",
    }
    async with bench.slots, Channel() as channel:
        reading = asyncio.create_task(read(channel, nonce, heed))
        try:
            result = await bench.exec(
                ("-P", "-s", "{tools}/boot.py", str(channel.fd)),
                tree,
                fd=channel.fd,
                seconds=order.seconds,
                stdin=f"{nonce}\n{json.dumps(told)}\n".encode(),
            )
        finally:
            channel.hang_up()
            found = await reading
    if not found and result.outcome == "exited":
        said = result.stderr.strip().splitlines()[-1:]
        raise Missing(f"pytest did not start in the sandbox: {said}", "orchestrate doctor")
    return found, result
