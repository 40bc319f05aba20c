"""Values as the content of files."""

import json

from orchestrator.artifacts.values import Value


def encoded(value: Value) -> bytes:
    """JSON; a lone surrogate in a model's text stays what it was."""
    try:
        return value.model_dump_json(indent=1).encode()
    except ValueError:
        text = json.dumps(value.model_dump(mode="json"), ensure_ascii=False, indent=1)
        return text.encode("utf-8", "surrogatepass")


def decoded(content: bytes) -> object:
    """What `encoded` wrote, to be validated. Raises ValueError when it is no JSON."""
    return json.loads(content.decode("utf-8", "surrogatepass"))
