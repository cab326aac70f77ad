"""Who calls: the bearer token of a request."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.auth.tokens import Identity, TokenVerifier
from adapters.wire.request_errors import NotAuthenticated


async def identify(headers: Mapping[str, str], verifier: TokenVerifier) -> Identity:
    """Who the request's token speaks for; header names are in lower case. Raises NotAuthenticated without a
    good token, and KeysUnavailable where that cannot be known at present."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated("the header Authorization must bear a token", error=None)
    return await verifier.verify(token.strip())
