"""The collector's doors as OpenAPI 3.1; events are described by their contracts."""

from functools import cache
from importlib.metadata import version
from typing import Any

import orjson

from ingestion.collector.body import MAX_BODY_BYTES
from ingestion.contract import catalogue

Schema = dict[str, Any]
# What contracts say beside JSON Schema.
OURS = {"$schema", "$id", "owner", "unit", "pii"}


@cache
def description() -> bytes:
    """The document, made once."""
    return orjson.dumps(document())


def document() -> Schema:
    """Paths, answers, and a schema for each event type."""
    contracts = catalogue().contracts
    types = {name: _plain(contract.event) for name, contract in sorted(contracts.items())}
    event: Schema = {
        "oneOf": [_ref(name) for name in types],
        "discriminator": {
            "propertyName": "event_type",
            "mapping": {name: _ref(name)["$ref"] for name in types},
        },
    }
    batch: Schema = {"type": "array", "items": _ref("Event"), "minItems": 1}
    wrapped = {"type": "object", "properties": {"events": batch}, "required": ["events"]}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Customer Lakehouse collector", "version": version("customer-lakehouse")},
        "paths": {
            "/track-event": {"post": _post("Sends one event.", _ref("Event"))},
            "/v1/events": {"post": _post("Sends several events.", {"oneOf": [batch, wrapped]})},
            "/v1/stream": {
                "get": {
                    "summary": "WebSocket: each text message is one event or a batch; one answer for each.",
                    "parameters": [
                        {
                            "name": "key",
                            "in": "query",
                            "schema": {"type": "string"},
                            "description": "Browser key.",
                        }
                    ],
                    "responses": {"101": {"description": "The connection is a WebSocket now."}},
                }
            },
            "/health": _get("The process lives."),
            "/ready": _get("Kafka answers.", away=True),
            "/metrics": _get("Figures for Prometheus."),
        },
        "components": {
            "schemas": {**types, "Event": event, "Answer": ANSWER, "Error": ERROR},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-Source-Key"},
                "browser": {"type": "apiKey", "in": "query", "name": "key"},
            },
        },
    }


ANSWER: Schema = {
    "type": "object",
    "required": ["accepted", "rejected"],
    "properties": {
        "accepted": {"type": "integer"},
        "rejected": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "event_id": {},
                    "reasons": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
}
ERROR: Schema = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _post(summary: str, schema: Schema) -> Schema:
    answers = {
        "202": ("Kafka has all of them.", "Answer"),
        "400": ("Some were rejected, the others are accepted.", "Answer"),
        "401": ("The source's key is missing or wrong.", "Error"),
        "413": (f"More than {MAX_BODY_BYTES} bytes, unpacked.", "Error"),
        "415": ("Neither application/json nor text/plain, or packed other than by gzip.", "Error"),
        "429": ("Too many requests; Retry-After says how many seconds to wait.", "Error"),
        "503": ("Kafka is away; send the same events again later.", "Error"),
    }
    content = {"schema": schema}
    return {
        "summary": summary,
        "security": [{}, {"bearer": []}, {"header": []}, {"browser": []}],
        "requestBody": {"required": True, "content": {"application/json": content, "text/plain": content}},
        "responses": {
            status: {"description": text, "content": {"application/json": {"schema": _ref(name)}}}
            for status, (text, name) in answers.items()
        },
    }


def _get(summary: str, *, away: bool = False) -> Schema:
    responses = {"200": {"description": summary}}
    if away:
        responses["503"] = {"description": "It does not."}
    return {"get": {"summary": summary, "responses": responses}}


def _plain(schema: Any) -> Any:
    """A contract without our own words; names of fields stay, whatever they are."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    said = {word: value for word, value in schema.items() if word not in OURS and not word.startswith("x-")}
    fields = {name: _plain(field) for name, field in schema.get("properties", {}).items()}
    plain = {word: value if word in ("enum", "required") else _plain(value) for word, value in said.items()}
    return {**plain, "properties": fields} if "properties" in schema else plain
