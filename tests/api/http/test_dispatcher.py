"""Several applications under one address."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.dispatcher import Dispatcher


class Said:
    """An application that says its name and the path that it saw."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.began = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            self.began = True
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await PlainTextResponse(f"{self.name} {scope['path']}")(scope, receive, send)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/partner/checkout/x", "partner /partner/checkout/x"),
        ("/operations", "operations /operations"),
        ("/operations/audit", "operations /operations/audit"),
        ("/operationsx", "partner /operationsx"),
        ("/console/", "console /console/"),
        ("/", "index /"),
        ("/x", "partner /x"),
    ],
)
async def test_each_path_is_answered_by_its_application(path: str, answer: str) -> None:
    applications: dict[str, ASGIApp] = {"/operations": Said("operations"), "/console": Said("console")}
    partner = Said("partner")
    transport = httpx.ASGITransport(Dispatcher(partner, applications, index=Said("index"), lifespan=partner))
    async with httpx.AsyncClient(transport=transport, base_url="http://checkout.test") as client:
        assert (await client.get(path)).text == answer


async def test_one_application_gets_the_events_of_start_and_stop() -> None:
    console, partner = Said("console"), Said("partner")
    told: list[str] = []

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        told.append(message["type"])

    dispatcher = Dispatcher(partner, {"/console": console}, index=Said("index"), lifespan=console)
    await dispatcher({"type": "lifespan"}, receive, send)
    assert (console.began, partner.began) == (True, False)
    assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_websocket_reaches_only_the_application_that_takes_them() -> None:
    reached: list[str] = []

    class Listening(Said):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            reached.append(self.name)

    console, partner = Listening("console"), Listening("partner")
    applications: dict[str, ASGIApp] = {"/console": console, "/operations": Listening("operations")}
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    for websockets in (console, None):
        dispatcher = Dispatcher(partner, applications, index=Said("index"), lifespan=partner, websockets=websockets)
        for path in ("/partner/checkout", "/operations/audit", "/", "/console/x"):
            await dispatcher({"type": "websocket", "path": path}, receive, send)
    assert reached == ["console"]
    assert sent == [{"type": "websocket.close"}] * 7
