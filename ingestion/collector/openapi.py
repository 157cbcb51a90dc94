"""The collector's doors as OpenAPI 3.1; events are described by their contracts."""

from functools import cache
from importlib.metadata import version
from typing import Any

import orjson

from ingestion.collector.body import MAX_BODY_BYTES, MAX_EVENTS
from ingestion.collector.enrich import DERIVED
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
    types = {name: _sendable(_plain(contract.event)) for name, contract in sorted(contracts.items())}
    event: Schema = {
        "oneOf": [_ref(name) for name in types],
        "discriminator": {
            "propertyName": "event_type",
            "mapping": {name: _ref(name)["$ref"] for name in types},
        },
    }
    batch: Schema = {"type": "array", "items": _ref("Event"), "minItems": 1, "maxItems": MAX_EVENTS}
    wrapped: Schema = {"type": "object", "properties": {"events": batch}, "required": ["events"]}
    wrapped["additionalProperties"] = False
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
                    "responses": {
                        "101": {"description": "The connection is a WebSocket now."},
                        "403": {"description": "The key, the origin or the rate is refused."},
                        "426": _answer("A plain request: ask for a WebSocket.", "Error", "Upgrade"),
                    },
                }
            },
            "/health": _get("The process lives.", "Health"),
            "/ready": _get("Kafka answers.", "Health", away=True),
            "/metrics": _get("Figures for Prometheus."),
        },
        "components": {
            "schemas": {**types, "Event": event, "Answer": ANSWER, "Error": ERROR, "Health": HEALTH},
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
                "required": ["index", "event_id", "reasons"],
                "properties": {
                    "index": {"type": "integer"},
                    "event_id": {},
                    "reasons": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                },
            },
        },
    },
}
ERROR: Schema = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
HEALTH: Schema = {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}}
RETRY = "Retry-After"
# Headers that tell a sender what to do, and their form.
HEADERS = {RETRY: {"type": "string", "pattern": "^[0-9]+$"}, "WWW-Authenticate": {}, "Upgrade": {}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _post(summary: str, schema: Schema) -> Schema:
    responses = {
        "202": _answer("Kafka has all of them.", "Answer"),
        "400": _answer(
            "Some were rejected, the others are accepted; or the body is no gzip.", "Answer", "Error"
        ),
        "401": _answer("The source's key is missing or wrong.", "Error", "WWW-Authenticate"),
        "413": _answer(f"More than {MAX_BODY_BYTES} bytes, unpacked.", "Error"),
        "415": _answer("Neither application/json nor text/plain, or packed other than by gzip.", "Error"),
        "429": _answer("Too many requests; Retry-After says how many seconds to wait.", "Error", RETRY),
        "503": _answer("Kafka is away; send the same events again later.", "Error", RETRY),
    }
    content = {"schema": schema}
    return {
        "summary": summary,
        "security": [{}, {"bearer": []}, {"header": []}, {"browser": []}],
        "requestBody": {"required": True, "content": {"application/json": content, "text/plain": content}},
        "responses": responses,
    }


def _get(summary: str, form: str | None = None, *, away: bool = False) -> Schema:
    responses = {"200": _answer(summary, form) if form else {"description": summary}}
    if away:
        responses["503"] = _answer("It does not.", "Error", RETRY)
    return {"get": {"summary": summary, "responses": responses}}


def _answer(text: str, *about: str) -> Schema:
    """A response of one of the forms that are named, with the headers that are."""
    forms = [_ref(name) for name in about if name not in HEADERS]
    schema = forms[0] if len(forms) == 1 else {"anyOf": forms}
    headers = {name: {"required": True, "schema": HEADERS[name]} for name in about if name in HEADERS}
    content = {"application/json": {"schema": schema}}
    return {"description": text, "content": content} | ({"headers": headers} if headers else {})


def _sendable(event: Schema) -> Schema:
    """The event without what the collector puts in the place of anything that is sent there."""
    fields = {name: field for name, field in event["properties"].items() if name != "received_at"}
    context = fields["context"]
    said = {name: field for name, field in context["properties"].items() if name not in DERIVED}
    return {**event, "properties": {**fields, "context": {**context, "properties": said}}}


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
