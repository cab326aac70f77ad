"""Ed25519 keys as JSON Web Keys (RFC 8037)."""

from __future__ import annotations

import base64
import json
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def public_jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """A key that verifies signatures. Its id is its thumbprint (RFC 7638)."""
    members = {"crv": "Ed25519", "kty": "OKP", "x": base64url(key.public_bytes_raw())}
    thumbprint = sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()
    return {**members, "kid": base64url(thumbprint), "use": "sig", "alg": "EdDSA"}


def base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Raises ValueError for anything but the one encoding of these bytes (RFC 7515, 2)."""
    value = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if base64url(value) != text:
        raise ValueError("this is no base64url")
    return value
