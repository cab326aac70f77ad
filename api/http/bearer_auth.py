"""Identifies a caller by the request's bearer token."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.auth.tokens import Identity, TokenVerifier
from adapters.wire.request_errors import NotAuthenticated


async def identify(headers: Mapping[str, str], verifier: TokenVerifier) -> Identity:
    """Header names are in lower case. Raises NotAuthenticated without a good token, and KeysUnavailable while no
    token can be verified."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated("the header Authorization must bear a token", error=None)
    return await verifier.verify(token.strip())
