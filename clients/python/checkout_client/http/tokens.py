"""The bearer token of a call, and a fresh one after a 401."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from http import HTTPStatus
from inspect import isawaitable

import httpx

Token = str | Callable[[], str]
"""A token, or what gives one."""
AsyncToken = Token | Callable[[], Awaitable[str]]


class BearerTokens(httpx.Auth):
    """Keeps the token that the provider gave until the service answers 401. Then it asks the provider once more and
    sends the request again, unless the token is the same. Calls at the same time share one question."""

    def __init__(self, provider: AsyncToken) -> None:
        self._provider = provider
        self._token = provider if isinstance(provider, str) else None
        self._lock = threading.Lock()
        self._async_lock = asyncio.Lock()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._token or self._renew(None)
        response = yield _authorized(request, token)
        if response.status_code == HTTPStatus.UNAUTHORIZED and (fresh := self._renew(token)) != token:
            yield _authorized(request, fresh)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        token = self._token or await self._renew_async(None)
        response = yield _authorized(request, token)
        if response.status_code == HTTPStatus.UNAUTHORIZED and (fresh := await self._renew_async(token)) != token:
            yield _authorized(request, fresh)

    def _renew(self, used: str | None) -> str:
        """A token that is not the used one, if there is one."""
        with self._lock:
            if self._token is None or self._token == used:
                given = self._provider if isinstance(self._provider, str) else self._provider()
                if not isinstance(given, str):
                    raise TypeError("the token provider of a synchronous client returns a string")
                self._token = given
            return self._token

    async def _renew_async(self, used: str | None) -> str:
        async with self._async_lock:
            if self._token is None or self._token == used:
                given = self._provider if isinstance(self._provider, str) else self._provider()
                self._token = await given if isawaitable(given) else given
            return self._token


def _authorized(request: httpx.Request, token: str) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token}"
    return request
