"""Bodies of the operator API are read as strictly as those of the partner API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from adapters.wire.request_errors import MalformedBody, RepeatedMemberName
from adapters.wire.request_parser import require_identity_encoding
from adapters.wire.strict_json import InvalidJson, RepeatedMember, read_json


class StrictJsonRoute(APIRoute):
    """A route whose body says one thing only. It raises RepeatedMemberName, MalformedBody and UnsupportedContentEncoding,
    which FastAPI wraps as the cause of a 400."""

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
