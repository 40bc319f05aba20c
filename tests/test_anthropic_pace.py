"""The live model under many questions at once: one pace for all, and counting in advance."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from orchestrator.artifacts.exchange import Answer
from orchestrator.errors import GaveUp, Stop
from orchestrator.events import Event, Waiting
from orchestrator.models import Counts
from orchestrator.models.anthropic import AnthropicModel
from tests.loopback import LoopbackServer, Reply, in_turn
from tests.loopback.client import KEY, Client, asked

GOOD = Reply(text='{"score": 4}')
PATIENCE = 20
"""Seconds until a wave that does not become complete fails its test."""


def limited(seconds: float, status: int = 429) -> Reply:
    told = (("retry-after-ms", f"{seconds * 1000:g}"),)
    return Reply(status=status, message="slow down", headers=told)


class Waves(LoopbackServer):
    """Answers in waves: the first `size` calls get the first wave's reply as soon as all of them
    have arrived, and so on. `log` is when calls arrived and were judged, in order, by wave.
    """

    def __init__(self, *waves: tuple[int, Reply], key: str = "") -> None:
        super().__init__(self._judged, key=key, on_request=self._arrived)
        self._replies = [reply for _, reply in waves]
        self._of = [wave for wave, (size, _) in enumerate(waves) for _ in range(size)]
        self._gates = [threading.Barrier(size, timeout=PATIENCE) for size, _ in waves]
        self._here = threading.local()
        self.log: list[tuple[str, int, float]] = []

    def first(self, what: str, wave: int) -> tuple[int, float]:
        """Place in the log and moment."""
        return next(
            (place, moment)
            for place, (kind, of, moment) in enumerate(self.log)
            if (kind, of) == (what, wave)
        )

    def _arrived(self, index: int, _body: dict[str, Any]) -> None:
        self._here.wave = self._of[index]
        self.log.append(("arrived", self._of[index], time.monotonic()))

    def _judged(self, _body: dict[str, Any]) -> Reply:
        wave = self._here.wave
        self._gates[wave].wait()
        self.log.append(("judged", wave, time.monotonic()))
        return self._replies[wave]


def answered(outcomes: list[Answer | Stop]) -> int:
    return sum(isinstance(outcome, Answer) for outcome in outcomes)


def test_a_limit_halves_the_calls_in_flight_and_each_answer_lets_one_more_go():
    slow = limited(0.3)
    waves = ((8, slow), (4, slow), (2, slow), (1, GOOD), (2, GOOD), (4, GOOD), (1, GOOD))
    with Waves(*waves) as server:
        client = Client(server)
        outcomes = client.together(8)
    assert answered(outcomes) == 8
    # Halving bounds what is refused: 8 + 4 + 2, less than twice the calls that were begun with.
    assert server.count == (8 + 4 + 2) + 8
    for wave, following in pairwise(range(len(waves))):
        place, judged = server.first("judged", wave)
        later, arrived = server.first("arrived", following)
        assert later > place
        if wave < 3:
            assert arrived >= judged + 0.3
    assert [event.kind for event in client.events] == ["waiting"] * 3
    assert all(isinstance(event, Waiting) and event.seconds == 0.3 for event in client.events)


def test_a_server_that_takes_two_at_once_is_left_alone_while_it_has_two():
    freed = [threading.Event(), threading.Event()]
    together = threading.Barrier(8, timeout=PATIENCE)
    lock = threading.Lock()
    inside: list[int] = []
    refused: list[int] = []

    def script(_body: dict[str, Any]) -> Reply:
        if not (inside or refused):
            together.wait()
        with lock:
            if len(inside) == 2:
                refused.append(1)
                return limited(0.1)
            inside.append(1)
            held = freed[freed[0].is_set()]
        held.wait(PATIENCE)
        with lock:
            inside.pop()
        return GOOD

    async def every(client: Client) -> list[Answer | Stop]:
        calls = [asyncio.create_task(client.outcome()) for _ in range(8)]
        second = asyncio.Event()
        client.on_event = lambda _event: second.set() if len(client.events) == 2 else None
        await second.wait()
        for event in freed:
            # Long enough for three more tries: that there are none has no event.
            await asyncio.sleep(0.4)
            # Of 8 in flight two were taken; then 4 might be, so two came; the bound is then 2, and
            # the answers to calls from before the cuts do not raise it.
            assert len(refused) <= (8 - 2) + (4 - 2)
            event.set()
        return await asyncio.gather(*calls)

    with LoopbackServer(script) as server:
        assert answered(asyncio.run(every(Client(server)))) == 8


@pytest.mark.parametrize(
    "reply",
    [
        limited(3600),
        limited(3600, status=503),
        limited(3600, status=529),
        Reply(fault="error event", headers=(("retry-after", "3600"),)),
    ],
)
def test_who_cannot_outwait_the_pause_is_told_at_once_without_a_call(reply: Reply):
    with LoopbackServer(in_turn(reply, GOOD)) as server:
        client = Client(server)
        first, second = (client.together(1)[0] for _ in range(2))
    assert isinstance(first, GaveUp)
    assert isinstance(second, GaveUp)
    assert "the next try would be in 3600 s, past the deadline of 20 s" in second.message
    assert "calls made: 0, of which 0 may have been billed" in second.message
    assert not second.billed
    assert (server.count, client.events) == (1, [])


def test_who_is_held_back_when_a_long_pause_begins_is_told_at_once():
    with Waves((2, limited(0.02)), (1, limited(3600))) as server:
        outcomes = Client(server).together(2)
    assert server.count == 3
    stops = [outcome for outcome in outcomes if isinstance(outcome, GaveUp)]
    assert all("in 3600 s, past the deadline" in stop.message for stop in stops)
    assert sorted(stop.message.rpartition("; ")[2] for stop in stops) == [
        "calls made: 1, of which 0 may have been billed",
        "calls made: 2, of which 0 may have been billed",
    ]
    assert not any(stop.billed for stop in stops)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_failure_of_one_call_holds_no_other_back(status: int):
    with LoopbackServer(in_turn(limited(3600, status=status), GOOD)) as server:
        client = Client(server)
        first, second = (client.together(1)[0] for _ in range(2))
    assert isinstance(first, GaveUp)
    assert isinstance(second, Answer)


def test_a_key_that_is_revoked_under_way_ends_every_question_with_its_own_error():
    with Waves((4, limited(0.02)), (5, GOOD), key=KEY) as server:
        client = Client(server)
        client.on_event = lambda _event: setattr(server, "key", "sk-another-key")
        outcomes = client.together(4)
        late = client.together(1)
    for outcome in outcomes:
        assert isinstance(outcome, GaveUp)
        assert "401" in outcome.message
        assert "calls made: 2, of which 0 may" in outcome.message
    assert isinstance(late[0], GaveUp)
    assert "calls made: 1" in late[0].message
    assert server.count == 4 + 4 + 1


def arrival(server: LoopbackServer, number: int) -> asyncio.Event:
    """Set when as many calls have arrived."""
    loop, arrived, before = asyncio.get_running_loop(), asyncio.Event(), server.on_request

    def on_request(index: int, body: dict[str, Any]) -> None:
        before(index, body)
        if index + 1 == number:
            loop.call_soon_threadsafe(arrived.set)

    server.on_request = on_request
    return arrived


def test_a_deadline_that_passes_while_held_back_bills_nothing():
    async def every(client: Client) -> list[Answer | Stop]:
        paused = asyncio.Event()
        client.on_event = lambda _event: paused.set()
        first = asyncio.create_task(client.outcome())
        await paused.wait()
        # Refused a second time, the first one stands behind the second, which gets no answer.
        return await asyncio.gather(first, client.outcome())

    silent = Reply(fault="silent")
    with Waves((1, limited(0.02)), (1, limited(0.02)), (1, silent)) as server:
        held, other = asyncio.run(every(Client(server, seconds=1)))
    assert isinstance(held, GaveUp)
    assert "no answer within the deadline of 1 s; calls made: 2, of which 0" in held.message
    assert not held.billed
    assert isinstance(other, GaveUp)
    assert "calls made: 1, of which 1" in other.message


async def cut_to_one(server: LoopbackServer, client: Client) -> list[asyncio.Task[Answer | Stop]]:
    """Two questions: one in flight as the third call, one held back."""
    third = arrival(server, 3)
    calls = [asyncio.create_task(client.outcome()) for _ in range(2)]
    await third.wait()
    return calls


def stalled() -> tuple[threading.Event, Callable[[dict[str, Any]], Reply]]:
    """A script that limits two calls and answers the others when the event is set."""
    go = threading.Event()
    left = [limited(0.02), limited(0.02)]
    gate = threading.Barrier(2, timeout=PATIENCE)
    lock = threading.Lock()

    def script(_body: dict[str, Any]) -> Reply:
        with lock:
            reply = left.pop() if left else GOOD
        if reply is GOOD:
            go.wait(PATIENCE)
        else:
            gate.wait()
        return reply

    return go, script


def test_who_is_cancelled_while_held_back_leaves_the_place_to_the_next():
    go, script = stalled()

    async def every(client: Client) -> list[Answer | Stop]:
        calls = await cut_to_one(server, client)
        later = [asyncio.create_task(client.outcome()) for _ in range(3)]
        await asyncio.sleep(0)
        later[0].cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await later[0]
        return await asyncio.gather(*calls, *later[1:])

    with LoopbackServer(script) as server:
        assert answered(asyncio.run(every(Client(server)))) == 4
    assert server.count == 2 + 4


def test_a_call_that_is_cancelled_in_flight_leaves_its_place_to_the_next():
    go, script = stalled()

    async def every(client: Client) -> list[Answer | Stop | BaseException]:
        calls = await cut_to_one(server, client)
        fourth = arrival(server, 4)
        calls[0].cancel()
        calls[1].cancel()
        later = asyncio.create_task(client.outcome())
        await fourth.wait()
        go.set()
        return await asyncio.gather(*calls, later, return_exceptions=True)

    with LoopbackServer(script) as server:
        *cut, later = asyncio.run(every(Client(server)))
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in cut)
    assert isinstance(later, Answer)


def test_who_is_cancelled_at_the_moment_of_going_out_leaves_the_place_to_the_next():
    async def every(client: Client) -> list[Answer | Stop | BaseException]:
        later: list[asyncio.Task[Answer | Stop]] = []

        def on_event(_event: Event) -> None:
            if later:
                # The first of them was let out just now.
                for call in later:
                    call.cancel()
            else:
                later.extend(asyncio.create_task(client.outcome()) for _ in range(2))

        client.on_event = on_event
        first = await client.outcome()
        return [first, *await asyncio.gather(*later, return_exceptions=True)]

    with Waves((1, limited(0.02)), (1, limited(0)), (1, GOOD)) as server:
        first, *cut = asyncio.run(every(Client(server)))
    assert isinstance(first, Answer)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in cut)
    assert server.count == 3


def test_a_pause_outlives_its_event_loop():
    told: list[float] = []

    async def given_up(client: Client) -> None:
        call = asyncio.create_task(client.outcome())
        client.on_event = lambda _event: told.append(time.monotonic()) or call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    with Waves((1, limited(0.3)), (1, GOOD)) as server:
        client = Client(server)
        asyncio.run(given_up(client))
        assert answered(client.together(1)) == 1
    assert len(told) == 1
    assert server.first("arrived", 1)[1] >= server.first("judged", 0)[1] + 0.3


def test_what_an_earlier_loop_left_in_flight_holds_nobody_back():
    go, script = stalled()
    with LoopbackServer(script) as server, asyncio.Runner() as earlier:
        client = Client(server)
        calls = earlier.run(cut_to_one(server, client))
        later = threading.Timer(0, go.set)
        fifth: list[int] = []
        server.on_request = lambda index, _body: fifth.append(index) or later.start()
        with asyncio.Runner() as other:
            assert isinstance(other.run(client.outcome()), Answer)
        assert fifth == [3]
        for call in calls:
            call.cancel()


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-haiku-4-5"])
def test_a_request_is_counted_without_being_asked(model: str):
    with LoopbackServer(in_turn(GOOD)) as server:
        client = Client(server)
        assert isinstance(client.model, Counts)
        small, large = (
            asyncio.run(client.model.count(asked(model=model, blocks=("a", "b" * size))))
            for size in (10, 10_000)
        )
    assert 0 < small < large - 2000
    assert (server.count, client.events) == (0, [])
    assert server.counts[-1].body["messages"][0]["content"][1]["text"] == "b" * 10_000


def counted(client: Client, times: int = 2) -> list[int]:
    async def each() -> list[int]:
        return [await client.model.count(asked()) for _ in range(times)]

    return asyncio.run(each())


@pytest.mark.parametrize(
    "odd",
    [
        Reply(status=400, message="no"),
        Reply(status=404, message="not found: /v1/messages/count_tokens"),
        Reply(status=405, message="no"),
        Reply(status=500, message="no"),
        Reply(fault="drop before"),
        Reply(fault="html"),
        Reply(usage=(("input_tokens", None),)),
    ],
)
def test_an_endpoint_that_cannot_count_is_asked_once(odd: Reply):
    with LoopbackServer(in_turn(GOOD), counting=odd) as server:
        client = Client(server)
        assert counted(client) == [-1, -1]
        assert len(server.counts) == 1
        assert client.one().stop == "end"
    assert client.events == []


def test_a_count_that_does_not_come_is_not_waited_for():
    with LoopbackServer(in_turn(GOOD), counting=Reply(fault="silent")) as server:
        assert counted(Client(server, seconds=0.3)) == [-1, -1]
        assert len(server.counts) == 1


@pytest.mark.parametrize("status", [401, 429, 529])
def test_a_count_refused_for_now_is_asked_for_again(status: int):
    with LoopbackServer(in_turn(GOOD), counting=limited(3600, status=status)) as server:
        client = Client(server)
        assert counted(client, times=1) == [-1]
        server.counting = Reply()
        assert counted(client, times=1)[0] > 0
        assert client.one().stop == "end"


def test_nothing_is_counted_during_a_pause():
    with LoopbackServer(in_turn(limited(3600))) as server:
        client = Client(server)
        client.together(1)
        assert counted(client) == [-1, -1]
        assert server.counts == []


def unasked(*, key: str, base_url: str) -> AnthropicModel:
    return AnthropicModel(api_key=key, base_url=base_url, deadline_seconds=20, sink=print)


def test_without_key_or_server_there_is_no_count():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for model in (
        unasked(key="", base_url=""),
        unasked(key=KEY, base_url="http://[::1"),
        unasked(key=KEY, base_url=f"http://127.0.0.1:{port}"),
    ):
        assert asyncio.run(model.count(asked())) == -1
