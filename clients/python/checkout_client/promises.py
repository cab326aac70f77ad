"""Checks promises offline: that a version of a basket is ready, at this total, until then.

A ready verdict carries a promise, a compact JWS (RFC 7515) that is signed with Ed25519. `check_promise` checks it with
keys that are at hand; `PromiseChecker` fetches the keys of the service and keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal

import jwt
from jwt.utils import base64url_encode
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from checkout_client.errors import CheckoutClientError
from checkout_client.jwks import JwkSet, RemoteJwkSet
from checkout_client.models.answers import Money

ALGORITHM = "EdDSA"
TYPE = "checkout-promise+jwt"
DEFAULT_ISSUER = "urn:checkout:promises"
"""What `CHECKOUT_PROMISE_ISSUER` of the service is by default."""
MAX_TOKEN_LENGTH = 8192
"""Characters; no promise has half as many."""

PromiseRefusal = Literal[
    "unreadable",
    "wrong_algorithm",
    "wrong_type",
    "unknown_key",
    "wrong_signature",
    "wrong_issuer",
    "expired",
    "other_basket",
    "other_version",
    "other_partner",
    "other_total",
    "other_evidence",
]

_JWS = jwt.PyJWS(algorithms=[ALGORITHM])


class PromiseRefused(CheckoutClientError, ValueError):
    """The token promises nothing, or not what was expected. `reason` is stable, the words may change."""

    def __init__(self, reason: PromiseRefusal, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class CheckedPromise(BaseModel):
    """What a promise says, once its signature is known to be right."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    issuer: Annotated[str, Field(alias="iss")]
    issued_at: Annotated[AwareDatetime, Field(alias="iat")]
    expires_at: Annotated[AwareDatetime, Field(alias="exp")]
    """The promise counts until before this moment."""
    basket_id: str
    basket_version: Annotated[int, Field(ge=1)]
    partner: str
    total: Money | None
    """None where the order has no single total: then its `totals` at this version say what is due."""
    currency: str | None
    ready: Literal[True]
    evidence: str
    """`evidence_digest` of the verdict's facts."""


def evidence_digest(fact_ids: Iterable[str]) -> str:
    """The SHA-256 of a verdict's `evidence`, in lower-case hexadecimal, as the promise of the verdict holds it."""
    return sha256(b"\n".join(sorted({id.encode() for id in fact_ids}))).hexdigest()


def check_promise(
    token: str,
    keys: JwkSet,
    *,
    issuer: str = DEFAULT_ISSUER,
    now: datetime | None = None,
    leeway: timedelta = timedelta(0),
    basket_id: str | None = None,
    basket_version: int | None = None,
    partner: str | None = None,
    total: Money | Mapping[str, Any] | None = None,
    evidence: Iterable[str] | None = None,
) -> CheckedPromise:
    """What the token promises. Raises PromiseRefused.

    What is given must be what the promise says; what is None is not compared. `total` is as in an order, `evidence`
    are the fact ids of a verdict. `leeway` is added to `exp`, for clocks that differ.
    """
    promise = _read(token, keys)
    if promise.issuer != issuer:
        raise PromiseRefused("wrong_issuer", f"the promise is by {promise.issuer!r}, not by {issuer!r}")
    if (now or datetime.now(UTC)) >= promise.expires_at + leeway:
        raise PromiseRefused("expired", f"the promise counted until {promise.expires_at.isoformat()}")
    if basket_id is not None and basket_id.lower() != promise.basket_id.lower():
        raise PromiseRefused("other_basket", f"the promise is about {promise.basket_id}, not about {basket_id}")
    if basket_version not in (None, promise.basket_version):
        said = f"the promise is about version {promise.basket_version}, not about {basket_version}"
        raise PromiseRefused("other_version", said)
    if partner not in (None, promise.partner):
        raise PromiseRefused("other_partner", f"the promise was made to {promise.partner!r}, not to {partner!r}")
    if total is not None and (expected := _shown(total)) != (promised := _shown(promise.total)):
        raise PromiseRefused("other_total", f"the promise says {promised}, not {expected}")
    if evidence is not None and evidence_digest(evidence) != promise.evidence:
        raise PromiseRefused("other_evidence", "the promise rests on other facts")
    return promise


class PromiseChecker:
    """Checks promises by the keys of a service, which it fetches when it needs them."""

    def __init__(
        self,
        keys: RemoteJwkSet | JwkSet,
        *,
        issuer: str = DEFAULT_ISSUER,
        leeway: timedelta = timedelta(0),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._leeway = leeway
        self._clock = clock

    async def check(
        self,
        token: str,
        *,
        basket_id: str | None = None,
        basket_version: int | None = None,
        partner: str | None = None,
        total: Money | Mapping[str, Any] | None = None,
        evidence: Iterable[str] | None = None,
    ) -> CheckedPromise:
        """As `check_promise`. Raises PromiseRefused, and PromiseKeysUnavailable while no keys can be had."""
        keys = self._keys if isinstance(self._keys, JwkSet) else await self._keys.including(key_id(token))
        return check_promise(
            token,
            keys,
            issuer=self._issuer,
            now=self._clock(),
            leeway=self._leeway,
            basket_id=basket_id,
            basket_version=basket_version,
            partner=partner,
            total=total,
            evidence=evidence,
        )


def key_id(token: str) -> str:
    """The `kid` that a token names. Raises PromiseRefused for what cannot be a promise, whoever signed it."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise PromiseRefused("unreadable", f"a promise has at most {MAX_TOKEN_LENGTH} characters")
    try:
        header = _JWS.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError) as error:
        raise PromiseRefused("unreadable", f"this is no compact JWS: {error}") from error
    if header.get("alg") != ALGORITHM:
        raise PromiseRefused("wrong_algorithm", f"a promise is signed with {ALGORITHM}, not with {header.get('alg')!r}")
    if header.get("typ") != TYPE:
        raise PromiseRefused("wrong_type", f"the type of a promise is {TYPE}, not {header.get('typ')!r}")
    if "crit" in header:
        raise PromiseRefused("unreadable", "a promise has no critical header parameters")
    if not isinstance(header.get("kid"), str):
        raise PromiseRefused("unknown_key", "the token names no key")
    return str(header["kid"])


def _read(token: str, keys: JwkSet) -> CheckedPromise:
    """The claims. The signature is checked before they are looked at."""
    id = key_id(token)
    key = keys.find(id)
    if key is None:
        raise PromiseRefused("unknown_key", f"the service publishes no key {id!r}")
    try:
        decoded = _JWS.decode_complete(token, key, algorithms=[ALGORITHM])
    except jwt.PyJWTError as error:
        raise PromiseRefused("wrong_signature", f"the signature is wrong: {error}") from error
    if base64url_encode(decoded["signature"]).decode() != token.rpartition(".")[2]:
        raise PromiseRefused("wrong_signature", "the signature is not in its one encoding")
    try:
        return CheckedPromise.model_validate_json(decoded["payload"])
    except ValidationError as error:
        names = ", ".join(sorted({".".join(map(str, each["loc"])) for each in error.errors()}))
        raise PromiseRefused("unreadable", f"these claims are not those of a promise: {names}") from error


def _shown(total: Money | Mapping[str, Any] | None) -> str:
    """The total in words, one for each value."""
    if total is None:
        return "no total"
    money = Money.model_validate(total)
    return f"{money.amount.normalize():f} {money.currency}"
