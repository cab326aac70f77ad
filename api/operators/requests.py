"""What requests to the operator API may hold. Bodies are read as strictly as those of the partner API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Path, Request, Response
from fastapi.routing import APIRoute
from pydantic import AfterValidator, Field, StringConstraints

from adapters.wire.request_errors import MalformedBody, RepeatedMemberName
from adapters.wire.request_parser import require_identity_encoding
from adapters.wire.strict_json import InvalidJson, RepeatedMember, read_json
from domain.operators.audit import MAX_REASON_LENGTH, validate_reason
from domain.shared.errors import InvalidCommand
from domain.shared.eventsourcing import Value
from domain.shared.values import BASKET_ID_PATTERN, PRINTABLE

Term = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=PRINTABLE)]
"""A search term: 1 to 512 characters, none of them a control character."""

_BASKET = "basket-019aa0f5-8f5e-7d3c-b0a4-3d1f6f0c2a11"
BasketPath = Annotated[str, Path(alias="basketId", pattern=BASKET_ID_PATTERN, examples=[_BASKET])]


def _storable(reason: str) -> str:
    try:
        return validate_reason(reason)
    except InvalidCommand as error:
        raise ValueError(str(error)) from error


Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON_LENGTH), AfterValidator(_storable)]


class ReasonBody(Value):
    """The body of a change."""

    reason: Reason
    """Why. It is recorded in the audit log."""


class StrictJsonRoute(APIRoute):
    """A route whose body must be unambiguous JSON. Otherwise RepeatedMemberName, MalformedBody or
    UnsupportedContentEncoding is raised; FastAPI wraps it as the cause of a 400."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly


class _StrictRequest(Request):
    async def json(self) -> Any:
        require_identity_encoding(self.headers.get("content-encoding"))
        try:
            return read_json(await self.body())
        except RepeatedMember as error:
            raise RepeatedMemberName(("body", *error.location)) from error
        except InvalidJson as error:
            raise MalformedBody("the body is no JSON") from error
