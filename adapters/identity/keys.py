"""The public keys that tokens are checked with: read from where they are published, and read again when
a token names a key that is not known."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK, PyJWTError

from adapters.contract.refusals import KeysUnavailable

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
Fetch = Callable[[], Awaitable[bytes]]

SMALLEST_RSA_KEY = 2048
FETCH_TIMEOUT = 3.0
FIRST_TRY_AGAIN = 1.0
"""Seconds after which keys that could never be had are tried again."""
MAX_AGE = 600.0
"""Seconds after which keys are read again, so that a withdrawn one is trusted no longer than this."""

_log = structlog.get_logger("identity")


class UnusableKeys(ValueError):
    """What was read holds no key that tokens can be checked with."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key with its id, if it has one, and the only algorithm that it may be used with."""

    id: str | None
    algorithm: str
    key: PublicKey


class VerificationKeys:
    """Known keys. `fetch` gives a JWKS or a PEM public key."""

    def __init__(
        self, fetch: Fetch, refresh_interval: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._interval = refresh_interval
        self._now = now
        self._keys: tuple[VerificationKey, ...] = ()
        self._tried_at = float("-inf")
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._background: asyncio.Task[None] | None = None

    async def matching(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """The keys that a token with this header may have been signed with, perhaps none.

        Reads the keys again where none matches, at most once in the refresh interval; raises
        KeysUnavailable where none could ever be read.
        """
        found = self._known(key_id, algorithm)
        if not found:
            await self._read_unless_just_read()
            found = self._known(key_id, algorithm)
        elif self._now() - self._read_at > MAX_AGE and (self._background is None or self._background.done()):
            self._background = asyncio.create_task(self._read_unless_just_read())
        if not self._keys:
            raise KeysUnavailable("the token issuer's keys could not be read")
        return found

    def _known(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        return [
            key
            for key in self._keys
            if key.algorithm == algorithm and (key_id is None or key.id in (None, key_id))
        ]

    async def _read_unless_just_read(self) -> None:
        async with self._reading:
            pause = self._interval if self._keys else min(self._interval, FIRST_TRY_AGAIN)
            if self._now() - self._tried_at < pause:
                return
            self._tried_at = self._now()
            try:
                self._keys = read_keys(await self._fetch())
                self._read_at = self._now()
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                # keys that are known keep serving: the issuer may be away for a while
                _log.warning("keys_not_read", reason=str(error) or type(error).__name__)


def read_keys(document: bytes) -> tuple[VerificationKey, ...]:
    """The usable keys of a JWKS, or the one of a PEM public key; raises UnusableKeys where there is none."""
    if document.lstrip().startswith(b"-----BEGIN"):
        try:
            key = load_pem_public_key(document)
        except ValueError as error:
            raise UnusableKeys("the PEM file holds no public key") from error
        found = [_usable(None, key)]
    else:
        try:
            parsed = json.loads(document)
        except ValueError as error:
            raise UnusableKeys("this is neither a JWKS nor a PEM public key") from error
        entries = parsed.get("keys") if isinstance(parsed, dict) else None
        if not isinstance(entries, list):
            raise UnusableKeys("this is neither a JWKS nor a PEM public key")
        found = [_from_jwk(entry) for entry in entries if isinstance(entry, dict)]
    usable = tuple(key for key in found if key is not None)
    if not usable:
        raise UnusableKeys("there is no RS256, ES256 or EdDSA key in it")
    return usable


def from_url(url: str) -> Fetch:
    async def fetch() -> bytes:
        async with httpx.AsyncClient(timeout=FETCH_TIMEOUT) as client:
            response = await client.get(url, headers={"accept": "application/json"})
            return response.raise_for_status().content

    return fetch


def from_file(path: Path) -> Fetch:
    async def fetch() -> bytes:
        return await asyncio.to_thread(path.read_bytes)

    return fetch


def _from_jwk(entry: dict[str, Any]) -> VerificationKey | None:
    """None where the key is of another kind or for another use; one such key makes the others no worse."""
    if entry.get("use", "sig") != "sig" or entry.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    try:
        jwk = PyJWK(entry)
    except PyJWTError:
        return None
    key_id = entry.get("kid")
    usable = _usable(key_id if isinstance(key_id, str) else None, jwk.key)
    return usable if usable is not None and usable.algorithm == entry.get("alg", usable.algorithm) else None


def _usable(key_id: str | None, key: object) -> VerificationKey | None:
    match key:
        case RSAPublicKey() if key.key_size >= SMALLEST_RSA_KEY:
            return VerificationKey(key_id, "RS256", key)
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return VerificationKey(key_id, "ES256", key)
        case Ed25519PublicKey():
            return VerificationKey(key_id, "EdDSA", key)
        case _:
            return None
