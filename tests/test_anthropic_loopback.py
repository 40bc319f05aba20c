"""The loopback server holds its clients to the Messages API's contract."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import anthropic
import pytest

from tests.loopback import LoopbackServer, Reply, in_turn, prompt_text, system_text

GOOD = in_turn(Reply(text="hello"))
OBJECT = {"type": "object", "properties": {}, "additionalProperties": False}


def body(**changes: Any) -> dict[str, Any]:
    plain = {
        "model": "claude-opus-5-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "hi"}],
    }
    return {**plain, **changes}


def post(url: str, sent: object, **headers: str) -> tuple[int, dict[str, Any]]:
    """Status and decoded body."""
    given = {"x_api_key": "k", "anthropic_version": "2026-10-21", **headers}
    named = {name.replace("_", "-"): value for name, value in given.items() if value}
    data = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    request = urllib.request.Request(url, data=data, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def with_schema(schema: object) -> dict[str, Any]:
    return body(output_config={"format": {"type": "json_schema", "schema": schema}})


def with_property(schema: object) -> dict[str, Any]:
    return with_schema({**OBJECT, "properties": {"p": schema}, "required": ["p"]})


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        (body(temperature=1.0), "temperature: Extra inputs are not permitted"),
        (body(top_k=1), "top_k: Extra inputs are not permitted"),
        (body(output_format={}), "output_format: Extra inputs are not permitted"),
        (body(max_tokens=200_000), "200000 > 128000"),
        (body(max_tokens=0), "greater than or equal to 1"),
        (body(messages=[]), "at least one message"),
        (
            body(messages=[{"role": "user", "content": [{"type": "text", "text": " "}]}]),
            "non-white",
        ),
        (body(thinking={"type": "enabled", "budget_tokens": 2000}), "enabled is not supported"),
        (body(thinking={"type": "adaptive", "budget_tokens": 2000}), "budget_tokens"),
        (body(thinking={"type": "disabled"}), "disabled is not supported"),
        (body(tool_choice={"type": "any"}, tools=[{}]), "forces tool use"),
        (body(tools=[{"name": "a b", "input_schema": OBJECT}]), "name"),
        (body(tools=[{"name": "emit", "input_schema": {}}]), "input_schema"),
        (body(output_config={"effort": "huge"}), "effort"),
        (body(output_config={"verbosity": 1}), "verbosity: Extra inputs"),
        (body(model="claude-haiku-4-5", output_config={"effort": "low"}), "effort"),
        (
            body(messages=[*body()["messages"], {"role": "assistant", "content": "{"}]),
            "prefill",
        ),
        (
            body(
                system=[
                    {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
                    for _ in range(5)
                ]
            ),
            "maximum of 4 blocks",
        ),
        (with_schema({"type": "object", "properties": {}}), "additionalProperties"),
        (with_schema({**OBJECT, "properties": {f"p{n}": OBJECT for n in range(25)}}), "complex"),
        (with_property({"type": "integer", "minimum": 1}), "'minimum' is not supported"),
        (with_property({"type": "string", "maxLength": 9}), "'maxLength' is not supported"),
        (with_property({"type": "string", "format": "path"}), "format 'path'"),
        (with_property({"type": "array", "items": OBJECT, "minItems": 2}), "minItems"),
        (with_property({"$ref": "https://example.com/x"}), "External"),
        (
            with_schema(
                {
                    **OBJECT,
                    "properties": {"p": {"$ref": "#/$defs/N"}},
                    "required": ["p"],
                    "$defs": {
                        "N": {
                            **OBJECT,
                            "properties": {"n": {"$ref": "#/$defs/N"}},
                            "required": ["n"],
                        }
                    },
                }
            ),
            "Recursive",
        ),
        (b"{", "not valid JSON"),
    ],
)
def test_what_the_api_refuses_is_refused(sent: object, complaint: str):
    with LoopbackServer(GOOD) as server:
        status, answer = post(f"{server.url}/v1/messages", sent)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert complaint in answer["error"]["message"]


@pytest.mark.parametrize(
    "sent",
    [
        body(),
        body(model="claude-haiku-5-5", thinking={"type": "disabled"}),
        body(tool_choice={"type": "auto"}, tools=[{"name": "emit", "input_schema": OBJECT}]),
        with_property({"anyOf": [{"type": "null"}, {"type": "string", "format": "date"}]}),
    ],
)
def test_what_the_api_accepts_is_answered(sent: dict[str, Any]):
    sent["messages"][0]["content"] = "hi"
    with LoopbackServer(in_turn(Reply(text="{}"))) as server:
        status, answer = post(f"{server.url}/v1/messages", sent)
    assert (status, answer["type"]) == (200, "message")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x_api_key": ""}, 401),
        ({"x_api_key": "wrong"}, 401),
        ({"x_api_key": "", "authorization": "Bearer right"}, 200),
        ({"x_api_key": "right"}, 200),
        ({"x_api_key": "right", "anthropic_version": ""}, 400),
    ],
)
def test_credentials_and_version_are_required(headers: dict[str, str], status: int):
    with LoopbackServer(GOOD, key="right") as server:
        assert post(f"{server.url}/v1/messages", body(), **headers)[0] == status


def test_the_older_version_still_takes_sampling():
    sent = body(temperature=0.5)
    with LoopbackServer(GOOD) as server:
        old = post(f"{server.url}/v1/messages", sent, anthropic_version="2023-06-01")
    assert old[0] == 200


def test_an_unknown_model_is_not_found_unless_it_was_declared():
    with LoopbackServer(GOOD, models=("qwen",)) as server:
        url = f"{server.url}/v1/messages"
        assert post(url, body(model="llama"))[0] == 404
        assert post(url, body(model="qwen"))[0] == 200


def test_the_sdk_reads_its_streams_models_and_counts():
    with (
        LoopbackServer(in_turn(Reply(text='{"a": "é"}' * 100))) as server,
        anthropic.Anthropic(api_key="k", base_url=server.url) as client,
    ):
        plain = {"max_tokens": 1000, "messages": body()["messages"], "model": "claude-opus-5-5"}
        with client.messages.stream(**plain) as stream:
            kinds = [event.type for event in stream]
            streamed = stream.get_final_message()
        whole = client.messages.create(**plain)
        counted = client.messages.count_tokens(messages=plain["messages"], model=plain["model"])
        listed = [model.id for model in client.models.list()]
        one = client.models.retrieve("claude-haiku-4-5")
    assert [block.type for block in streamed.content] == ["thinking", "text"]
    assert streamed.content[1].text == whole.content[1].text == '{"a": "é"}' * 100
    assert streamed.stop_reason == whole.stop_reason == "end_turn"
    assert streamed.usage.output_tokens == whole.usage.output_tokens > 200
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    assert counted.input_tokens > 0
    assert "claude-opus-5-5" in listed
    assert one.max_tokens == 64_000


def test_the_sdk_reads_its_tool_calls():
    tools = [{"name": "emit", "input_schema": OBJECT}]
    with (
        LoopbackServer(in_turn(Reply(text='{"score": 4}'))) as server,
        anthropic.Anthropic(api_key="k", base_url=server.url) as client,
        client.messages.stream(**body(tools=tools)) as stream,
    ):
        message = stream.get_final_message()
    assert message.stop_reason == "tool_use"
    assert message.content[-1].input == {"score": 4}


def test_a_script_sees_the_texts_of_the_request():
    def script(sent: dict[str, Any]) -> Reply:
        return Reply(text=f"{system_text(sent)}|{prompt_text(sent)}")

    blocks = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    sent = body(system="role", messages=[{"role": "user", "content": blocks}])
    with LoopbackServer(script) as server:
        _, answer = post(f"{server.url}/v1/messages", sent)
    assert answer["content"][-1]["text"] == "role|one\n\ntwo"


def test_a_failing_script_fails_the_test_that_wrote_it():
    def script(_sent: dict[str, Any]) -> Reply:
        raise LookupError("no reply for this one")

    with pytest.raises(LookupError, match="no reply"), LoopbackServer(script) as server:
        assert post(f"{server.url}/v1/messages", body())[0] == 400


def test_a_long_lived_entry_is_written_beside_a_short_lived_one():
    long = {"type": "text", "text": "a" * 4000, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    short = {"type": "text", "text": "b" * 4000, "cache_control": {"type": "ephemeral"}}
    tiny = {"type": "text", "text": "c" * 40}
    sent = body(messages=[{"role": "user", "content": [long, short, tiny]}])
    with LoopbackServer(GOOD) as server:
        first, second = (post(f"{server.url}/v1/messages", sent)[1]["usage"] for _ in range(2))
    assert first["cache_creation"] == {
        "ephemeral_5m_input_tokens": 1000,
        "ephemeral_1h_input_tokens": 1000,
    }
    assert (first["input_tokens"], first["cache_read_input_tokens"]) == (10, 0)
    assert (second["input_tokens"], second["cache_read_input_tokens"]) == (10, 2000)


def test_a_prefix_below_the_minimum_is_not_cached():
    small = {"type": "text", "text": "a" * 2000, "cache_control": {"type": "ephemeral"}}
    sent = body(messages=[{"role": "user", "content": [small]}])
    with LoopbackServer(GOOD) as server:
        usages = [post(f"{server.url}/v1/messages", sent)[1]["usage"] for _ in range(2)]
    assert [usage["cache_read_input_tokens"] for usage in usages] == [0, 0]
    assert usages[0]["cache_creation_input_tokens"] == 0


CLIENT = """
import signal
from anthropic import Anthropic
client = Anthropic(api_key="k", max_retries=0)
for turn in range(2):
    client.messages.create(
        model="claude-opus-5-5", max_tokens=9, messages=[{"role": "user", "content": str(turn)}]
    )
    print(turn, flush=True)
signal.pause()
"""


@pytest.mark.parametrize("moment", ["request", "sent"])
def test_a_process_can_be_killed_at_an_aimed_moment(moment: str):
    started: list[subprocess.Popen[str]] = []
    sent: list[int] = []

    def on_request(index: int, _body: dict[str, Any]) -> None:
        if (index, moment) == (1, "request"):
            os.kill(started[0].pid, signal.SIGKILL)
            started[0].wait()

    def on_sent(index: int) -> None:
        sent.append(index)
        if (index, moment) == (1, "sent"):
            os.kill(started[0].pid, signal.SIGKILL)

    server = LoopbackServer(GOOD, on_request=on_request, on_sent=on_sent)
    with server:
        environment = {**os.environ, "ANTHROPIC_BASE_URL": server.url}
        process = subprocess.Popen(
            [sys.executable, "-c", CLIENT], env=environment, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert printed == "0\n" or (moment, printed) == ("sent", "0\n1\n")
    assert server.count == 2
    assert prompt_text(server.requests[1].body) == "1"
    assert 0 in sent
