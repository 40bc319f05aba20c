"""Limits on what happens at once: kept, served in plan order, never lost by who gives up."""

import asyncio
import json
from pathlib import Path

import pytest

from orchestrator.slots import Slots
from tests.world import code, planned, play

MVP, SHOUT, WHISPER = "milestone-1-mvp", "milestone-2-shout", "milestone-3-whisper"


def test_the_earliest_in_the_plan_goes_first() -> None:
    order: list[int] = []

    async def work(slots: Slots, rank: int) -> None:
        async with slots.held(rank):
            await asyncio.sleep(0)
            order.append(rank)

    async def every() -> None:
        slots = Slots(1)
        await asyncio.gather(*(work(slots, rank) for rank in (5, 3, 9, 1, 3)))

    asyncio.run(every())
    assert order == [5, 1, 3, 3, 9], "the first was there before anybody waited"


def test_never_more_than_the_limit_are_in() -> None:
    inside, most = 0, 0

    async def work(slots: Slots, rank: int) -> None:
        nonlocal inside, most
        async with slots.held(rank):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async def every() -> None:
        slots = Slots(3)
        await asyncio.gather(*(work(slots, rank) for rank in range(20)))

    asyncio.run(every())
    assert most == 3


def test_who_is_cancelled_while_waiting_or_when_let_in_leaves_the_slot_to_others() -> None:
    async def hold(slots: Slots, entered: list[int], rank: int) -> None:
        async with slots.held(rank):
            entered.append(rank)

    async def every() -> list[int]:
        slots, entered = Slots(1), list[int]()
        async with slots.held(0):
            waiting = [asyncio.create_task(hold(slots, entered, rank)) for rank in (1, 2, 3)]
            await asyncio.sleep(0)
            waiting[1].cancel()
        waiting[0].cancel()  # it was given the slot just now and has not run yet
        await asyncio.gather(*waiting, return_exceptions=True)
        async with asyncio.timeout(5), slots.held(9):
            entered.append(9)
        return entered

    assert asyncio.run(every()) == [3, 9]


def peak(run: Path) -> int:
    """How many verifications were under way at once, by when they were recorded and how long they
    took.
    """
    spans: list[tuple[float, int]] = []
    for path in (run / "ledger" / "verdicts").glob("*.json"):
        took = json.loads(path.read_text("utf-8"))["verdict"]["seconds"]
        end = path.stat().st_mtime
        # The recorded parts are less than the whole: their sum can only understate an overlap.
        spans += [(end - max(took.values()), 1), (end, -1)]
    now = most = 0
    for _, step in sorted(spans):
        now += step
        most = max(most, now)
    return most


def skeleton(number: str, word: str) -> str:
    return code(number, word, skeleton=True)


@pytest.mark.full
def test_verifications_have_a_limit_of_their_own(home: Path, env: dict[str, str]) -> None:
    """Three milestones at once, one sandbox: no two verifications overlap, and all land."""
    played = play(
        home,
        env,
        {
            "planner": planned({MVP: [], SHOUT: [], WHISPER: []}),
            f"{MVP}/impl/1/1": skeleton("1", "greet"),
            f"{SHOUT}/impl/1/1": skeleton("2", "shout"),
            f"{WHISPER}/impl/1/1": skeleton("3", "whisper"),
        },
        parallel=3,
        sandboxes=1,
        model_calls=1,
    )
    assert played.done.passed, [one.reason for one in played.done.facts.milestones]
    assert len(played.ledger.verdicts()) == 5
    assert peak(played.folder) == 1
