"""Partner organisations' gateways: callers that play baskets over HTTP at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar

import httpx

from benchmarks.journey.catalogue import CURRENCY, VERSION
from benchmarks.journey.records import GroceryBasket, offer_id
from benchmarks.journey.target import TargetService

COUNTRY = "US"
TIMEOUT = 30.0

T = TypeVar("T")


class UnexpectedAnswer(Exception):
    """An answer that no gateway could go on with."""


class Gateways:
    """Calls the API, each organisation with its own token."""

    def __init__(self, service: TargetService, client: httpx.AsyncClient) -> None:
        self._service = service
        self._client = client
        self._tokens: dict[str, str] = {}

    async def initiate(self, basket: GroceryBasket) -> str:
        """The id of the service's basket; the same again for the same basket."""
        answer = await self._call(basket.partner, "POST", "/partner/checkout/initiate", initiate_body(basket))
        id: str = answer["id"]
        return id

    async def validate(self, partner: str, id: str) -> dict[str, Any]:
        return await self._call(partner, "POST", f"/partner/checkout/validate/{id}")

    async def get(self, partner: str, id: str) -> dict[str, Any]:
        return await self._call(partner, "GET", f"/partner/checkout/{id}")

    async def _call(self, partner: str, method: str, path: str, body: object = None) -> dict[str, Any]:
        if partner not in self._tokens:
            self._tokens[partner] = self._service.token(partner)
        headers = {"Authorization": f"Bearer {self._tokens[partner]}"}
        answer = await self._client.request(method, path, json=body, headers=headers)
        if answer.status_code != 200:
            raise UnexpectedAnswer(f"{method} {path} for {partner}: {answer.status_code} {answer.text[:500]}")
        document: dict[str, Any] = answer.json()
        return document


@asynccontextmanager
async def gateways(service: TargetService, callers: int) -> AsyncIterator[Gateways]:
    # The landing state cookie would say that all baskets are one.
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    limits = httpx.Limits(max_connections=callers, max_keepalive_connections=callers)
    async with httpx.AsyncClient(
        base_url=service.url, cookies=no_cookies, timeout=TIMEOUT, limits=limits
    ) as client:
        yield Gateways(service, client)


def initiate_body(basket: GroceryBasket) -> dict[str, Any]:
    return {
        "order": {
            "orderItems": [
                {"offer": {"id": offer_id(line.product), "version": VERSION}, "quantity": line.quantity}
                for line in basket.lines
            ],
            "external_id": str(basket.id),
            "country": COUNTRY,
            "currency": CURRENCY,
            "source": "benchmark",
            "order_type": "new",
        }
    }


async def run_concurrently(
    callers: int, work: Iterable[T], do: Callable[[T], Awaitable[None]], stop: asyncio.Event
) -> bool:
    """Does the work with so many callers, each piece once, until all is done (True) or `stop` is set. The
    first failure ends it and is raised as it is."""
    pieces: Iterator[T] = iter(work)

    async def keep_calling() -> None:
        for piece in pieces:
            if stop.is_set():
                return
            await do(piece)

    tasks = [asyncio.create_task(keep_calling()) for _ in range(callers)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return not stop.is_set()
