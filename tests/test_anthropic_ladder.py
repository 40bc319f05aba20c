"""How the live model asks when a server does not take the request as it is."""

import json

import pytest

from orchestrator.errors import GaveUp
from orchestrator.events import Warned
from tests.loopback import LoopbackServer, Reply, Script, prompt_text, system_text
from tests.loopback.client import SCHEMA, Client, asked

GOOD = '{"score": 4}'


def refusing(**complaints: str) -> Script:
    """Answers only what has none of the named fields; each has its own complaint."""

    def script(body: dict) -> Reply:
        config = body.get("output_config", {})
        marked = "cache_control" in json.dumps(body)
        sent = {*body, *config, *(["cache_control"] if marked else [])}
        for name, complaint in complaints.items():
            if name in sent:
                return Reply(status=400, message=complaint)
        return Reply(text=GOOD)

    return script


def fields(server: LoopbackServer) -> list[list[str]]:
    watched = ("output_config", "tools")
    return [[name for name in watched if name in one.body] for one in server.requests]


def test_a_refused_format_is_asked_for_through_a_tool_and_that_is_kept():
    script = refusing(format="output_config.format: Extra inputs are not permitted")
    with LoopbackServer(script) as server:
        client = Client(server)
        answers = client.ask(asked(), asked(turn=2))
    assert [answer.text for answer in answers] == [GOOD, GOOD]
    assert [answer.stop for answer in answers] == ["end", "end"]
    assert ["tools" in one.body for one in server.requests] == [False, True, True]
    tool = server.requests[1].body
    assert (tool["tools"][0]["name"], tool["tool_choice"]) == ("emit", {"type": "auto"})
    assert "`emit`" in system_text(tool)
    assert [event.kind for event in client.events] == ["warned"]


def test_where_tools_are_refused_too_the_schema_stands_in_the_prompt():
    script = refusing(format="json_schema is not supported", tools="tools are not supported")
    with LoopbackServer(script) as server:
        answer = Client(server).one()
    assert answer.text == GOOD
    last = server.requests[-1].body
    assert server.count == 3
    assert "tools" not in last
    assert SCHEMA in system_text(last)
    assert "output_config" in last


def test_a_refused_effort_is_left_out_and_the_format_stays():
    script = refusing(effort="output_config.effort: This model does not support effort")
    with LoopbackServer(script) as server:
        Client(server).ask(asked(), asked(turn=2))
    assert [sorted(one.body["output_config"]) for one in server.requests] == [
        ["effort", "format"],
        ["format"],
        ["format"],
    ]


def test_a_server_that_knows_no_output_config_gets_none():
    script = refusing(output_config="output_config: Extra inputs are not permitted")
    with LoopbackServer(script) as server:
        answer = Client(server).one()
    assert answer.text == GOOD
    assert fields(server) == [["output_config"], ["output_config", "tools"], ["tools"]]


def test_refused_cache_markers_are_left_out():
    script = refusing(cache_control="cache_control: Extra inputs are not permitted")
    with LoopbackServer(script) as server:
        Client(server).one()
    assert "cache_control" not in json.dumps(server.requests[-1].body)
    assert fields(server) == [["output_config"], ["output_config"]]


def test_what_one_model_refused_is_still_asked_of_another():
    def script(body: dict) -> Reply:
        picky = body["model"] == "claude-opus-5-5" and "format" in body["output_config"]
        return Reply(status=400, message="no schema here") if picky else Reply(text=GOOD)

    with LoopbackServer(script) as server:
        Client(server).ask(asked(), asked(model="claude-sonnet-5-5"))
    assert ["tools" in one.body for one in server.requests] == [False, True, False]


def test_a_tool_that_was_not_called_leaves_the_text():
    def script(body: dict) -> Reply:
        if "tools" not in body:
            return Reply(status=400, message="format: unknown")
        return Reply(text=f"Sure:\n```json\n{GOOD}\n```", tool=False)

    with LoopbackServer(script) as server:
        answer = Client(server).one()
    assert answer.text == f"Sure:\n```json\n{GOOD}\n```"
    assert answer.stop == "end"


def test_a_tool_called_in_a_whole_message_is_read_as_json():
    def script(body: dict) -> Reply:
        return (
            Reply(text=GOOD, fault="whole")
            if "tools" in body
            else Reply(status=422, message="response_format")
        )

    with LoopbackServer(script) as server:
        assert json.loads(Client(server).one().text) == {"score": 4}


def test_elsewhere_than_at_anthropic_the_schema_always_stands_in_the_prompt():
    with LoopbackServer(lambda _body: Reply(text="prose, not JSON")) as server:
        answer = Client(server).one()
    body = server.requests[0].body
    assert SCHEMA in system_text(body)
    assert SCHEMA not in prompt_text(body)
    assert body["output_config"]["format"]["type"] == "json_schema"
    assert answer.text == "prose, not JSON"


def test_a_schema_that_the_server_cannot_compile_goes_through_the_tool():
    wide = {
        "type": "object",
        "properties": {f"p{n}": {"type": "string"} for n in range(30)},
    }
    with LoopbackServer(lambda _body: Reply(text="{}")) as server:
        answer = Client(server).one(asked(output_schema=json.dumps(wide)))
    assert answer.text == "{}"
    assert fields(server) == [["output_config"], ["output_config", "tools"]]


def test_another_400_is_given_up_at_once_with_the_servers_words():
    script = refusing(messages="messages.0: this prompt is too long for us")
    with LoopbackServer(script) as server, pytest.raises(GaveUp, match="too long for us"):
        Client(server).one()
    assert server.count == 1


def test_a_server_that_refuses_every_way_is_given_up():
    script = refusing(messages="bad schema, effort, format, tool, cache_control")
    with LoopbackServer(script) as server:
        client = Client(server)
        with pytest.raises(GaveUp, match="bad schema"):
            client.one()
    assert server.count == 5
    assert all(isinstance(event, Warned) for event in client.events)


def test_too_many_tokens_for_the_model_is_told_with_the_limit():
    with (
        LoopbackServer(refusing()) as server,
        pytest.raises(GaveUp, match="128000, which is the maximum"),
    ):
        Client(server).one(asked(max_tokens=200_000))
    assert server.count == 1
