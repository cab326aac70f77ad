"""The partner API on adapters in memory, and its callers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from adapters.auth.local_issuer import issue_token
from adapters.auth.tokens import token_verifier
from adapters.settings import Settings
from api.http.request_metrics import RequestMetrics
from api.partner.app import PartnerApi
from api.partner.dependencies import PartnerApiDependencies
from api.partner.promise_keys import NO_KEYS
from domain.validation.handlers import CheckoutHandlers
from tests.api.partner.conformity import Conformity
from tests.builders import InMemoryCheckout

LIST = "/partner/checkout"
INITIATE = "/partner/checkout/initiate"
UPDATE = "/partner/checkout/update"
SHOP, RIVAL = "shop", "rival"
COOKIE = "landing_state"


async def always_ready() -> bool:
    return True


def order_path(basket_id: str) -> str:
    return f"/partner/checkout/{basket_id}"


def validate_path(basket_id: str) -> str:
    return f"/partner/checkout/validate/{basket_id}"


def wanted(offer: str = "o-1", quantity: int = 1, **values: Any) -> dict[str, Any]:
    """An item of a request."""
    return {"offer": {"id": offer, "version": "v-1"}, "quantity": quantity, **values}


def order(*items: dict[str, Any], **details: Any) -> dict[str, Any]:
    """The body of an initiate."""
    return {"order": {"orderItems": list(items), **details}}


def actions(*given: object) -> dict[str, Any]:
    """The body of an update."""
    return {"orderItemActions": list(given)}


def add(offer: str = "o-1", quantity: int = 1, **values: Any) -> dict[str, Any]:
    return {"orderItemActionType": "add", **wanted(offer, quantity, **values)}


def remove(id: str) -> dict[str, Any]:
    return {"orderItemActionType": "remove", "id": id}


def change(id: str, quantity: int) -> dict[str, Any]:
    return {"orderItemActionType": "change_quantity", "id": id, "quantity": quantity}


def swap(id: str, offer: str, version: str = "v-1", **values: Any) -> dict[str, Any]:
    return {"orderItemActionType": "swap", "id": id, "offer": {"id": offer, "version": version}, **values}


def clear() -> dict[str, Any]:
    return {"orderItemActionType": "clear"}


def update_details(**details: Any) -> dict[str, Any]:
    return {"orderItemActionType": "update_details", "order": details}


def expect_price(id: str, amount: str, currency: str = "GBP") -> dict[str, Any]:
    return {"orderItemActionType": "expect_price", "id": id, "expectedPrice": {"amount": amount, "currency": currency}}


def cookie_header(basket_id: str) -> dict[str, str]:
    return {"cookie": f"{COOKIE}={quote(json.dumps({'basketId': basket_id}))}"}


@dataclass
class Service:
    """One application. `ready` and `handlers` may be set before the first call."""

    settings: Settings
    checkout: InMemoryCheckout = field(default_factory=InMemoryCheckout)
    ready: Callable[[], Awaitable[bool]] = always_ready
    handlers: CheckoutHandlers | None = None
    requests: RequestMetrics = field(default_factory=RequestMetrics)
    public_jwks: Callable[[], bytes] = lambda: NO_KEYS

    def __post_init__(self) -> None:
        self.app = PartnerApi(
            PartnerApiDependencies(
                settings=self.settings,
                handlers=self.handlers or self.checkout.handlers.real,
                lister=self.checkout.lister,
                verifier=token_verifier(self.settings),
                new_id=self.checkout.ids,
                is_ready=self.ready,
                clock=self.checkout.clock,
                requests=self.requests,
                public_jwks=self.public_jwks,
            )
        )
        self.conformity = Conformity(self.app.openapi())

    def token(self, partner: str = SHOP, scope: str = "partner") -> str:
        return issue_token(self.settings, partner=partner, scope=scope, ttl=timedelta(minutes=5))

    def caller(self, partner: str = SHOP) -> ApiCaller:
        return ApiCaller(self, f"Bearer {self.token(partner)}")

    def stranger(self) -> ApiCaller:
        return ApiCaller(self, None)


class ApiCaller:
    """A partner's gateway. It sends a token, and only the cookies that a test gives it."""

    def __init__(self, service: Service, authorization: str | None) -> None:
        self.service = service
        headers = {} if authorization is None else {"authorization": authorization}
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(service.app, raise_app_exceptions=False),
            base_url="http://checkout.test",
            headers=headers,
            event_hooks={"response": [service.conformity]},
        )

    async def send(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        self.http.cookies.clear()
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        return await self.http.request(method, path, content=content, headers=headers or {})

    async def initiate(self, body: object, **headers: str) -> httpx.Response:
        return await self.send("POST", INITIATE, body, _named(headers))

    async def update(self, basket_id: str | None, body: object, **headers: str) -> httpx.Response:
        cookie = {} if basket_id is None else cookie_header(basket_id)
        return await self.send("PUT", UPDATE, body, {**cookie, **_named(headers)})

    async def validate(self, basket_id: str, **headers: str) -> httpx.Response:
        return await self.send("POST", validate_path(basket_id), None, _named(headers))

    async def order(self, basket_id: str, **headers: str) -> httpx.Response:
        return await self.send("GET", order_path(basket_id), None, _named(headers))

    async def baskets(self, **query: str) -> httpx.Response:
        """The list of baskets by these parameters."""
        return await self.send("GET", f"{LIST}?{urlencode(query)}" if query else LIST)

    async def begin(self, *items: dict[str, Any], **details: Any) -> str:
        """A new basket's id."""
        answer = await self.initiate(order(*items, **details))
        assert answer.status_code == 200, answer.text
        basket_id: str = answer.json()["id"]
        return basket_id

    async def items(self, basket_id: str) -> list[dict[str, Any]]:
        answer = await self.order(basket_id)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["order"]["orderItems"]
        return found


def _named(headers: dict[str, str]) -> dict[str, str]:
    """`if_match` is If-Match."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


class GivenSettings(Settings):
    """Settings without the environment and files."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def settings_in(folder: Path, **values: Any) -> Settings:
    """The defaults with the given settings, and a new issuer key."""
    return GivenSettings(local_issuer_key_file=folder / "issuer.pem", **values)


def problem(response: httpx.Response) -> tuple[int, str]:
    """The status and code of a problem."""
    document = response.json()
    assert "code" in document, f"this is no problem: {response.status_code} {response.text}"
    return response.status_code, document["code"]


def errors(response: httpx.Response) -> list[tuple[str, str]]:
    """The pointers and codes of a problem."""
    return [(error["pointer"], error["code"]) for error in response.json()["errors"]]
