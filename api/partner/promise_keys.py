"""The public keys that promises are signed with, as a JWK set. Anybody may read them, and caches may keep them."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.http.request_context import NOT_MODIFIED, name_route

JWKS = "/.well-known/jwks.json"
NO_KEYS = b'{"keys":[]}'


def promise_key_routes(public_jwks: Callable[[], bytes], max_age: int) -> list[Route]:
    """`public_jwks` gives the document as it is now, `max_age` is in seconds. Without keys the document is an empty
    set, which caches must ask for again: the first key signs at once."""

    async def keys(request: Request) -> Response:
        name_route(request.scope, JWKS)
        document = public_jwks()
        entity_tag = f'"{urlsafe_b64encode(sha256(document).digest()[:18]).decode()}"'
        control = "no-cache" if document == NO_KEYS else f"public, max-age={max_age}"
        headers = {"Cache-Control": control, "ETag": entity_tag}
        if _matches(request.headers.get("if-none-match", ""), entity_tag):
            return Response(status_code=NOT_MODIFIED, headers=headers)
        return Response(document, media_type="application/json", headers=headers)

    return [Route(JWKS, keys, methods=["GET"])]


def _matches(header: str, entity_tag: str) -> bool:
    """Weakly, as RFC 9110 13.1.2 has it. What is no entity tag matches nothing."""
    if header.strip() == "*":
        return True
    return any(tag.strip().removeprefix("W/") == entity_tag for tag in header.split(","))
