"""A gateway of partner organisations that costs almost nothing, so that benchmarks measure the service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from benchmarks.http_connection import HttpConnection
from benchmarks.journey.catalogue import CURRENCY, VERSION
from benchmarks.journey.records import GroceryBasket, offer_id
from benchmarks.journey.target import TargetService

T = TypeVar("T")


class UnexpectedAnswer(Exception):
    """The API did not answer 200."""


class SocketGateway:
    """Calls the API over kept connections, as many as there are concurrent calls; each organisation has its token."""

    def __init__(self, service: TargetService) -> None:
        url = urlsplit(service.url)
        self._host, self._port = url.hostname or "127.0.0.1", url.port or 80
        self._service = service
        self._tokens: dict[str, str] = {}
        self._idle: list[HttpConnection] = []

    async def __aenter__(self) -> SocketGateway:
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._idle:
            connection.close()

    async def initiate(self, basket: GroceryBasket, currency: str = CURRENCY) -> str:
        """The id of the service's basket; the same for the same basket."""
        items = [
            {"offer": {"id": offer_id(line.product), "version": VERSION}, "quantity": line.quantity}
            for line in basket.lines
        ]
        order = {
            "orderItems": items,
            "external_id": str(basket.id),
            "country": "US",
            "currency": currency,
            "source": "benchmark",
            "order_type": "new",
        }
        answer = await self.call(basket.partner, "POST", "/partner/checkout/initiate", body={"order": order})
        id: str = json.loads(answer)["id"]
        return id

    async def get(self, partner: str, id: str) -> bytes:
        return await self.call(partner, "GET", f"/partner/checkout/{id}")

    async def validate(self, partner: str, id: str) -> bytes:
        return await self.call(partner, "POST", f"/partner/checkout/validate/{id}")

    async def add(self, partner: str, id: str, product: int) -> None:
        """Adds one of a product that has a line, so that the basket does not grow."""
        offer = {"id": offer_id(product), "version": VERSION}
        action = {"orderItemActionType": "add", "offer": offer, "quantity": 1, "type": "offer"}
        landing = "Cookie: landing_state=" + quote(json.dumps({"basketId": id}))
        body = {"orderItemActions": [action]}
        await self.call(partner, "PUT", "/partner/checkout/update", landing, body=body)

    async def call(self, partner: str, method: str, path: str, *headers: str, body: Any = None) -> bytes:
        """The body of the answer. Raises UnexpectedAnswer."""
        if partner not in self._tokens:
            self._tokens[partner] = self._service.token(partner)
        content = b"" if body is None else json.dumps(body).encode()
        head = [
            f"{method} {path} HTTP/1.1",
            "Host: benchmark",
            f"Authorization: Bearer {self._tokens[partner]}",
            f"Content-Length: {len(content)}",
            *(("Content-Type: application/json",) if content else ()),
            *headers,
        ]
        request = "\r\n".join([*head, "", ""]).encode() + content
        while True:
            kept = bool(self._idle)
            connection = self._idle.pop() if kept else await HttpConnection.open(self._host, self._port)
            try:
                answer = await connection.request(request)
                break
            except ConnectionError:
                # The server may have closed an idle connection; then it did not see the call.
                if not kept:
                    raise
        self._idle.append(connection)
        if answer.status != 200:
            raise UnexpectedAnswer(f"{method} {path}: {answer.status} {answer.body[:500].decode()}")
        return answer.body


async def run_concurrently(
    callers: int, items: Iterable[T], handle: Callable[[T], Awaitable[object]], stop: asyncio.Event
) -> bool:
    """Handles each item once, with so many callers, until all are done (True) or `stop` is set. The first error stops all
    callers and is raised."""
    waiting = iter(items)

    async def keep_calling() -> None:
        for item in waiting:
            if stop.is_set():
                return
            await handle(item)

    tasks = [asyncio.create_task(keep_calling()) for _ in range(callers)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return not stop.is_set()
