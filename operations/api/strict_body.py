"""Bodies of the operator API are read as strictly as those of the partner API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from adapters.contract.parsing import require_identity
from adapters.contract.refusals import MalformedBody, RepeatedName
from adapters.contract.strict_json import InvalidJson, RepeatedMember, read_json


class StrictRoute(APIRoute):
    """A route whose body says one thing only. It raises RepeatedName, MalformedBody and UnsupportedContentEncoding,
    which FastAPI wraps as the cause of a 400."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly


class _StrictRequest(Request):
    async def json(self) -> Any:
        require_identity(self.headers.get("content-encoding"))
        try:
            return read_json(await self.body())
        except RepeatedMember as error:
            raise RepeatedName(("body", *error.location)) from error
        except InvalidJson as error:
            raise MalformedBody("the body is no JSON") from error
