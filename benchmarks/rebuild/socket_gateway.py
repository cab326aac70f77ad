"""A gateway that costs next to nothing, so that what is measured is the service."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote, urlsplit

from benchmarks.journey.catalogue import VERSION
from benchmarks.journey.gateways import initiate_body
from benchmarks.journey.records import GroceryBasket, offer_id
from benchmarks.journey.target import TargetService

LINE_END = b"\r\n"


class CallFailed(Exception):
    """Any answer but 200."""


class SocketGateway:
    """Calls over kept-alive connections; as many as wait at a time."""

    def __init__(self, service: TargetService) -> None:
        url = urlsplit(service.url)
        self._host, self._port = url.hostname or "127.0.0.1", url.port or 80
        self._service = service
        self._tokens: dict[str, str] = {}
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def initiate(self, basket: GroceryBasket) -> str:
        """The id of the service's basket."""
        answer = await self._call(
            basket.partner, "POST", "/partner/checkout/initiate", body=initiate_body(basket)
        )
        id: str = json.loads(answer)["id"]
        return id

    async def get(self, partner: str, id: str) -> None:
        await self._call(partner, "GET", f"/partner/checkout/{id}")

    async def validate(self, partner: str, id: str) -> None:
        await self._call(partner, "POST", f"/partner/checkout/validate/{id}")

    async def add(self, partner: str, id: str, product: int) -> None:
        """One more of a product. Its line is there already, so that baskets do not grow."""
        action = {
            "orderItemActionType": "add",
            "offer": {"id": offer_id(product), "version": VERSION},
            "quantity": 1,
            "type": "offer",
        }
        landing = "Cookie: landing_state=" + quote(json.dumps({"basketId": id}))
        await self._call(
            partner, "PUT", "/partner/checkout/update", landing, body={"orderItemActions": [action]}
        )

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()

    async def _call(self, partner: str, method: str, path: str, *headers: str, body: Any = None) -> bytes:
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
            reader, writer = (
                self._idle.pop() if kept else await asyncio.open_connection(self._host, self._port)
            )
            writer.write(request)
            try:
                answer = await reader.readuntil(LINE_END * 2)
                break
            except (asyncio.IncompleteReadError, ConnectionError):
                # A server may close a connection that it kept, and then has not seen the call.
                if not kept:
                    raise
        lines = answer.split(LINE_END)
        length = next(int(line[15:]) for line in lines if line.lower().startswith(b"content-length:"))
        received = await reader.readexactly(length)
        self._idle.append((reader, writer))
        if b" 200 " not in lines[0] + b" ":
            raise CallFailed(f"{method} {path}: {lines[0].decode()} {received[:200].decode()}")
        return received
