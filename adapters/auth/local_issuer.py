"""Issues tokens for the embedded service and for tests, with one Ed25519 key in a file."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from adapters.settings import Settings
from domain.shared.errors import CheckoutError

if TYPE_CHECKING:
    from adapters.auth.jwks import Fetch


class UnusableIssuerKey(CheckoutError, ValueError):
    """The key file cannot be read or created, or holds no Ed25519 private key."""


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a file. A missing one is created, readable for its owner only. Processes that create it at
    the same time all get the first one. Raises UnusableIssuerKey."""
    named = f"{path} (CHECKOUT_LOCAL_ISSUER_KEY_FILE)"
    try:
        if not path.exists():
            _create_key(path)
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise UnusableIssuerKey(f"{named} can be neither read nor created: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise UnusableIssuerKey(f"{named} holds no private key; without the file a new one is created") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableIssuerKey(f"{named} holds another kind of key than Ed25519")
    return key


def public_jwks(settings: Settings) -> dict[str, Any]:
    """The JWKS by which verifiers trust the local issuer."""
    return {"keys": [_public_jwk(signing_key(settings.local_issuer_key_file))]}


def issue_token(
    settings: Settings,
    *,
    partner: str | None,
    scope: str = "partner",
    ttl: timedelta = timedelta(hours=1),
    subject: str | None = None,
) -> str:
    """A bearer token that is valid from now on for `ttl`. It names an organisation, or none, as for operators."""
    key = signing_key(settings.local_issuer_key_file)
    now = datetime.now(UTC)
    claims = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "sub": subject or f"local:{partner or scope}",
        "iat": now,
        "nbf": now,
        "exp": now + ttl,
        "jti": secrets.token_hex(16),
        "scope": scope,
        **({settings.partner_claim: partner} if partner is not None else {}),
    }
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": _public_jwk(key)["kid"]})


def local_issuer_keys(settings: Settings) -> Fetch:
    """The local issuer's JWKS, for a verifier."""

    async def fetch() -> bytes:
        return json.dumps(await asyncio.to_thread(public_jwks, settings)).encode()

    return fetch


def _create_key(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link never replaces the file of another process.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _public_jwk(key: Ed25519PrivateKey) -> dict[str, Any]:
    """The public half; its id is the thumbprint of RFC 7638."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}
    thumbprint = sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()
    return {**members, "kid": _base64url(thumbprint), "use": "sig", "alg": "EdDSA"}


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
