"""Who calls: the bearer token of a request."""

from __future__ import annotations

from adapters.contract.refusals import NotAuthenticated
from adapters.identity.verifier import Identity, TokenVerifier

PARTNER_SCOPE = "partner"


async def identify(headers: dict[str, str], verifier: TokenVerifier) -> Identity:
    """Who the request's token speaks for; raises NotAuthenticated without a good token."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated("the header Authorization must bear a token", error=None)
    return await verifier.verify(token.strip())
