"""The partner API on adapters in memory, and a client of one organisation."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from adapters.settings import Settings
from checkout_client import CheckoutClient
from tests.api.service import Service, settings_in
from tests.builders import availability, offer, price
from tests.clients.scripted_service import URL


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder: Path = tmp_path_factory.mktemp("issuer")
    return settings_in(folder)


@pytest.fixture
async def service(settings: Settings) -> Service:
    """It knows two offers. Of `o-1` at most 8 may be ordered."""
    service = Service(settings)
    await service.checkout.record(
        offer("o-1", quantity={"max": 8}), price("o-1"), offer("o-2"), price("o-2", "5.00"), availability("SKU-1")
    )
    return service


@pytest.fixture
def client(service: Service) -> CheckoutClient:
    return client_of(service)


def client_of(service: Service, *, http: httpx.AsyncClient | None = None) -> CheckoutClient:
    """A client of the organisation `shop`. Every answer must be as the OpenAPI document says."""
    return CheckoutClient(URL, service.token(), http=http or http_client(service))


def http_client(service: Service) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, event_hooks={"response": [service.conformity]})
