"""What the Messages API refuses, as facts/anthropic-api.md states it for version 2026-10-21."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.loopback.schema import complaint

Body = dict[str, Any]

STRICT_VERSION = "2026-10-21"
SAMPLING = ("temperature", "top_p", "top_k")
FIELDS = {
    *("model", "max_tokens", "messages", "system", "stream", "tools", "tool_choice", "thinking"),
    *("output_config", "metadata", "stop_sequences", "service_tier", "cache_control", "speed"),
    *("diagnostics", "container", "inference_geo"),
}
EFFORTS = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True)
class Rules:
    """What one model accepts. `thinking` are the types it takes."""

    max_tokens: int = 128_000
    context: int = 1_000_000
    effort: bool = True
    forced_tool: bool = True
    prefill: bool = False
    thinking: tuple[str, ...] = ("adaptive",)
    cacheable: int = 512


MODELS: Mapping[str, Rules] = {
    "claude-fable-5-2": Rules(forced_tool=False),
    "claude-fable-5-1": Rules(forced_tool=False),
    "claude-opus-5-5": Rules(forced_tool=False),
    "claude-sonnet-5-5": Rules(forced_tool=False, thinking=("adaptive", "between_tools")),
    "claude-haiku-5-5": Rules(thinking=("adaptive", "disabled")),
    "claude-opus-5": Rules(thinking=("adaptive", "disabled")),
    "claude-sonnet-5": Rules(thinking=("adaptive", "disabled"), cacheable=1024),
    "claude-sonnet-4-5": Rules(
        max_tokens=64_000,
        context=200_000,
        effort=False,
        prefill=True,
        thinking=("enabled", "disabled"),
        cacheable=1024,
    ),
    "claude-haiku-4-5": Rules(
        max_tokens=64_000,
        context=200_000,
        effort=False,
        prefill=True,
        thinking=("enabled", "disabled"),
        cacheable=4096,
    ),
}


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def admit(headers: Mapping[str, str], *, key: str) -> None:
    """Raises Refused unless a credential (`key`, or any when it is "") and a version are given."""
    bearer = headers.get("authorization", "").removeprefix("Bearer ").strip()
    given = headers.get("x-api-key", "") or bearer
    if not given or (key and given != key):
        raise Refused(401, f"invalid x-api-key {given}" if given else "x-api-key is required")
    if not headers.get("anthropic-version"):
        raise Refused(400, "anthropic-version: header is required")


def check(body: Body, *, version: str, models: Mapping[str, Rules]) -> None:
    """Raises Refused with the complaint of the first rule that `body` breaks."""
    for field in ("model", "max_tokens", "messages"):
        if field not in body:
            raise Refused(400, f"{field}: Field required")
    unknown = [name for name in body if name not in FIELDS]
    if version < STRICT_VERSION:
        unknown = [name for name in unknown if name not in SAMPLING]
    if unknown:
        raise Refused(400, f"{unknown[0]}: Extra inputs are not permitted")
    rules = models.get(body["model"])
    if rules is None:
        raise Refused(404, f"model: {body['model']}")
    _limits(body, rules)
    _messages(body, rules)
    _tools(body, rules)
    _thinking(body, rules)
    _output_config(body, rules)


def check_count(body: Body, *, version: str, models: Mapping[str, Rules]) -> None:
    """As `check`, of a request whose tokens are to be counted."""
    for field in ("max_tokens", "stream"):
        if field in body:
            raise Refused(400, f"{field}: Extra inputs are not permitted")
    check({**body, "max_tokens": 1}, version=version, models=models)


def _limits(body: Body, rules: Rules) -> None:
    wanted = body["max_tokens"]
    if not isinstance(wanted, int) or wanted < 1:
        raise Refused(400, "max_tokens: Input should be greater than or equal to 1")
    if wanted > rules.max_tokens:
        raise Refused(
            400,
            f"max_tokens: {wanted} > {rules.max_tokens}, which is the maximum allowed number of"
            f" output tokens for {body['model']}",
        )


def _messages(body: Body, rules: Rules) -> None:
    messages = body["messages"]
    if not messages:
        raise Refused(400, "messages: at least one message is required")
    if messages[-1]["role"] == "assistant" and not rules.prefill:
        raise Refused(
            400,
            "This model does not support assistant message prefill. The conversation must end with"
            " a user message.",
        )
    contents = [body.get("system") or [], *(message["content"] for message in messages)]
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    for block in blocks:
        if block.get("type") == "text" and not block["text"].strip():
            raise Refused(400, "messages: text content blocks must contain non-whitespace text")
    marked = [block["cache_control"] for block in [*blocks, *body.get("tools", [])]
              if "cache_control" in block]  # fmt: skip
    if len(marked) > 4:
        raise Refused(
            400, f"A maximum of 4 blocks with cache_control may be provided. Found {len(marked)}."
        )
    for marker in marked:
        if marker.get("type") != "ephemeral" or marker.get("ttl", "5m") not in ("5m", "1h"):
            raise Refused(400, "cache_control: Input should be ephemeral, ttl 5m or 1h")


def _tools(body: Body, rules: Rules) -> None:
    choice = body.get("tool_choice", {}).get("type", "auto")
    if choice in ("any", "tool") and not rules.forced_tool:
        raise Refused(400, "tool_choice forces tool use is not compatible with this model")
    if choice != "auto" and not body.get("tools"):
        raise Refused(400, "tool_choice may only be specified while providing tools")
    for tool in body.get("tools", []):
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", tool.get("name", "")):
            raise Refused(400, "tools.0.name: String should match pattern")
        if tool.get("input_schema", {}).get("type") != "object":
            raise Refused(400, "tools.0.input_schema.type: Input should be 'object'")


def _thinking(body: Body, rules: Rules) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    if thinking.get("type") not in rules.thinking:
        raise Refused(400, f"thinking.type: {thinking.get('type')} is not supported on this model")
    if "budget_tokens" in thinking and thinking["type"] != "enabled":
        raise Refused(400, "thinking.budget_tokens: Extra inputs are not permitted")


def _output_config(body: Body, rules: Rules) -> None:
    config = body.get("output_config", {})
    for name in config:
        if name not in ("effort", "format"):
            raise Refused(400, f"output_config.{name}: Extra inputs are not permitted")
    if "effort" in config and not rules.effort:
        raise Refused(400, "output_config.effort: This model does not support effort")
    if config.get("effort", "high") not in EFFORTS:
        raise Refused(400, "output_config.effort: Input should be low, medium, high, xhigh or max")
    if "format" in config:
        if config["format"].get("type") != "json_schema":
            raise Refused(400, "output_config.format.type: Input should be 'json_schema'")
        wrong = complaint(config["format"].get("schema"))
        if wrong:
            raise Refused(400, f"output_config.format.schema: {wrong}")
