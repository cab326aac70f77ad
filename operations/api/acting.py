"""Who calls the operator API, and why something is changed."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from pydantic import AfterValidator, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http.bearer import identify
from adapters.http.exchange import exchange_of
from adapters.identity.verifier import Identity, TokenVerifier
from domain.base import Value
from domain.errors import InvalidCommand
from domain.operating.actions import LONGEST_REASON, Operator, recordable_reason

OPERATOR_SCOPE = "operator"
_IDENTITY = "checkout.operator"

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="operatorToken",
    bearerFormat="JWT",
    description="A JWT signed with RS256, ES256 or EdDSA, with the scope `operator`.",
)
"""Only describes: OnlyOperators has looked at the token before anything else of the request."""


class OnlyOperators:
    """Refuses every call without a good operator's token before anything else of it is looked at, and lets
    no answer be kept on the way."""

    def __init__(self, app: ASGIApp, verifier: TokenVerifier) -> None:
        self._app = app
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_unkept(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"cache-control", b"no-store")]
            await send(message)

        identity = await identify(exchange_of(scope).headers, self._verifier)
        identity.require(OPERATOR_SCOPE)
        scope[_IDENTITY] = identity
        await self._app(scope, receive, send_unkept)


def named_route(request: Request) -> None:
    """Says in the log which route it is."""
    exchange = exchange_of(request.scope)
    exchange.route = request.scope["route"].path
    exchange.basket_id = request.path_params.get("basket_id")


def _identity(request: Request) -> Identity:
    return cast("Identity", request.scope[_IDENTITY])


Signed = Annotated[Identity, Depends(_identity)]


def _recordable(reason: str) -> str:
    try:
        return recordable_reason(reason)
    except InvalidCommand as error:
        raise ValueError(str(error)) from error


Reason = Annotated[str, Field(min_length=1, max_length=LONGEST_REASON), AfterValidator(_recordable)]


class Why(Value):
    """The body of a change."""

    reason: Reason
    """Why it is done; it is recorded with the action."""


def operator(identity: Identity, reason: str) -> Operator:
    return Operator(actor=identity.subject, way="api", reason=reason)
