"""The keys that sign promises: which of them signs, and which are published, at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import to_json

from adapters.jwk import base64url, from_base64url, public_jwk
from domain.shared.errors import CheckoutError
from domain.shared.formatting import format_time

KeyState = Literal["waiting", "signing", "standby", "retired"]
"""waiting: published, and does not sign yet. standby: a newer key signs instead."""


class UnusablePromiseKeys(CheckoutError, ValueError):
    """The keys of promises cannot be read, or cannot be changed like this. The message never quotes a key."""


@dataclass(frozen=True, slots=True)
class PromiseKey:
    """An Ed25519 key. It is published from `created` on, and may sign from `signs_from` on until it is retired. A
    retired key is published until `published_until`."""

    private: Ed25519PrivateKey = field(repr=False, compare=False)
    id: str
    created: datetime
    signs_from: datetime
    retired: datetime | None = None
    published_until: datetime | None = None

    @classmethod
    def new(cls, now: datetime, signs_from: datetime) -> PromiseKey:
        """Its id does not begin with a hyphen, so that command lines take it."""
        while (key := cls.of(Ed25519PrivateKey.generate(), now, signs_from)).id.startswith("-"):
            pass
        return key

    @classmethod
    def of(cls, private: Ed25519PrivateKey, created: datetime, signs_from: datetime) -> PromiseKey:
        return cls(private, public_jwk(private.public_key())["kid"], created, signs_from)

    @property
    def public(self) -> Ed25519PublicKey:
        return self.private.public_key()

    def may_sign_at(self, now: datetime) -> bool:
        return self.retired is None and self.signs_from <= now

    def is_published_at(self, now: datetime) -> bool:
        return self.published_until is None or now < self.published_until


@dataclass(frozen=True, slots=True)
class PromiseKeySet:
    """All keys, in the order in which they were made."""

    keys: Sequence[PromiseKey]

    def signing_at(self, now: datetime) -> PromiseKey | None:
        """The newest key that may sign. Any process with the same keys and the same time names the same one."""
        return max((key for key in self.keys if key.may_sign_at(now)), key=lambda key: key.signs_from, default=None)

    def published_at(self, now: datetime) -> Sequence[PromiseKey]:
        return [key for key in self.keys if key.is_published_at(now)]

    def state_at(self, key: PromiseKey, now: datetime) -> KeyState:
        if key.retired is not None:
            return "retired"
        if not key.may_sign_at(now):
            return "waiting"
        return "signing" if key == self.signing_at(now) else "standby"

    def with_new_key(self, now: datetime, wait: timedelta) -> PromiseKeySet:
        """Adds a key that signs after `wait`, by when every cache holds it. It signs at once where it replaces no
        other. Drops keys that are no longer published."""
        now = now.replace(microsecond=0)  # as a promise's `iat`, so that the first key signs at once
        replaces = any(key.retired is None for key in self.keys)
        new = PromiseKey.new(now, now + wait if replaces else now)
        return PromiseKeySet([*self.published_at(now), new])

    def with_retired(self, id: str, now: datetime, published_for: timedelta) -> PromiseKeySet:
        """The key signs no longer, and stays published for as long as a promise of it may be valid. Raises
        UnusablePromiseKeys, also where no other key would sign."""
        key = self._find(id)
        if key.retired is not None:
            raise UnusablePromiseKeys(f"the key {id} is retired already")
        others = [each for each in self.keys if each.id != id and each.retired is None]
        if key.may_sign_at(now) and not any(each.may_sign_at(now) for each in others):
            waiting = min((each.signs_from for each in others), default=None)
            advice = (
                "`checkout promise-keys new` makes one" if waiting is None else f"one does from {format_time(waiting)}"
            )
            raise UnusablePromiseKeys(f"no other key signs now: {advice}")
        retired = replace(key, retired=now, published_until=now + published_for)
        return PromiseKeySet([retired if each.id == id else each for each in self.keys])

    def without(self, id: str) -> PromiseKeySet:
        """Without a key that somebody else may hold: no promise of it counts any more. Raises UnusablePromiseKeys."""
        self._find(id)
        return PromiseKeySet([key for key in self.keys if key.id != id])

    def without_unpublished(self, now: datetime) -> PromiseKeySet:
        return PromiseKeySet(self.published_at(now))

    def _find(self, id: str) -> PromiseKey:
        for key in self.keys:
            if key.id == id:
                return key
        raise UnusablePromiseKeys(f"there is no key {id}; `checkout promise-keys list` shows them")


@lru_cache(maxsize=4)
def public_jwks(keys: tuple[PromiseKey, ...]) -> bytes:
    """The JWK set (RFC 7517) by which order services check promises."""
    return to_json({"keys": [public_jwk(key.public) for key in keys]})


def write_keys(keys: PromiseKeySet) -> bytes:
    """The keys with their private halves, as a JWK set."""
    entries = [
        _StoredKey(
            x=_public_part(key.private),
            d=SecretStr(base64url(key.private.private_bytes_raw())),
            kid=key.id,
            created=key.created,
            signs_from=key.signs_from,
            retired=key.retired,
            published_until=key.published_until,
        )
        for key in keys.keys
    ]
    shown = [{**entry.model_dump(mode="json", by_alias=True), "d": entry.d.get_secret_value()} for entry in entries]
    return to_json({"keys": shown}, indent=1) + b"\n"


def read_keys(document: bytes) -> PromiseKeySet:
    """What `write_keys` wrote. Raises ValueError, whose text quotes nothing."""
    try:
        stored = _StoredKeys.model_validate_json(document)
    except ValueError:
        # The error would show the input, which holds private keys.
        raise ValueError("it is no JWK set as `checkout promise-keys new` writes it") from None
    keys = [entry.to_key() for entry in stored.keys]
    if len({key.id for key in keys}) < len(keys):
        raise ValueError("it holds a key twice")
    return PromiseKeySet(keys)


def _public_part(private: Ed25519PrivateKey) -> str:
    return base64url(private.public_key().public_bytes_raw())


class _StoredKey(BaseModel):
    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, populate_by_name=True, hide_input_in_errors=True
    )

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    x: str
    d: SecretStr
    kid: Annotated[str, Field(min_length=1, max_length=128)]
    use: Literal["sig"] = "sig"
    alg: Literal["EdDSA"] = "EdDSA"
    created: AwareDatetime
    signs_from: AwareDatetime
    retired: AwareDatetime | None = None
    published_until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _halves_belong_together(self) -> _StoredKey:
        if _public_part(self._private()) != self.x:
            raise ValueError("the halves of the key do not belong together")
        if (self.retired is None) != (self.published_until is None):
            raise ValueError("a retired key says how long it is published")
        return self

    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(from_base64url(self.d.get_secret_value()))

    def to_key(self) -> PromiseKey:
        times = [self.created, self.signs_from, self.retired, self.published_until]
        created, signs_from, retired, until = (each and each.astimezone(UTC) for each in times)
        assert created is not None and signs_from is not None  # noqa: S101, PT018  (for the type checker)
        return PromiseKey(self._private(), self.kid, created, signs_from, retired, until)


class _StoredKeys(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    keys: list[_StoredKey]
