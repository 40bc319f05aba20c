"""What the live model does when the provider fails: ask again, wait, or stop and say why."""

import asyncio
import socket
from email.utils import formatdate

import pytest

from orchestrator.errors import GaveUp, Missing, Stop
from orchestrator.events import Event, Waiting
from orchestrator.models.anthropic import AnthropicModel
from tests.loopback import Fault, LoopbackServer, Reply, in_turn
from tests.loopback.client import KEY, Client, asked

GOOD = Reply(text='{"score": 4}')
BROKEN: tuple[Fault, ...] = (
    "drop before",
    "drop mid",
    "early end",
    "error event",
    "malformed",
    "error body",
    "html",
)


def stopped(server: LoopbackServer, **options: object) -> tuple[Stop, list[Event]]:
    client = Client(server, **options)
    with pytest.raises(Stop) as caught:
        client.one()
    return caught.value, client.events


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer_is_asked_for_again(fault: Fault):
    broken = Reply(text="half", fault=fault, message="Overloaded")
    with LoopbackServer(in_turn(broken, GOOD)) as server:
        client = Client(server)
        answer = client.one()
    assert answer.text == '{"score": 4}'
    assert server.count == 2
    assert [event.kind for event in client.events] == ["waiting"]


@pytest.mark.parametrize("fault", BROKEN)
def test_a_third_broken_answer_is_the_last_and_the_bill_is_told(fault: Fault):
    broken = Reply(text="half", fault=fault, message="upstream fell over")
    with LoopbackServer(in_turn(broken)) as server:
        stop, events = stopped(server)
    assert isinstance(stop, GaveUp)
    assert "calls made: 3, of which 3 may have been billed" in stop.message
    assert server.count == 3
    assert len(events) == 2


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("error event", "upstream fell over"),
        ("error body", "upstream fell over"),
        ("html", "text/html"),
        ("early end", "ended before"),
        ("malformed", "malformed"),
        ("drop mid", "connection broke"),
    ],
)
def test_giving_up_says_what_came_instead_of_an_answer(fault: Fault, words: str):
    with LoopbackServer(in_turn(Reply(fault=fault, message="upstream fell over"))) as server:
        stop, _ = stopped(server)
    assert words in stop.message


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_a_refusal_for_now_is_waited_out(status: int):
    busy = Reply(status=status, message="busy")
    with LoopbackServer(in_turn(busy, busy, GOOD)) as server:
        client = Client(server)
        assert client.one().stop == "end"
    assert server.count == 3
    assert all(f"{status} busy" in event.reason for event in client.events)


@pytest.mark.parametrize(
    "header", [("retry-after", "0.05"), ("retry-after-ms", "50"), ("retry-after", "0")]
)
def test_the_server_says_how_long_to_wait(header: tuple[str, str]):
    limited = Reply(status=429, message="slow down", headers=(header,))
    with LoopbackServer(in_turn(limited, GOOD)) as server:
        client = Client(server)
        client.one()
    waiting = client.events[0]
    assert isinstance(waiting, Waiting)
    assert waiting.seconds == (0 if header[1] == "0" else 0.05)


@pytest.mark.parametrize("asked_for", ["3600", "inf", formatdate(4e9, usegmt=True)])
def test_a_wait_beyond_the_deadline_is_given_up_at_once(asked_for: str):
    limited = Reply(status=429, message="slow down", headers=(("retry-after", asked_for),))
    with LoopbackServer(in_turn(limited)) as server:
        stop, events = stopped(server)
    assert "past the deadline of 20 s" in stop.message
    assert "calls made: 1, of which 0 may have been billed" in stop.message
    assert (server.count, events) == (1, [])


@pytest.mark.parametrize("nonsense", ["nan", "soon", ""])
def test_a_retry_after_that_means_nothing_is_ignored(nonsense: str):
    limited = Reply(status=429, message="slow down", headers=(("retry-after", nonsense),))
    with LoopbackServer(in_turn(limited, GOOD)) as server:
        assert Client(server).one().stop == "end"


def test_a_server_that_stays_down_is_given_up():
    with LoopbackServer(in_turn(Reply(status=529, message="Overloaded"))) as server:
        stop, events = stopped(server)
    assert isinstance(stop, GaveUp)
    assert "529 Overloaded; calls made: 8, of which 0 may have been billed" in stop.message
    assert "resume" in stop.remedy
    assert (server.count, len(events)) == (8, 7)


def test_waits_grow():
    with LoopbackServer(in_turn(Reply(status=500, message="no"))) as server:
        _, events = stopped(server)
    seconds = [event.seconds for event in events if isinstance(event, Waiting)]
    assert seconds == sorted(seconds)
    assert seconds[-1] > 20 * seconds[0]


def test_a_server_that_says_not_to_retry_is_not_asked_again():
    down = Reply(status=500, message="gone", headers=(("x-should-retry", "false"),))
    with LoopbackServer(in_turn(down)) as server:
        stopped(server)
    assert server.count == 1


@pytest.mark.parametrize("fault", ["silent", "stall"])
def test_a_silent_server_meets_the_deadline(fault: Fault):
    with LoopbackServer(in_turn(Reply(text="half", fault=fault))) as server:
        stop, _ = stopped(server, seconds=1)
    assert isinstance(stop, GaveUp)
    assert "deadline of 1 s" in stop.message
    assert "calls made: 1, of which 1 may have been billed" in stop.message


def test_a_wrong_key_is_given_up_at_once_and_never_shown():
    with LoopbackServer(in_turn(GOOD), key="sk-the-right-one") as server:
        stop, _ = stopped(server)
    assert isinstance(stop, GaveUp)
    assert "401" in stop.message
    assert "ANTHROPIC_API_KEY" in stop.remedy
    assert KEY not in str(stop)
    assert "[key]" in stop.message
    assert server.count == 1


@pytest.mark.parametrize(
    ("reply", "remedy"),
    [
        (Reply(status=402, message="pay"), "credit"),
        (Reply(status=403, message="not you"), "key"),
        (Reply(status=413, message="too large"), "context_tokens"),
        (Reply(status=400, message="Your credit balance is too low"), "credit"),
        (Reply(status=429, message="cap", code="enforced_spend_limit_reached"), "limit"),
    ],
)
def test_what_only_a_person_can_mend_is_given_up_at_once(reply: Reply, remedy: str):
    with LoopbackServer(in_turn(reply)) as server:
        stop, events = stopped(server)
    assert isinstance(stop, GaveUp)
    assert remedy in stop.remedy
    assert (server.count, events) == (1, [])


def test_an_unknown_model_is_named():
    with LoopbackServer(in_turn(GOOD)) as server:
        client = Client(server)
        with pytest.raises(Missing, match="knows no model 'claude-opus-9'") as caught:
            client.one(asked(model="claude-opus-9"))
    assert "--model" in caught.value.remedy


def test_a_servers_message_is_cut_short():
    with LoopbackServer(in_turn(Reply(status=400, message="long " * 1000))) as server:
        stop, _ = stopped(server)
    assert 250 < len(stop.message) < 400


def test_an_error_page_is_named_and_not_shown():
    with LoopbackServer(in_turn(Reply(status=502, fault="html"))) as server:
        stop, _ = stopped(server)
    assert "502 an HTML page" in stop.message


def lonely(*, key: str, base_url: str, events: list[Event]) -> AnthropicModel:
    return AnthropicModel(
        api_key=key,
        base_url=base_url,
        deadline_seconds=20,
        sink=events.append,
        backoff_seconds=0.01,
    )


def test_a_server_that_is_not_there_is_tried_a_few_times():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    events: list[Event] = []
    model = lonely(key=KEY, base_url=f"http://u:secret@127.0.0.1:{port}", events=events)
    with pytest.raises(GaveUp, match="no connection") as caught:
        asyncio.run(model.complete(asked()))
    assert "calls made: 5, of which 0 may have been billed" in caught.value.message
    assert "secret" not in str(caught.value)
    assert len(events) == 4


def test_without_key_and_endpoint_the_four_ways_to_run_are_named():
    model = lonely(key="", base_url="", events=[])
    with pytest.raises(Missing) as caught:
        asyncio.run(model.complete(asked()))
    for way in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", 'orchestrate start "idea"', "demo"):
        assert way in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("key", "base_url"),
    [
        ("sk-ключ", ""),
        ("sk-a\nb", ""),
        (KEY, "localhost:11434"),
        (KEY, "http://localhost:port"),
        (KEY, "http://[::1"),
    ],
)
def test_a_key_or_endpoint_that_cannot_be_one_is_told_before_any_call(key: str, base_url: str):
    with pytest.raises(Missing) as caught:
        asyncio.run(lonely(key=key, base_url=base_url, events=[]).complete(asked()))
    assert key not in str(caught.value)


def test_a_cancelled_call_ends_at_once_and_leaves_the_model_usable():
    arrived = asyncio.Event()

    with LoopbackServer(in_turn(Reply(text="half", fault="stall"), GOOD)) as server:
        client = Client(server)

        async def cut() -> str:
            loop = asyncio.get_running_loop()
            server.on_request = lambda _index, _body: loop.call_soon_threadsafe(arrived.set)
            call = asyncio.create_task(client.model.complete(asked()))
            await arrived.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            return (await client.model.complete(asked())).text

        assert asyncio.run(cut()) == '{"score": 4}'
    assert server.count == 2
