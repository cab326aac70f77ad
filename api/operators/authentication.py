"""Who calls the operator API."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.auth.tokens import Identity, TokenVerifier
from api.http.bearer_auth import identify
from api.http.request_context import request_context
from domain.operators.audit import Operator

OPERATOR_SCOPE = "operator"
_IDENTITY = "checkout.operator"

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="operatorToken",
    bearerFormat="JWT",
    description="A JWT signed with RS256, ES256 or EdDSA, with the scope `operator`.",
)
"""For the OpenAPI document only. OperatorAuth checks the token before the request reaches a route."""


class OperatorAuth:
    """Rejects every request without a valid operator's token before it reads anything else of it. Marks every response
    as not to be cached."""

    def __init__(self, app: ASGIApp, verifier: TokenVerifier) -> None:
        self._app = app
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_uncached(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"cache-control", b"no-store")]
            await send(message)

        identity = await identify(request_context(scope).headers, self._verifier)
        identity.require(OPERATOR_SCOPE)
        scope[_IDENTITY] = identity
        await self._app(scope, receive, send_uncached)


def record_route(request: Request) -> None:
    """Names the route and the basket for the request's log line."""
    context = request_context(request.scope)
    context.route = request.scope["route"].path
    context.basket_id = request.path_params.get("basket_id")


def _identity(request: Request) -> Identity:
    return cast("Identity", request.scope[_IDENTITY])


RequestIdentity = Annotated[Identity, Depends(_identity)]


def operator_from_token(identity: Identity, reason: str) -> Operator:
    return Operator(actor=identity.subject, way="api", reason=reason)
