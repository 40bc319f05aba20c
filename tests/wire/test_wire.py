"""The same questions put to our loopback and to two servers that others wrote: marker `wire`.

Seen of LiteLLM 1.106.2 over a small backend in OpenAI's style, and of @copilotkit/aimock 1.43.0:

| what                   | loopback     | LiteLLM                     | aimock              |
| ---------------------- | ------------ | --------------------------- | ------------------- |
| answer, text, tool     | yes          | yes                         | yes, spaced anew    |
| cut off, empty         | yes          | yes                         | yes                 |
| refusal                | `refusal`    | from `content_filter`       | has none            |
| 429, 500, 529          | asked again  | asked again                 | asked again         |
| 400 on a feature       | one way less | one way less                | one way less        |
| 400 on anything else   | given up     | given up, wrapped words     | given up            |
| stream ends half-way   | asked again  | **half is told as a whole** | connection breaks   |
| unknown model          | 404, Missing | 400, GaveUp                 | answers as it       |
| wrong key              | 401          | 400 "No connected db."      | 401                 |
| tokens counted before  | yes          | an estimate                 | 404                 |
| request id             | yes          | no                          | another header      |
| input and cache tokens | both         | the backend's, no cache     | as its fixtures say |

So behind LiteLLM an answer whose backend broke off can look complete; only reading it tells.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.errors import GaveUp, Missing, Stop
from orchestrator.events import Event
from tests.client import install
from tests.loopback import Reply
from tests.loopback.client import KEY, Client, asked
from tests.wire import doubles
from tests.wire.doubles import Double

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(not install.npm(), reason="no npm: apt-get install nodejs npm"),
]
TEXT = '{"score": 4}'
GOOD = Reply(text=TEXT)
SECONDS = 200
"""LiteLLM imports at its first call: half a minute on a loaded machine."""


@pytest.fixture(scope="module", params=["loopback", "litellm", "aimock"])
def double(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Double]:
    folder: Path = tmp_path_factory.mktemp("double")
    starts = {
        "loopback": doubles.loopback,
        "litellm": lambda: doubles.litellm(folder),
        "aimock": lambda: doubles.aimock(folder),
    }
    with starts[request.param]() as started:
        yield started


def outcome(
    double: Double, *replies: Reply, key: str = KEY, request: Request | None = None
) -> tuple[Answer | Stop, int, list[Event]]:
    """What came of one question, the calls that it took, and what was told meanwhile."""
    double.script(*replies)
    before = double.asked()
    client = Client(double, key=key, seconds=SECONDS)
    try:
        came: Answer | Stop = client.one(request)
    except Stop as stop:
        came = stop
    return came, double.asked() - before, client.events


def answer(double: Double, *replies: Reply, **changes: object) -> Answer:
    came, *_ = outcome(double, *replies, request=asked(**changes))
    assert isinstance(came, Answer), came
    return came


def test_an_answer_that_fits_a_schema(double: Double) -> None:
    said = answer(double, GOOD)
    assert (said.text, said.stop, said.stop_detail) == (TEXT, "end", "")
    assert (said.model, said.by) == (doubles.MODEL, "anthropic")
    assert said.usage.output > 0
    assert min(said.usage.model_dump().values()) >= 0
    assert float(said.price) > 0
    assert bool(said.request_id) == (double.name == "loopback")


def test_a_long_text_without_a_schema(double: Double) -> None:
    text = "x = 'grün'\n" * 500
    assert answer(double, Reply(text=text), output_schema="", max_tokens=9000).text == text


def test_what_is_cut_off_or_empty_is_told_as_such(double: Double) -> None:
    said = answer(double, Reply(text='{"sco', stop_reason="max_tokens"))
    assert (said.text, said.stop) == ('{"sco', "cut off")
    assert answer(double, Reply(text="")).stop == "empty"


def test_a_refusal(double: Double) -> None:
    said = answer(double, Reply(stop_reason="refusal"))
    assert said.stop == ("empty" if double.name == "aimock" else "refused")


@pytest.mark.parametrize(
    ("status", "kind"), [(429, "rate_limit_error"), (500, "api_error"), (529, "overloaded_error")]
)
def test_a_failure_that_passes_is_asked_again(double: Double, status: int, kind: str) -> None:
    failure = Reply(status=status, message="not now", kind=kind)
    came, calls, events = outcome(double, failure, GOOD)
    assert isinstance(came, Answer), came
    assert (came.text, calls) == (TEXT, 2)
    assert [event.kind for event in events] == ["waiting"]


@pytest.mark.parametrize("name", ["response_format", "effort", "cache_control"])
def test_what_the_server_refuses_is_asked_for_another_way(double: Double, name: str) -> None:
    refusal = Reply(status=400, message=f"{name}: not supported here")
    came, calls, events = outcome(double, refusal, GOOD)
    assert isinstance(came, Answer), came
    assert (came.text.replace(" ", ""), came.stop, calls) == ('{"score":4}', "end", 2)
    assert [event.kind for event in events] == ["warned"]


def test_another_400_is_given_up_at_once(double: Double) -> None:
    came, calls, _ = outcome(double, Reply(status=400, message="too long for us"))
    assert isinstance(came, GaveUp)
    assert "too long for us" in came.message
    assert (came.billed, calls) == (False, 1)


def test_a_stream_that_ends_half_way(double: Double) -> None:
    half = Reply(text="abcdefghijklmnopqrst", fault="early end")
    came, calls, _ = outcome(double, half, Reply(text="whole"), request=asked(output_schema=""))
    assert isinstance(came, Answer), came
    expected = (half.text, "end", 1) if double.name == "litellm" else ("whole", "end", 2)
    assert (came.text, came.stop, calls) == expected


def test_a_model_that_it_does_not_know(double: Double) -> None:
    came, *_ = outcome(double, GOOD, request=asked(model="claude-nope"))
    expected = {"loopback": Missing, "litellm": GaveUp, "aimock": Answer}
    assert isinstance(came, expected[double.name]), came


def test_a_wrong_key_is_not_told(double: Double) -> None:
    came, *_ = outcome(double, GOOD, key="sk-wrong-0123456789")
    assert isinstance(came, GaveUp)
    assert "sk-wrong" not in str(came)
    assert not came.billed


def test_questions_put_together_are_each_answered(double: Double) -> None:
    double.script(GOOD)
    said = Client(double, seconds=SECONDS).together(6)
    assert [one.text for one in said if isinstance(one, Answer)] == [TEXT] * 6


def test_tokens_are_counted_or_not(double: Double) -> None:
    double.script(GOOD)
    counted = asyncio.run(Client(double).model.count(asked()))
    assert (counted == -1) == (double.name == "aimock")
    assert counted != 0
