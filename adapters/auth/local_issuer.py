"""Issues tokens for the embedded service and for tests, with one Ed25519 key in a file."""

from __future__ import annotations

import asyncio
import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from adapters.jwk import public_jwk
from adapters.private_files import create_private_file
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
    return {"keys": [public_jwk(signing_key(settings.local_issuer_key_file).public_key())]}


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
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": public_jwk(key.public_key())["kid"]})


def local_issuer_keys(settings: Settings) -> Fetch:
    """The local issuer's JWKS, for a verifier."""

    async def fetch() -> bytes:
        return json.dumps(await asyncio.to_thread(public_jwks, settings)).encode()

    return fetch


def _create_key(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    create_private_file(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
