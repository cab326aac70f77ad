"""What both clients share: where the service is, and how a call becomes a request."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import httpx

from checkout_client.http.calls import CheckoutCall
from checkout_client.http.retries import RetryPolicy
from checkout_client.http.tokens import AsyncToken, BearerTokens

DEFAULT_TIMEOUT = 10.0
"""Seconds of one attempt: for the connection, and for each wait for bytes."""
DEFAULT_RETRIES = RetryPolicy()
HEADERS = {"User-Agent": f"checkout-client/{version('checkout-client')}", "Accept": "application/json"}


class Exchange:
    """The address and the token of a service, and how often a call is sent."""

    def __init__(self, url: str, token: AsyncToken | None, retries: RetryPolicy, landing_cookie: str) -> None:
        self.url = url.rstrip("/")
        self.retries = retries
        self.landing_cookie = landing_cookie
        self._tokens = None if token is None else BearerTokens(token)

    def request(self, call: CheckoutCall[Any], headers: httpx.Headers) -> httpx.Request:
        """The request, with the headers of an HTTP client, and none of its cookies: a landing state that it kept
        would name another basket."""
        return httpx.Request(
            call.method,
            self.url + call.path,
            params=call.query or None,
            headers={**headers, **call.headers},
            content=call.content,
        )

    def auth(self, call: CheckoutCall[Any], default: httpx.Auth | None) -> httpx.Auth | None:
        """How the request is authorized. Without a token that is up to the HTTP client."""
        return (self._tokens or default) if call.needs_token else None
