"""The public keys that promises are signed with, as a JWK set. Anybody may read them, and caches may keep them."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.http.cacheable_document import CacheableDocument
from api.http.request_context import name_route

JWKS = "/.well-known/jwks.json"
NO_KEYS = b'{"keys":[]}'


def promise_key_routes(public_jwks: Callable[[], bytes], max_age: int) -> list[Route]:
    """`public_jwks` gives the document as it is now, `max_age` is in seconds. Without keys the document is an empty
    set, which caches must ask for again: the first key signs at once."""

    async def keys(request: Request) -> Response:
        name_route(request.scope, JWKS)
        document = public_jwks()
        control = "no-cache" if document == NO_KEYS else f"public, max-age={max_age}"
        return CacheableDocument(document, control).answer(request)

    return [Route(JWKS, keys, methods=["GET"])]
