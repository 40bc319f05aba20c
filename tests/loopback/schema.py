"""The part of JSON Schema that structured outputs take."""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

KEYS = {
    *("type", "enum", "const", "anyOf", "allOf", "$ref", "$defs", "default", "required"),
    *("additionalProperties", "properties", "items", "description", "title", "format"),
    *("minItems", "pattern"),
}
FORMATS = {
    *("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
}
MOST_OPTIONAL = 24
MOST_UNIONS = 16


def complaint(schema: object) -> str:
    """What the API says against `schema`, "" when it accepts it."""
    if not isinstance(schema, dict):
        return "Input should be a valid dictionary"
    nodes = list(_nodes(schema))
    for node in nodes:
        wrong = _node(node)
        if wrong:
            return wrong
    if _recurses(schema):
        return "Recursive schemas are not supported"
    optional = sum(
        len(set(node.get("properties", {})) - set(node.get("required", []))) for node in nodes
    )
    unions = sum("anyOf" in node or isinstance(node.get("type"), list) for node in nodes)
    if optional > MOST_OPTIONAL or unions > MOST_UNIONS:
        return "Schema is too complex for compilation"
    return ""


def _nodes(schema: Schema) -> Iterator[Schema]:
    yield schema
    for name in ("properties", "$defs"):
        for child in schema.get(name, {}).values():
            yield from _nodes(child)
    for name in ("anyOf", "allOf"):
        for child in schema.get(name, []):
            yield from _nodes(child)
    if "items" in schema:
        yield from _nodes(schema["items"])


def _node(node: Schema) -> str:
    kind = node.get("type", "")
    for key in node:
        if key not in KEYS:
            return f"For '{kind}' type, property '{key}' is not supported"
    if kind == "object" and node.get("additionalProperties") is not False:
        return "For 'object' type, 'additionalProperties' must be explicitly set to false"
    if node.get("minItems", 0) not in (0, 1):
        return "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    if "format" in node and node["format"] not in FORMATS:
        return f"For 'string' type, format '{node['format']}' is not supported"
    if "$ref" in node and not node["$ref"].startswith("#/$defs/"):
        return "External $ref is not supported"
    return ""


def _recurses(schema: Schema) -> bool:
    defs = {f"#/$defs/{name}": child for name, child in schema.get("$defs", {}).items()}

    def reaches(node: Schema, above: tuple[str, ...]) -> bool:
        for child in _nodes(node):
            ref = child.get("$ref", "")
            if ref in above or (ref in defs and reaches(defs[ref], (*above, ref))):
                return True
        return False

    return reaches({**schema, "$defs": {}}, ())
