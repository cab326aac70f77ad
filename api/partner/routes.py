"""The partner API's routes. Each checks in one order: method, token, headers and path, body. Then a handler runs."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec
from pydantic import JsonValue
from starlette.types import Receive, Scope

from adapters.wire.headers import IdempotencyHeader, read_idempotency_key, read_preconditions
from adapters.wire.list_parameters import parse_list
from adapters.wire.prefer_header import Handling, read_handling
from adapters.wire.query_parameters import INCLUDED_FINDINGS, parse_include, require_no_parameters
from adapters.wire.request_errors import InvalidBasketId, MethodNotAllowed
from adapters.wire.request_parser import fingerprint, parse_body, parse_cancel, parse_initiate, parse_update
from adapters.wire.requests import RequestLimits
from adapters.wire.responses import render, render_list, render_order
from api.http.bearer_auth import identify
from api.http.headers import require_json
from api.http.middleware import Respond
from api.http.request_context import RequestContext, read_body
from api.partner.dependencies import PartnerApiDependencies
from api.partner.landing_cookie import LandingStateCookie
from domain.basket.commands import Caller, Initiated, Updated, ValidateBasket
from domain.ports.event_store import IdempotencyKey, RenderedResponse
from domain.shared.errors import CommandRejected
from domain.shared.values import BASKET_ID_PATTERN, normalize_id

LIST = "/partner/checkout"
INITIATE = "/partner/checkout/initiate"
UPDATE = "/partner/checkout/update"
VALIDATE = "/partner/checkout/validate/{id}"
CANCEL = "/partner/checkout/cancel/{id}"
ORDER = "/partner/checkout/{id}"

PARTNER_SCOPE = "partner"

_BASKET_ID = re.compile(BASKET_ID_PATTERN)


class PartnerRequest(msgspec.Struct):
    """A request of a known organisation. `path_id` is the end of a path that ends with a basket's id."""

    context: RequestContext
    caller: Caller
    scope: Scope
    receive: Receive
    path_id: str

    @property
    def headers(self) -> dict[str, str]:
        return self.context.headers

    def included(self, handling: Handling) -> tuple[str, ...]:
        """What the response shall include beside the order, as it is part of a fingerprint. Raises
        InvalidParameters."""
        return INCLUDED_FINDINGS if parse_include(self.scope["query_string"], handling) else ()

    def idempotency_key(
        self, header: IdempotencyHeader | None, route: str, content: JsonValue, *context: str
    ) -> IdempotencyKey | None:
        if header is None:
            return None
        digest = fingerprint(content, *context)
        return IdempotencyKey(f"{self.caller.partner}/{route}", header.key, digest, header.former_key)


Handle = Callable[[PartnerRequest], Awaitable[RenderedResponse]]


class PartnerRoute:
    """Responds to requests of one path. It refuses other methods, and callers without the scope."""

    def __init__(self, dependencies: PartnerApiDependencies, path: str, methods: Sequence[str], handle: Handle) -> None:
        self._dependencies = dependencies
        self._path = path
        self._methods = methods
        self._handle = handle

    async def __call__(self, path_id: str, context: RequestContext, scope: Scope, receive: Receive) -> RenderedResponse:
        context.route = self._path
        if scope["method"] not in self._methods:
            raise MethodNotAllowed(self._methods)
        identity = await identify(context.headers, self._dependencies.verifier)
        context.partner = identity.partner
        partner = identity.partner_with(PARTNER_SCOPE)
        caller = Caller(
            partner=partner,
            actor=identity.subject,
            correlation_id=context.correlation_id,
            causation_id=self._dependencies.new_id(),
            traceparent=context.traceparent,
        )
        return await self._handle(PartnerRequest(context, caller, scope, receive, path_id))


class PartnerRoutes:
    """Initiate, update, validate, cancel, the order as it is, and the list of baskets."""

    def __init__(self, dependencies: PartnerApiDependencies) -> None:
        self._dependencies = dependencies
        self._handlers = dependencies.handlers
        self._limits = RequestLimits.of(dependencies.settings)
        self._cookie = LandingStateCookie(dependencies.settings)
        self._fixed: dict[str, Respond] = {
            path: partial(self._route(path, methods, handle), "")
            for path, methods, handle in (
                (LIST, ("GET", "HEAD"), self.baskets),
                (INITIATE, ("POST",), self.initiate),
                (UPDATE, ("PUT",), self.update),
            )
        }
        self._by_id = {
            path.removesuffix("/{id}"): self._route(path, methods, handle)
            for path, methods, handle in (
                (VALIDATE, ("POST",), self.validate),
                (CANCEL, ("POST",), self.cancel),
                (ORDER, ("GET", "HEAD"), self.order),
            )
        }

    def _route(self, path: str, methods: Sequence[str], handle: Handle) -> PartnerRoute:
        return PartnerRoute(self._dependencies, path, methods, handle)

    def find(self, scope: Scope) -> Respond | None:
        """The route of a request's path; None if the path is none of the partner API's."""
        path: str = scope["path"]
        if (fixed := self._fixed.get(path)) is not None:
            return fixed
        parent, slash, path_id = path.rpartition("/")
        route = self._by_id.get(parent) if slash and path_id else None
        return None if route is None else partial(route, path_id)

    async def initiate(self, request: PartnerRequest) -> RenderedResponse:
        preconditions, header = read_preconditions(request.headers), read_idempotency_key(request.headers)
        handling = self._handling(request)
        included = request.included(handling)
        landing_basket_id = self._cookie.read(request.headers)
        content = await self._content(request)
        parsed = parse_initiate(
            content,
            self._limits,
            handling=handling,
            landing_basket_id=landing_basket_id,
            preconditions=preconditions,
            include_findings=bool(included),
        )
        # The cookie is no part of the fingerprint: a retry may bring the new one.
        key = request.idempotency_key(header, "initiate", content, *included)

        def render_initiated(outcome: Initiated | CommandRejected) -> RenderedResponse:
            if isinstance(outcome, CommandRejected):
                request.context.basket_id = None
                return render(outcome)
            request.context.basket_id = outcome.basket.id
            cookie = self._cookie.write(outcome.basket, self._dependencies.clock())
            return render(outcome, {"Set-Cookie": cookie}, parsed)

        try:
            return await self._handlers.initiate(parsed.command, request.caller, render_initiated, key)
        except CommandRejected:
            request.context.basket_id = None  # a basket whose append was refused never was
            raise

    async def update(self, request: PartnerRequest) -> RenderedResponse:
        headers = request.headers
        preconditions, header = read_preconditions(headers), read_idempotency_key(headers)
        handling = self._handling(request)
        included = request.included(handling)
        basket_id = self._cookie.require(headers)
        request.context.basket_id = basket_id
        content = await self._content(request)
        parsed = parse_update(
            content,
            self._limits,
            handling=handling,
            basket_id=basket_id,
            preconditions=preconditions,
            include_findings=bool(included),
        )
        key = request.idempotency_key(header, "update", content, basket_id, *included)

        def render_updated(outcome: Updated | CommandRejected) -> RenderedResponse:
            if isinstance(outcome, CommandRejected) or outcome.basket.idle_seconds is None:
                return render(outcome, parsed=parsed)
            # The update moved the basket's expiry, which the cookie's lifetime follows.
            cookie = self._cookie.write(outcome.basket, self._dependencies.clock())
            return render(outcome, {"Set-Cookie": cookie}, parsed)

        return await self._handlers.update(parsed.command, request.caller, render_updated, key)

    async def validate(self, request: PartnerRequest) -> RenderedResponse:
        preconditions, header = read_preconditions(request.headers), read_idempotency_key(request.headers)
        handling = self._handling(request)
        require_no_parameters(request.scope["query_string"], handling)
        basket_id = _path_id(request)
        key = request.idempotency_key(header, "validate", None, basket_id)
        command, answer = ValidateBasket(basket_id, preconditions), partial(render, headers=handling.headers())
        return await self._handlers.validate(command, request.caller, answer, key)

    async def cancel(self, request: PartnerRequest) -> RenderedResponse:
        preconditions, header = read_preconditions(request.headers), read_idempotency_key(request.headers)
        handling = self._handling(request)
        require_no_parameters(request.scope["query_string"], handling)
        basket_id = _path_id(request)
        content = await self._content(request)
        parsed = parse_cancel(
            content, self._limits, handling=handling, basket_id=basket_id, preconditions=preconditions
        )
        key = request.idempotency_key(header, "cancel", content, basket_id)
        return await self._handlers.cancel(parsed.command, request.caller, partial(render, parsed=parsed), key)

    async def baskets(self, request: PartnerRequest) -> RenderedResponse:
        asked = parse_list(request.scope["query_string"])
        wanted = asked.filter_for(request.caller.partner)
        return render_list(await self._dependencies.lister.page(wanted, asked.cursor, asked.limit))

    async def order(self, request: PartnerRequest) -> RenderedResponse:
        preconditions, handling = read_preconditions(request.headers), self._handling(request)
        included = request.included(handling)
        basket_id, partner = _path_id(request), request.caller.partner
        answer = partial(render_order, preconditions=preconditions, headers=handling.headers())
        if included:
            return answer(*await self._handlers.get_assessed(basket_id, partner))
        return answer(await self._handlers.get(basket_id, partner))

    def _handling(self, request: PartnerRequest) -> Handling:
        return read_handling(request.headers.get("prefer"), self._dependencies.settings.request_handling)

    async def _content(self, request: PartnerRequest) -> JsonValue:
        require_json(request.headers)
        limit = self._dependencies.settings.max_body_bytes
        return parse_body(await read_body(request.headers, request.receive, limit))


def _path_id(request: PartnerRequest) -> str:
    basket_id = request.path_id
    if _BASKET_ID.fullmatch(basket_id) is None:
        raise InvalidBasketId(f"a basket's id matches {BASKET_ID_PATTERN}")
    basket_id = normalize_id(basket_id)
    request.context.basket_id = basket_id
    return basket_id
