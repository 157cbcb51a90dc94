"""WebSocket door: the same answers as over HTTP, one for each message."""

from contextlib import suppress

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from ingestion.collector import body
from ingestion.collector.door import Door

POLICY_VIOLATION, TOO_BIG = 1008, 1009


async def no_socket(request: Request) -> Response:
    """GET /v1/stream, without the wish for a WebSocket."""
    raise HTTPException(426, "This is a WebSocket: ask for an upgrade.", {"Upgrade": "websocket"})


async def stream(socket: WebSocket) -> None:
    """WebSocket /v1/stream: each text is an event or a batch and gets the answer that HTTP would give."""
    door: Door = socket.app.state.door
    try:
        sender, grant = door.admit(socket)
    except HTTPException as error:
        door.metrics.refused.labels(error.status_code).inc()
        await socket.close(POLICY_VIOLATION, error.detail[:120])
        return
    if not door.knows(socket.headers.get("origin")):
        await socket.close(POLICY_VIOLATION, "Pages of this origin may not send.")
        return
    await socket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text") or (message.get("bytes") or b"").decode("utf-8", "backslashreplace")
            if len(text.encode("utf-8", "surrogatepass")) > body.MAX_BODY_BYTES:
                await socket.close(TOO_BIG, "A message holds at most one mebibyte.")
                return
            try:
                door.admit(socket)
            except HTTPException as error:
                await socket.send_json({"error": error.detail})
                continue
            answer = await socket.app.state.reception.take(body.any_events(text), sender, grant)
            await socket.send_text(orjson.dumps(answer.body).decode())
