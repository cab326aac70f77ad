"""A service that answers as a test says, and a clock that only pauses advance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from checkout_client import CheckoutClient, RetryPolicy, SyncCheckoutClient

URL = "http://checkout.test"
BASKET = "basket-0198b2c4-5d7e-7abc-8def-0123456789ab"

Reaction = httpx.Response | Exception


def answer(status: int = 200, body: object = None, **headers: str) -> httpx.Response:
    """`retry_after` is Retry-After. Without a body it is a basket's id."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"id": BASKET} if body is None else body, headers=named)


def problem(status: int, code: str, members: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
    """A problem document."""
    document = {"type": f"urn:{code}", "title": "A title", "status": status, "detail": "In words.", "code": code}
    return answer(status, {**document, **(members or {})}, content_type="application/problem+json", **headers)


@dataclass
class ScriptedService:
    """Reacts in this order, and then with the last reaction again and again. `sent` are the requests that came."""

    reactions: Sequence[Reaction]
    now: float = 0.0
    sent: list[httpx.Request] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.policy = RetryPolicy(clock=lambda: self.now, pause=self._pause, async_pause=self._async_pause)

    @property
    def keys(self) -> list[str | None]:
        return [request.headers.get("Idempotency-Key") for request in self.sent]

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._react)

    def client(self, token: Any = "t-1", **options: Any) -> CheckoutClient:
        given = {"http": httpx.AsyncClient(transport=self.transport), "retries": self.policy, **options}
        return CheckoutClient(URL, token, **given)

    def sync_client(self, token: Any = "t-1", **options: Any) -> SyncCheckoutClient:
        given = {"http": httpx.Client(transport=self.transport), "retries": self.policy, **options}
        return SyncCheckoutClient(URL, token, **given)

    def _react(self, request: httpx.Request) -> httpx.Response:
        # A copy: the request is changed where it is sent again with another token.
        self.sent.append(httpx.Request(request.method, request.url, headers=request.headers, content=request.content))
        self.times.append(self.now)
        reaction = self.reactions[min(len(self.sent), len(self.reactions)) - 1]
        if isinstance(reaction, Exception):
            raise reaction
        return httpx.Response(reaction.status_code, content=reaction.content, headers=reaction.headers)

    def _pause(self, seconds: float) -> None:
        self.now += seconds

    async def _async_pause(self, seconds: float) -> None:
        self.now += seconds
