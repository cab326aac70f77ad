"""However requests and answers are lost, a call takes effect once."""

from __future__ import annotations

import sys
from typing import Literal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.settings import Settings
from checkout_client import CheckoutClient, RetryPolicy
from tests.api.service import Service, actions, add, order, wanted
from tests.clients.scripted_service import URL

Fault = Literal["refused", "answer lost", "busy", "none"]

FAULTS: st.SearchStrategy[list[Fault]] = st.lists(
    st.sampled_from(("refused", "answer lost", "busy", "none")), max_size=8
)


class LossyNetwork(httpx.AsyncBaseTransport):
    """Loses requests before the service sees them, or answers after it did the work; then it is calm."""

    def __init__(self, service: Service, faults: list[Fault]) -> None:
        self._service = httpx.ASGITransport(service.app, raise_app_exceptions=False)
        self._faults = iter(faults)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        fault = next(self._faults, "none")
        if fault == "refused":
            raise httpx.ConnectError("refused")
        if fault == "busy":
            return httpx.Response(503, headers={"Retry-After": "1"})
        response = await self._service.handle_async_request(request)
        await response.aread()
        if fault == "answer lost":
            raise httpx.ReadError("the connection broke")
        return response


async def journey(service: Service, faults: list[Fault]) -> list[str]:
    """The types of the events that four calls leave behind."""

    async def no_pause(seconds: float) -> None:
        """Time is no matter here."""

    http = httpx.AsyncClient(transport=LossyNetwork(service, faults))
    policy = RetryPolicy(attempts=len(faults) + 1, async_pause=no_pause, clock=lambda: 0.0, budget=1000.0)
    client = CheckoutClient(URL, service.token(), http=http, retries=policy)
    begun = await client.initiate(order(wanted("o-1")))
    await client.update(begun.id, actions(add("o-1"), add("o-2")))
    await client.update(begun.id, actions(add("o-1")))
    await client.validate(begun.id)
    return [type(event).__name__ for event in await service.checkout.history(begun.id)]


async def events_of_all(service: Service) -> int:
    """How many events all baskets have."""
    return len(await service.checkout.store.read(0, sys.maxsize))


@pytest.fixture(scope="module")
def shared_service(settings: Settings) -> Service:
    return Service(settings)


@given(faults=FAULTS)
async def test_a_lossy_network_leaves_the_same_events(shared_service: Service, faults: list[Fault]) -> None:
    before = await events_of_all(shared_service)
    left = await journey(shared_service, faults)
    assert left == [
        "BasketInitiated",
        "OrderItemAdded",
        "OrderItemQuantityChanged",
        "OrderItemAdded",
        "OrderItemQuantityChanged",
        "BasketValidated",
    ]
    assert await events_of_all(shared_service) == before + len(left)
