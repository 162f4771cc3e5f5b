"""Bodies that fit an operation's schema, made from the OpenAPI document; names with a format of their own are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
GIVEN = {
    "date-time": "2026-03-02T15:00:00Z",
    "date": "2026-03-02",
    "distributor": "DI-1",
    "email": "eve@example.net",
    "claim_code_sha256": "00" * 32,
    "administrator": "PE-1",
    "board": "simulated",
    "board_uid": "00000000000000ff",
    "first": "8c:1f:64:aa:b0:00",
    "mac": "8c:1f:64:aa:b0:00",
    "csr": "MAA=",
    "station": "bench-1",
    "challenge": "A" * 43 + "=",
    "key_ids": ["0" * 16],
    "bench": None,
    "refused": [],
    "sha256": "0" * 64,
    "self_test": [{"test": "flash", "result": "passed", "value": 0}],
    "window": ["02:00", "05:00"],
}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation object of everything in the document."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def body_of(document: dict[str, Any], operation: dict[str, Any], given: dict[str, Any]) -> Any:
    """A body with every property of the operation's schema; None where it takes none. `given` wins, by name."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    return None if schema is None else _example(document, schema, "", {**GIVEN, **given})


def _example(document: dict[str, Any], schema: dict[str, Any], name: str, given: dict[str, Any]) -> Any:
    if name in given:
        return given[name]
    if "$ref" in schema:
        return _example(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], name, given)
    if "anyOf" in schema:
        return _example(document, schema["anyOf"][0], name, given)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {key: _example(document, each, key, given) for key, each in schema.get("properties", {}).items()}
        case "array":
            return [_example(document, schema["items"], name.removesuffix("s"), given)]
        case "integer":
            return int(schema.get("minimum", 1))
        case "boolean":
            return False
    return given.get(schema.get("format", ""), "x" if "pattern" not in schema else "")
