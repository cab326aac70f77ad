"""Verifies bearer tokens and says who they speak for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import jwt
import structlog

from adapters.auth.claims import JsonObject, check_times, parse_token, scopes_of, subject_of
from adapters.auth.jwks import VerificationKey, VerificationKeys, fetch_keys_from_url, read_keys_from_file
from adapters.auth.local_issuer import local_issuer_keys
from adapters.settings import Settings
from adapters.wire.request_errors import NotAllowed, NotAuthenticated
from domain.shared.values import MAX_ORGANISATION_LENGTH, is_storable_text

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_log = structlog.get_logger("identity")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token speaks for. `partner` is None where the token names no valid organisation. `expires_at` is in
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
        """The organisation. Raises NotAllowed unless the token has the scope and names one."""
        self.require(scope)
        if self.partner is None:
            raise NotAllowed("the token names no partner organisation", scope)
        return self.partner


class TokenVerifier:
    """Verifies each token once. It remembers the token, by its digest, until it expires, its key is no longer trusted,
    or `cache_size` others were verified since."""

    def __init__(
        self,
        keys: VerificationKeys,
        *,
        issuer: str,
        audience: str,
        partner_claim: str = "partner_org",
        leeway: float = 5.0,
        longest_life: float = 24 * 3600.0,
        cache_size: int = 10_000,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._partner_claim = partner_claim
        self._leeway = leeway
        self._longest_life = longest_life
        self._now = now
        self._cache_size = cache_size
        self._verified: dict[bytes, tuple[Identity, VerificationKey]] = {}
        """By the digests of tokens, in the order in which they were verified."""

    async def verify(self, token: str) -> Identity:
        """Raises NotAuthenticated for a token that is not good, and KeysUnavailable while no key can be trusted."""
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        verified = self._verified.get(digest)
        if verified is not None:
            identity, key = verified
            if self._now() < identity.expires_at + self._leeway and (
                self._keys.certainly_trusts(key) or await self._keys.still_trusts(key)
            ):
                return identity
            self._verified.pop(digest, None)
        verified = await self._verify(token)
        if len(self._verified) >= self._cache_size:
            del self._verified[next(iter(self._verified))]
        self._verified[digest] = verified
        return verified[0]

    async def _verify(self, token: str) -> tuple[Identity, VerificationKey]:
        header, claims = parse_token(token)
        check_times(claims, self._now(), self._longest_life, self._leeway)
        candidates = await self._keys.matching(header.get("kid"), header["alg"])
        key = next((key for key in candidates if self._is_signed_with(key, token)), None)
        if key is None:
            raise NotAuthenticated("the token is not signed with a key of the issuer")
        identity = self._identity(claims)
        if identity.expires_at + self._leeway <= self._now():
            raise NotAuthenticated("the token has expired")
        return identity, key

    def _is_signed_with(self, key: VerificationKey, token: str) -> bool:
        """Raises NotAuthenticated where the signature is good and the claims are not."""
        try:
            jwt.decode(
                token,
                key=key.key,
                algorithms=[key.algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._leeway,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.InvalidSignatureError:
            return False
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise NotAuthenticated(_reason(error)) from error
        return True

    def _identity(self, claims: JsonObject) -> Identity:
        partner = claims.get(self._partner_claim) or None
        if not isinstance(partner, str) or not is_storable_text(partner, MAX_ORGANISATION_LENGTH):
            partner = None
        return Identity(
            subject=subject_of(claims) or partner or "unknown",
            partner=partner,
            scopes=scopes_of(claims),
            expires_at=float(claims["exp"]),
        )


def token_verifier(settings: Settings) -> TokenVerifier:
    """A verifier with the issuer's keys from a URL or a file, else with the key of the local issuer."""
    if settings.jwks_url is not None:
        fetch = fetch_keys_from_url(settings.jwks_url)
    elif settings.jwt_key_file is not None:
        fetch = read_keys_from_file(settings.jwt_key_file)
    else:
        fetch = local_issuer_keys(settings)
    return TokenVerifier(
        VerificationKeys(
            fetch,
            settings.jwks_refresh_interval,
            max_age=settings.jwks_max_age,
            trusted_for=settings.jwks_trusted_for,
        ),
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        partner_claim=settings.partner_claim,
        leeway=settings.jwt_leeway,
        longest_life=settings.jwt_longest_life,
    )


def warn_about_issuer(settings: Settings) -> None:
    """Logs a warning if a service that others reach trusts an issuer that is only for trying things out, or takes keys
    that anybody on the way may exchange."""
    if settings.host in _LOOPBACK:
        return
    if settings.jwks_url is None and settings.jwt_key_file is None:
        _log.warning("tokens of the local issuer are trusted: CHECKOUT_JWKS_URL names no issuer")
    elif settings.jwks_url is not None and not settings.jwks_url.startswith("https:"):
        _log.warning("the issuer's keys come without TLS: CHECKOUT_JWKS_URL begins with http:")


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
