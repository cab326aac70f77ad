"""An issuer for tests: keys of every kind, what it publishes, and tokens good and bad."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.auth.jwks import VerificationKeys
from adapters.auth.tokens import TokenVerifier

ISSUER, AUDIENCE = "https://issuer.test", "checkout"
MAX_AGE, TRUSTED_FOR = 300.0, 3600.0
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
SMALL_RSA = rsa.generate_private_key(65537, 1024)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()
ED448 = ed448.Ed448PrivateKey.generate()


def jwk(key: Any, kid: str | None = "k-1", **members: Any) -> dict[str, Any]:
    """The public half as a JWKS holds it."""
    algorithms: dict[type, Any] = {
        rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm,
        ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm,
    }
    kind = next((to for of, to in algorithms.items() if isinstance(key, of)), jwt.algorithms.OKPAlgorithm)
    named = {} if kid is None else {"kid": kid}
    return {**kind.to_jwk(key.public_key(), as_dict=True), **named, **members}


def pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims but for the changes; None takes one away. Times are seconds from now."""
    now = datetime.now(UTC).timestamp()
    given = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "client-1",
        "exp": 300,
        "scope": "partner",
        "partner_org": "shop",
        **changes,
    }
    for name in ("exp", "nbf", "iat"):
        if isinstance(given.get(name), int):
            given[name] = int(now) + given[name]
    return {name: value for name, value in given.items() if value is not None}


def token(
    key: Any = ED25519,
    algorithm: str = "EdDSA",
    kid: str | None = "k-1",
    headers: dict[str, Any] | None = None,
    **changes: Any,
) -> str:
    named = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**changes), key, algorithm, headers={**named, **(headers or {})})


def _segment(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def forged(header: dict[str, Any], secret: bytes | None = None) -> str:
    """A token that no library would make: with any header, signed with a secret or not at all."""
    signed = f"{_segment(json.dumps(header).encode())}.{_segment(json.dumps(claims()).encode())}"
    digest = b"" if secret is None else hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_segment(digest)}"


@dataclass
class PublishedKeys:
    """Where an issuer publishes its keys; counts how often they are read. An error is raised instead."""

    content: bytes | Exception = field(default_factory=lambda: jwks(jwk(ED25519)))
    reads: int = 0

    async def __call__(self) -> bytes:
        self.reads += 1
        if isinstance(self.content, Exception):
            raise self.content
        return self.content


@dataclass
class Seconds:
    """A clock that goes only where a test moves it."""

    value: float

    def __call__(self) -> float:
        return self.value


def verifier(
    published: PublishedKeys | None = None,
    *,
    interval: float = 30.0,
    now: Seconds | None = None,
    trusted_for: float = TRUSTED_FOR,
    **values: Any,
) -> TokenVerifier:
    """A verifier; `now` moves the age of its keys, not the time that tokens are held against."""
    keys = VerificationKeys(
        published or PublishedKeys(),
        interval,
        max_age=MAX_AGE,
        trusted_for=trusted_for,
        now=now or Seconds(0),
    )
    return TokenVerifier(keys, issuer=ISSUER, audience=AUDIENCE, **values)
