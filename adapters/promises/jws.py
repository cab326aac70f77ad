"""Promises as compact JWS (RFC 7515), signed with Ed25519 (RFC 8037)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec.json import Encoder
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from adapters.jwk import base64url, from_base64url
from adapters.promises.keys import PromiseKey
from adapters.wire.strict_json import read_json
from domain.basket.serialization import serialize_money
from domain.ports.promises import BasketPromise, InvalidPromise
from domain.shared.money import Money
from domain.shared.values import Clock

ALGORITHM = "EdDSA"
TYPE = "checkout-promise+jwt"
"""Tells a promise from any other token that the same key might sign (RFC 8725, 3.11)."""

MAX_TOKEN_LENGTH = 8192
"""Characters; no promise has half as many."""
_to_json = Encoder().encode

_MAX_TIME = 253_402_300_799
"""Seconds since 1970: the last of the year 9999."""


class UnreadablePromise(InvalidPromise):
    """The token has not the form of a promise, whoever signed it."""


class JwsPromiseSigner:
    """Signs with the key that `key_at` names for the moment. The same promise and key give the same token."""

    def __init__(self, key_at: Callable[[datetime], PromiseKey | None], issuer: str) -> None:
        self._key_at = key_at
        self._issuer = issuer

    def sign(self, promise: BasketPromise) -> str | None:
        key = self._key_at(promise.issued_at)
        if key is None:
            return None
        signed = f"{_header(key.id)}.{base64url(_to_json(_claims(promise, self._issuer)))}"
        return f"{signed}.{base64url(key.private.sign(signed.encode('ascii')))}"


@lru_cache(maxsize=16)
def _header(key_id: str) -> str:
    return base64url(_to_json({"alg": ALGORITHM, "kid": key_id, "typ": TYPE}))


@dataclass(frozen=True, slots=True)
class UnverifiedPromise:
    """What a token says. Anybody may have written it."""

    key_id: str | None
    algorithm: object
    type: object
    issuer: str
    promise: BasketPromise
    claims: Mapping[str, object]
    token: str


class JwsPromiseVerifier:
    """Verifies by the published keys of this service."""

    def __init__(self, key_of: Callable[[str, datetime], Ed25519PublicKey | None], issuer: str, clock: Clock) -> None:
        """`key_of` gives the key of this id that is published at a moment, if there is one."""
        self._key_of = key_of
        self._issuer = issuer
        self._clock = clock

    def verify(self, token: str) -> BasketPromise:
        """Raises InvalidPromise."""
        return self.require_signature(read_promise(token))

    def require_signature(self, unverified: UnverifiedPromise) -> BasketPromise:
        """Raises InvalidPromise unless one of the keys signed it, and for this issuer."""
        if unverified.algorithm != ALGORITHM:
            raise InvalidPromise(f"a promise is signed with {ALGORITHM} only")
        if unverified.type != TYPE:
            raise InvalidPromise(f"the token's typ is not {TYPE}")
        key = None if unverified.key_id is None else self._key_of(unverified.key_id, self._clock())
        if key is None:
            raise InvalidPromise("the token names no published key of this service")
        signed, _, signature = unverified.token.rpartition(".")
        try:
            key.verify(from_base64url(signature), signed.encode("ascii"))
        except InvalidSignature:
            raise InvalidPromise("the signature is wrong") from None
        if unverified.issuer != self._issuer:
            raise InvalidPromise("the token is of another issuer")
        return unverified.promise


def no_key(id: str, now: datetime) -> None:
    """For a service that signs no promises."""


def read_promise(token: str) -> UnverifiedPromise:
    """Reads a token without trusting it, in linear time. Raises UnreadablePromise."""
    segments = token.split(".") if len(token) <= MAX_TOKEN_LENGTH else []
    if len(segments) != 3:
        raise UnreadablePromise("this is no compact JWS")
    try:
        header, payload, _ = map(from_base64url, segments)
        head = read_json(header)
        content = read_json(payload)
        claims = _Claims.model_validate(content)
    except ValidationError as error:
        names = ", ".join(sorted({str(each["loc"][0]) if each["loc"] else "exp or ready" for each in error.errors()}))
        raise UnreadablePromise(f"these claims are not those of a promise: {names}") from None
    except ValueError as error:
        raise UnreadablePromise("this is no compact JWS of JSON objects") from error
    if not isinstance(head, dict) or "crit" in head or "b64" in head:
        raise UnreadablePromise("the token's header is not that of a promise")
    assert isinstance(content, dict)  # noqa: S101  (for the type checker)
    key_id = head.get("kid")
    return UnverifiedPromise(
        key_id=key_id if isinstance(key_id, str) else None,
        algorithm=head.get("alg"),
        type=head.get("typ"),
        issuer=claims.iss,
        promise=claims.read(),
        claims=content,
        token=token,
    )


def _claims(promise: BasketPromise, issuer: str) -> dict[str, Any]:
    return {
        "iss": issuer,
        "iat": int(promise.issued_at.timestamp()),
        "exp": int(promise.expires_at.timestamp()),
        "basketId": promise.basket_id,
        "basketVersion": promise.basket_version,
        "partner": promise.partner,
        "total": serialize_money(promise.total),
        "currency": promise.currency,
        "ready": True,
        "evidence": promise.evidence,
    }


class _MoneyClaim(BaseModel):
    model_config = ConfigDict(strict=True)

    amount: Annotated[str, Field(pattern=r"^[0-9]{1,30}(\.[0-9]{1,10})?$")]
    """A total may have more digits than one price."""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]


class _Claims(BaseModel):
    """A later release may add claims, so others are passed over."""

    model_config = ConfigDict(strict=True, alias_generator=to_camel)

    iss: str
    iat: Annotated[int, Field(ge=0, le=_MAX_TIME)]
    exp: Annotated[int, Field(ge=0, le=_MAX_TIME)]
    basket_id: Annotated[str, Field(max_length=64)]
    basket_version: Annotated[int, Field(ge=1, lt=2**31)]
    partner: Annotated[str, Field(max_length=128)]
    total: _MoneyClaim | None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None
    ready: bool
    evidence: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

    @model_validator(mode="after")
    def _is_a_promise(self) -> _Claims:
        if not self.ready:
            raise ValueError("a basket that is not ready has no promise")
        if self.exp <= self.iat:
            raise ValueError("exp is not after iat")
        return self

    def read(self) -> BasketPromise:
        total = None
        if self.total is not None:
            total = Money.construct_trusted(amount=Decimal(self.total.amount), currency=self.total.currency)
        return BasketPromise(
            basket_id=self.basket_id,
            basket_version=self.basket_version,
            partner=self.partner,
            total=total,
            currency=self.currency,
            evidence=self.evidence,
            issued_at=datetime.fromtimestamp(self.iat, UTC),
            expires_at=datetime.fromtimestamp(self.exp, UTC),
        )
