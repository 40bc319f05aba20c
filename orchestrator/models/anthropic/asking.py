"""A request as the Messages API wants it, and what each model was found to accept."""

import json

from anthropic import transform_schema

from orchestrator.artifacts.exchange import Request
from orchestrator.models.remembered import Rung, Traits

Body = dict[str, object]

TOOL = "emit"
MARKER = {"type": "ephemeral"}


def body(request: Request, traits: Traits, *, spelled: bool) -> Body:
    """The request's JSON. `spelled` says that the schema must also stand in the prompt."""
    rung = traits.rung if request.output_schema else "text"
    asked: Body = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "stream": True,
        "messages": [{"role": "user", "content": _content(request, traits)}],
    }
    system = _system(request, rung, spelled=spelled)
    if system:
        asked["system"] = [_block(system, marked=traits.markers)]
    config: Body = {"effort": request.effort} if traits.effort else {}
    if rung == "native":
        config["format"] = {"type": "json_schema", "schema": _schema(request)}
    if rung == "tool":
        asked["tools"] = [_tool(request)]
        asked["tool_choice"] = {"type": "auto"}
    if config:
        asked["output_config"] = config
    return asked


def lowered(traits: Traits, request: Request, *, complaint: str) -> Traits | None:
    """What to ask with after a 400 that said `complaint`; None when asking otherwise is no use."""

    def names(*words: str) -> bool:
        return any(word in complaint.lower() for word in words)

    native = bool(request.output_schema) and traits.rung == "native"
    tool = bool(request.output_schema) and traits.rung == "tool"
    if traits.effort and names("effort"):
        return traits.model_copy(update={"effort": False})
    if traits.markers and names("cache_control"):
        return traits.model_copy(update={"markers": False})
    if native and names("output_config", "format", "schema", "structured output"):
        return traits.model_copy(update={"rung": "tool"})
    if tool and names("tool", "schema", "function"):
        return traits.model_copy(update={"rung": "text"})
    if traits.effort and names("output_config"):
        return traits.model_copy(update={"effort": False})
    return None


def _content(request: Request, traits: Traits) -> list[Body]:
    """One text block per block that says something, the second-last one marked."""
    # The API refuses blocks without a visible character.
    said = [block for block in request.blocks if block.strip()]
    return [
        _block(text, marked=traits.markers and place == len(said) - 2)
        for place, text in enumerate(said)
    ]


def _block(text: str, *, marked: bool) -> Body:
    block: Body = {"type": "text", "text": _sendable(text)}
    return {**block, "cache_control": MARKER} if marked else block


def _system(request: Request, rung: Rung, *, spelled: bool) -> str:
    """The system prompt; it ends with the schema where nothing else may enforce it."""
    parts = [request.system.strip("\n")]
    if request.output_schema and rung == "tool":
        parts.append(f"Give your whole answer by calling the tool `{TOOL}` exactly once.")
        if spelled:
            parts.append(f"Its input fits this JSON Schema:\n{request.output_schema}")
    elif request.output_schema and (spelled or rung == "text"):
        parts.append(
            "Your answer is one JSON value that fits this JSON Schema, with nothing before or after"
            f" it:\n{request.output_schema}"
        )
    return "\n\n".join(part for part in parts if part.strip())


def _schema(request: Request) -> Body:
    return transform_schema(json.loads(request.output_schema))


def _tool(request: Request) -> Body:
    return {
        "name": TOOL,
        "description": "Takes your complete answer.",
        "input_schema": _schema(request),
    }


def _sendable(text: str) -> str:
    """Without lone surrogates, which have no bytes."""
    return text.encode("utf-8", "replace").decode("utf-8")
