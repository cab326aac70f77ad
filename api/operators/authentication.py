"""Who calls the operator API, and why something is changed."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from pydantic import AfterValidator, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.auth.tokens import Identity, TokenVerifier
from api.http.bearer_auth import identify
from api.http.request_context import request_context
from domain.operators.audit import MAX_REASON_LENGTH, Operator, validate_reason
from domain.shared.errors import InvalidCommand
from domain.shared.eventsourcing import Value

OPERATOR_SCOPE = "operator"
_IDENTITY = "checkout.operator"

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="operatorToken",
    bearerFormat="JWT",
    description="A JWT signed with RS256, ES256 or EdDSA, with the scope `operator`.",
)
"""Only describes: OperatorAuth has looked at the token before anything else of the request."""


class OperatorAuth:
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

        identity = await identify(request_context(scope).headers, self._verifier)
        identity.require(OPERATOR_SCOPE)
        scope[_IDENTITY] = identity
        await self._app(scope, receive, send_unkept)


def record_route(request: Request) -> None:
    """Says in the log which route it is."""
    exchange = request_context(request.scope)
    exchange.route = request.scope["route"].path
    exchange.basket_id = request.path_params.get("basket_id")


def _identity(request: Request) -> Identity:
    return cast("Identity", request.scope[_IDENTITY])


RequestIdentity = Annotated[Identity, Depends(_identity)]


def _recordable(reason: str) -> str:
    try:
        return validate_reason(reason)
    except InvalidCommand as error:
        raise ValueError(str(error)) from error


Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON_LENGTH), AfterValidator(_recordable)]


class ReasonBody(Value):
    """The body of a change."""

    reason: Reason
    """Why it is done; it is recorded with the action."""


def operator_from_token(identity: Identity, reason: str) -> Operator:
    return Operator(actor=identity.subject, way="api", reason=reason)
