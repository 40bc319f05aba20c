"""What the live model makes of the answers it gets."""

import asyncio
import json
from datetime import datetime
from decimal import Decimal

import pytest

from orchestrator.artifacts.exchange import UNMEASURED, Usage
from orchestrator.models.prices import price
from tests.loopback import Fault, LoopbackServer, Reply, in_turn, prompt_text, system_text
from tests.loopback.client import KEY, Client, asked

GOOD = Reply(text='{"score": 4}')


def test_the_request_goes_out_in_blocks_with_two_breakpoints_and_the_schema():
    with LoopbackServer(in_turn(GOOD), key=KEY) as server:
        Client(server).one()
    body, headers = server.requests[0].body, server.requests[0].headers
    content = body["messages"][0]["content"]
    assert [block["text"][:9] for block in content] == ["the proje", "the miles", "attempt 1"]
    assert ["cache_control" in block for block in content] == [False, True, False]
    assert body["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert body["output_config"]["effort"] == "high"
    assert body["output_config"]["format"]["schema"]["additionalProperties"] is False
    assert body["stream"] is True
    assert "thinking" not in body
    assert headers["authorization"] == f"Bearer {KEY}"


def test_an_answer_carries_what_the_ledger_keeps():
    with LoopbackServer(in_turn(GOOD)) as server:
        answer = Client(server).one()
    assert (answer.text, answer.stop, answer.stop_detail) == ('{"score": 4}', "end", "")
    assert (answer.model, answer.by) == ("claude-opus-5-5", "anthropic")
    assert answer.request_id == "req_000000"
    assert datetime.fromisoformat(answer.at).utcoffset().total_seconds() == 0
    assert answer.duration_ms >= 0
    assert answer.usage.output == 3
    assert answer.usage.cache_write_5m > 512
    assert Decimal(answer.price) > 0


def test_a_long_answer_arrives_whole_and_without_the_thinking():
    text = "x = 'grün'\n" * 500
    with LoopbackServer(in_turn(Reply(text=text))) as server:
        answer = Client(server).one(asked(output_schema="", max_tokens=64_000))
    assert answer.text == text
    assert "format" not in server.requests[0].body["output_config"]


def test_a_second_request_reads_the_prefix_it_shares_from_the_cache():
    with LoopbackServer(in_turn(GOOD)) as server:
        first, second, other = Client(server).ask(
            asked(),
            asked(blocks=(*asked().blocks[:2], "attempt 2")),
            asked(effort="low"),
        )
    assert first.usage.cache_read == 0
    assert second.usage.cache_read == first.usage.cache_write_5m > 0
    assert second.usage.cache_write_5m == 0
    assert Decimal(second.price) < Decimal(first.price)
    assert other.usage.cache_read == 0


def test_one_model_serves_two_event_loops_and_calls_at_the_same_time():
    with LoopbackServer(in_turn(GOOD)) as server:
        client = Client(server)

        async def together() -> list[str]:
            calls = [client.model.complete(asked(turn=turn)) for turn in range(4)]
            answers = await asyncio.gather(*calls)
            await client.model.close()
            return [answer.text for answer in answers]

        texts = asyncio.run(together()) + asyncio.run(together())
    assert texts == ['{"score": 4}'] * 8
    assert server.count == 8


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
def test_a_cut_off_answer_keeps_what_came(reason: str):
    with LoopbackServer(in_turn(Reply(text='{"sco', stop_reason=reason))) as server:
        answer = Client(server).one()
    assert (answer.text, answer.stop, answer.stop_detail) == ('{"sco', "cut off", reason)


def test_the_server_cuts_off_at_max_tokens():
    with LoopbackServer(in_turn(Reply(text="word " * 100))) as server:
        answer = Client(server).one(asked(max_tokens=10))
    assert (len(answer.text), answer.stop) == (40, "cut off")


def test_a_refusal_is_an_answer_with_its_reason():
    refusal = Reply(stop_reason="refusal", category="cyber", explanation="Looks like malware.")
    with LoopbackServer(in_turn(refusal)) as server:
        answer = Client(server).one()
    assert (answer.stop, answer.stop_detail) == ("refused", "cyber: Looks like malware.")
    assert answer.usage.cache_write_5m > 0
    assert server.count == 1


def test_a_refusal_without_details_is_still_a_refusal():
    with LoopbackServer(in_turn(Reply(stop_reason="refusal"))) as server:
        answer = Client(server).one()
    assert (answer.stop, answer.stop_detail) == ("refused", "")


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_answer_without_a_word_is_empty(text: str):
    with LoopbackServer(in_turn(Reply(text=text))) as server:
        answer = Client(server).one()
    assert (answer.stop, answer.stop_detail) == ("empty", "end_turn")


def test_an_unknown_stop_reason_counts_as_an_end():
    with LoopbackServer(in_turn(Reply(text="4", stop_reason="stop"))) as server:
        assert Client(server).one().stop == "end"


def test_a_message_in_plain_json_is_an_answer_too():
    with LoopbackServer(in_turn(Reply(text='{"score": 4}', fault="whole"))) as server:
        answer = Client(server).one()
    assert (answer.text, answer.stop) == ('{"score": 4}', "end")
    assert answer.usage.output == 3


@pytest.mark.parametrize("fault", ["drop late", "no end"])
def test_an_answer_that_is_complete_is_kept_however_the_response_ends(fault: Fault):
    with LoopbackServer(in_turn(Reply(text='{"score": 4}', fault=fault))) as server:
        answer = Client(server).one()
    assert (answer.text, answer.stop) == ('{"score": 4}', "end")
    assert server.count == 1


def test_a_server_may_leave_out_usage_and_the_request_id():
    bare = Reply(
        text="4",
        request_id=False,
        usage=tuple(
            (name, None)
            for name in (
                "input_tokens",
                "output_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
                "cache_creation",
            )
        ),
    )
    with LoopbackServer(in_turn(bare)) as server:
        answer = Client(server).one()
    assert answer.usage == Usage(
        input=0, output=0, cache_read=0, cache_write_5m=0, cache_write_1h=0
    )
    assert (answer.price, answer.request_id) == ("", "")


def test_cache_writes_without_a_split_count_as_short_lived():
    reply = Reply(text="4", usage=(("cache_creation", None), ("cache_creation_input_tokens", 700)))
    with LoopbackServer(in_turn(reply)) as server:
        usage = Client(server).one().usage
    assert (usage.cache_write_5m, usage.cache_write_1h) == (700, 0)


def test_the_answering_model_is_named_and_its_unknown_price_is_no_price():
    with LoopbackServer(in_turn(Reply(text="4", model="qwen3-coder"))) as server:
        answer = Client(server).one()
    assert (answer.model, answer.price) == ("qwen3-coder", "")


def test_an_old_model_does_not_fail_over_a_deprecation_warning():
    with LoopbackServer(in_turn(GOOD)) as server:
        answer = Client(server).one(asked(model="claude-sonnet-4-5"))
    assert answer.model == "claude-sonnet-4-5"


def test_blocks_that_say_nothing_and_broken_characters_do_not_reach_the_server():
    with LoopbackServer(in_turn(GOOD)) as server:
        Client(server).one(asked(system="", blocks=("one", " ", "two \udcff")))
    body = server.requests[0].body
    assert prompt_text(body) == "one\n\ntwo ?"
    assert "cache_control" in body["messages"][0]["content"][0]
    assert "JSON Schema" in system_text(body)


def test_a_key_is_not_needed_at_an_endpoint_of_ones_own():
    with LoopbackServer(in_turn(GOOD)) as server:
        answer = Client(server, key="", path="/v1/").one()
    assert json.loads(answer.text) == {"score": 4}


def test_the_price_counts_each_kind_of_token_once():
    usage = Usage(input=500, output=100, cache_read=200, cache_write_5m=200, cache_write_1h=100)
    assert Decimal(price("claude-opus-5-5", usage)) == Decimal("0.00584")


def test_what_is_not_known_has_no_price():
    nothing = Usage(input=0, output=0, cache_read=0, cache_write_5m=0, cache_write_1h=0)
    some = nothing.model_copy(update={"input": 10})
    assert price("claude-opus-5-5", UNMEASURED) == ""
    assert price("claude-opus-5-5", nothing) == ""
    assert price("llama-4", some) == ""
    assert price("claude-haiku-5-5", some) == "0.000001"
