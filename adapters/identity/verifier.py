"""Checks bearer tokens and says who they speak for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt
from cachetools import TLRUCache
from pydantic import TypeAdapter, ValidationError

from adapters.contract.refusals import NotAllowed, NotAuthenticated
from adapters.identity.keys import VerificationKeys, from_file, from_url
from adapters.identity.local_issuer import local_keys
from adapters.settings import Settings
from domain.values import PartnerOrganisation

ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
LONGEST_TOKEN = 16 * 1024
_LATEST = 2**53
_ORGANISATION: TypeAdapter[str] = TypeAdapter(PartnerOrganisation)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token speaks for. `partner` is None where it names no valid organisation; `expires_at` is in
    seconds since 1970."""

    subject: str
    partner: str | None
    scopes: frozenset[str]
    expires_at: float

    def require(self, scope: str) -> None:
        """Raises NotAllowed unless the token has the scope."""
        if scope not in self.scopes:
            raise NotAllowed(f"the token lacks the scope {scope}", scope)

    def partner_with(self, scope: str) -> str:
        """The organisation; raises NotAllowed unless the token has the scope and names one."""
        self.require(scope)
        if self.partner is None:
            raise NotAllowed("the token names no partner organisation", scope)
        return self.partner


class TokenVerifier:
    """Verifies each token once and remembers it, by its digest, until it expires."""

    def __init__(
        self,
        keys: VerificationKeys,
        *,
        issuer: str,
        audience: str,
        partner_claim: str = "partner_org",
        leeway: float = 5.0,
        cache_size: int = 10_000,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._partner_claim = partner_claim
        self._leeway = leeway
        self._now = now
        self._verified: TLRUCache[bytes, Identity] = TLRUCache(
            cache_size, ttu=lambda _, identity, __: identity.expires_at + leeway, timer=now
        )

    async def verify(self, token: str) -> Identity:
        """Raises NotAuthenticated where the token is not good, and KeysUnavailable where that cannot be
        known at present."""
        if len(token) > LONGEST_TOKEN:
            raise NotAuthenticated("the token is too long")
        digest = sha256(token.encode("utf-8", "surrogateescape")).digest()
        identity = self._verified.get(digest)
        if identity is None:
            identity = self._identity(await self._claims(token))
            if identity.expires_at + self._leeway <= self._now():
                raise NotAuthenticated("the token has expired")
            self._verified[digest] = identity
        return identity

    async def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise NotAuthenticated("this is no token") from error
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise NotAuthenticated(f"a token is signed with one of {', '.join(sorted(ALGORITHMS))}")
        if "crit" in header:
            raise NotAuthenticated("the token has critical headers that are not understood")
        candidates = await self._keys.matching(header.get("kid"), algorithm)
        failure: jwt.PyJWTError | None = None
        for candidate in candidates:
            try:
                return jwt.decode(
                    token,
                    key=candidate.key,
                    algorithms=[candidate.algorithm],
                    issuer=self._issuer,
                    audience=self._audience,
                    leeway=self._leeway,
                    options={"require": ["exp", "iss", "aud"]},
                )
            except jwt.InvalidSignatureError as error:
                failure = error
            except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
                raise NotAuthenticated(_reason(error)) from error
        raise NotAuthenticated("the token is not signed with a key of the issuer") from failure

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        try:
            partner = _ORGANISATION.validate_python(claims.get(self._partner_claim), strict=True)
        except ValidationError:
            partner = None
        subject = claims.get("sub") or claims.get("client_id") or claims.get("azp")
        return Identity(
            subject=subject if isinstance(subject, str) else partner or "unknown",
            partner=partner,
            scopes=_scopes(claims.get("scope")) | _scopes(claims.get("scp")),
            expires_at=float(min(int(claims["exp"]), _LATEST)),
        )


def token_verifier(settings: Settings) -> TokenVerifier:
    """A verifier as the settings want it: with the issuer's keys from a URL or a file, else with the key
    of the local issuer."""
    if settings.jwks_url is not None:
        fetch = from_url(settings.jwks_url)
    elif settings.jwt_key_file is not None:
        fetch = from_file(settings.jwt_key_file)
    else:
        fetch = local_keys(settings)
    return TokenVerifier(
        VerificationKeys(fetch, settings.jwks_refresh_interval),
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        partner_claim=settings.partner_claim,
        leeway=settings.jwt_leeway,
    )


def _scopes(claim: object) -> frozenset[str]:
    """Scopes come as one string with spaces (RFC 8693) or as a list."""
    if isinstance(claim, str):
        return frozenset(claim.split())
    if isinstance(claim, list):
        return frozenset(scope for scope in claim if isinstance(scope, str))
    return frozenset()


def _reason(error: Exception) -> str:
    match error:
        case jwt.ExpiredSignatureError():
            return "the token has expired"
        case jwt.ImmatureSignatureError():
            return "the token is not valid yet"
        case jwt.InvalidIssuerError():
            return "the token is of another issuer"
        case jwt.InvalidAudienceError():
            return "the token is for another audience"
        case jwt.MissingRequiredClaimError(claim=claim):
            return f"the token lacks the claim {claim}"
        case _:
            return "the token's claims cannot be read"
