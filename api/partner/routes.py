"""The partner API's routes. Each checks in one order: method, token, headers and path, body; then asks
the handlers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from adapters.wire.headers import IdempotencyHeader, read_idempotency_key, read_preconditions
from adapters.wire.idempotency import answer_once
from adapters.wire.request_errors import InvalidBasketId, MethodNotAllowed
from adapters.wire.request_parser import fingerprint, parse_initiate, parse_update
from adapters.wire.requests import RequestLimits
from adapters.wire.responses import (
    initiate_response,
    order_response,
    update_response,
    validate_response,
)
from api.http.bearer_auth import identify
from api.http.request_context import (
    RequestContext,
    read_body,
    request_context,
    require_json,
    send_response,
)
from api.partner.dependencies import PartnerApiDependencies
from api.partner.landing_cookie import LandingStateCookie
from domain.basket.commands import Caller, Initiated, ValidateBasket
from domain.ports.event_store import IdempotencyKey, RenderedResponse
from domain.shared.values import BASKET_ID_PATTERN, normalize_id

INITIATE = "/partner/checkout/initiate"
UPDATE = "/partner/checkout/update"
VALIDATE = "/partner/checkout/validate/{id}"
ORDER = "/partner/checkout/{id}"

PARTNER_SCOPE = "partner"

_BASKET_ID = re.compile(BASKET_ID_PATTERN)


@dataclass(slots=True)
class PartnerRequest:
    """A request of a known organisation."""

    exchange: RequestContext
    caller: Caller
    scope: Scope
    receive: Receive

    @property
    def headers(self) -> dict[str, str]:
        return self.exchange.headers

    def about(self, basket_id: str) -> None:
        """Says in the log which basket it is about."""
        self.exchange.basket_id = basket_id
        structlog.contextvars.bind_contextvars(basket=basket_id)


Handle = Callable[[PartnerRequest], Awaitable[RenderedResponse]]


class PartnerRoute:
    """An ASGI application for one path and method: refuses other methods and callers without the scope."""

    def __init__(
        self, parts: PartnerApiDependencies, path: str, methods: Sequence[str], handle: Handle
    ) -> None:
        self._parts = parts
        self._path = path
        self._methods = methods
        self._handle = handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = request_context(scope)
        exchange.route = self._path
        if scope["method"] not in self._methods:
            raise MethodNotAllowed(self._methods)
        identity = await identify(exchange.headers, self._parts.verifier)
        exchange.partner = identity.partner
        partner = identity.partner_with(PARTNER_SCOPE)
        structlog.contextvars.bind_contextvars(organisation=partner)
        caller = Caller(
            partner=partner,
            actor=identity.subject,
            correlation_id=exchange.correlation_id,
            causation_id=self._parts.new_id(),
            traceparent=exchange.traceparent,
        )
        await send_response(send, await self._handle(PartnerRequest(exchange, caller, scope, receive)))


class PartnerRoutes:
    """Initiate, update, validate, and the order as it is."""

    def __init__(self, parts: PartnerApiDependencies) -> None:
        self._parts = parts
        self._handlers = parts.handlers
        self._limits = RequestLimits.of(parts.settings)
        self._cookie = LandingStateCookie(parts.settings)

    def routes(self) -> list[Route]:
        """The fixed paths come first: they would match the one with an id too."""
        table: list[tuple[str, Sequence[str], Handle]] = [
            (INITIATE, ("POST",), self.initiate),
            (UPDATE, ("PUT",), self.update),
            (VALIDATE, ("POST",), self.validate),
            (ORDER, ("GET", "HEAD"), self.order),
        ]
        return [
            Route(path, PartnerRoute(self._parts, path, methods, handle)) for path, methods, handle in table
        ]

    async def initiate(self, request: PartnerRequest) -> RenderedResponse:
        headers = request.headers
        preconditions, key = read_preconditions(headers), read_idempotency_key(headers)
        landing_basket_id = self._cookie.read(headers)
        body = await self._body(request)
        command = parse_initiate(
            body, self._limits, landing_basket_id=landing_basket_id, preconditions=preconditions
        )
        # the cookie is no part of the fingerprint: a caller who tries again may have taken up the new one
        answer_key = _answer_key(request, key, "initiate", body)
        return await answer_once(
            self._parts.answers,
            answer_key,
            lambda remember: self._handlers.initiate(command, request.caller, remember),
            lambda initiated: self._initiated(request, initiated),
        )

    async def update(self, request: PartnerRequest) -> RenderedResponse:
        headers = request.headers
        preconditions, key = read_preconditions(headers), read_idempotency_key(headers)
        basket_id = self._cookie.require(headers)
        request.about(basket_id)
        body = await self._body(request)
        command = parse_update(body, self._limits, basket_id=basket_id, preconditions=preconditions)
        return await answer_once(
            self._parts.answers,
            _answer_key(request, key, "update", body, basket_id),
            lambda remember: self._handlers.update(command, request.caller, remember),
            update_response,
        )

    async def validate(self, request: PartnerRequest) -> RenderedResponse:
        headers = request.headers
        preconditions, key = read_preconditions(headers), read_idempotency_key(headers)
        basket_id = _path_id(request)
        command = ValidateBasket(basket_id, preconditions)
        return await answer_once(
            self._parts.answers,
            _answer_key(request, key, "validate", b"", basket_id),
            lambda remember: self._handlers.validate(command, request.caller, remember),
            validate_response,
        )

    async def order(self, request: PartnerRequest) -> RenderedResponse:
        preconditions = read_preconditions(request.headers)
        basket = await self._handlers.get(_path_id(request), request.caller.partner)
        return order_response(basket, preconditions)

    async def _body(self, request: PartnerRequest) -> bytes:
        require_json(request.headers)
        return await read_body(request.headers, request.receive, self._parts.settings.max_body_bytes)

    def _initiated(self, request: PartnerRequest, initiated: Initiated) -> RenderedResponse:
        request.about(initiated.basket.id)
        cookie = self._cookie.write(initiated.basket, self._parts.clock())
        return initiate_response(initiated, {"Set-Cookie": cookie})


def _path_id(request: PartnerRequest) -> str:
    basket_id: str = request.scope["path_params"]["id"]
    if _BASKET_ID.fullmatch(basket_id) is None:
        raise InvalidBasketId(f"a basket's id matches {BASKET_ID_PATTERN}")
    basket_id = normalize_id(basket_id)
    request.about(basket_id)
    return basket_id


def _answer_key(
    request: PartnerRequest, key: IdempotencyHeader | None, route: str, body: bytes, *context: str
) -> IdempotencyKey | None:
    if key is None:
        return None
    scope = f"{request.caller.partner}/{route}"
    return IdempotencyKey(scope, key.key, fingerprint(body, *context), key.former_key)
