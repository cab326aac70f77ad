"""The public keys that tokens are verified with. docs/decisions/0027 says how long each key is trusted.

PyJWT's PyJWKClient would be less code. It cannot do what decision 0027 promises: it blocks the event loop, follows
redirects, reads answers of any size for any time, and neither stops trusting keys that it cannot fetch again nor
refreshes them before they expire. Only its parser of one key, PyJWK, is used.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK

from adapters.auth.claims import MAX_KEY_ID_LENGTH, read_json_object
from adapters.wire.request_errors import KeysUnavailable

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
Fetch = Callable[[], Awaitable[bytes]]
"""Gives a JWKS or a PEM public key."""

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
"""A signature of a larger key takes long to verify."""
MAX_DOCUMENT_BYTES = 256 * 1024
MAX_KEYS = 100
"""Keys of a JWKS: a token without a key id is tried against all."""
FETCH_TIMEOUT = 3.0
"""Seconds for the whole fetch, however slowly the answer comes."""
FIRST_RETRY_DELAY = 1.0
"""Seconds between tries while no keys were ever read."""

_log = structlog.get_logger("identity")


class UnusableKeys(ValueError):
    """A document holds no key that tokens can be verified with."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key with its id, if it has one, and the only algorithm that it may be used with."""

    id: str | None
    algorithm: str
    key: PublicKey


class VerificationKeys:
    """The issuer's keys, cached.

    From half of `max_age` on, a call refreshes them in the background. From `max_age` on, a call waits for one try:
    so a withdrawn key is trusted no longer than that while the issuer answers. While it does not, the keys stay in
    use for `trusted_for` since they were read last, and no longer.
    """

    def __init__(
        self,
        fetch: Fetch,
        refresh_interval: float = 30.0,
        *,
        max_age: float = 300.0,
        trusted_for: float = 3600.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Times are in seconds. docs/settings.md explains them under `CHECKOUT_JWKS_…`."""
        self._fetch = fetch
        self._interval = min(refresh_interval, max_age / 2)
        self._max_age = max_age
        self._trusted_for = trusted_for
        self._now = now
        self._keys: tuple[VerificationKey, ...] = ()
        self._tried_at = float("-inf")
        self._read_at = float("-inf")
        self._fresh_until = float("-inf")
        self._reading = asyncio.Lock()
        self._refresh: asyncio.Task[None] | None = None

    async def matching(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """The keys that may have signed a token with this header, perhaps none.

        Where none matches, reads the keys again, at most once in the refresh interval. Raises KeysUnavailable
        while no key can be trusted.
        """
        await self._keep_fresh()
        found = self._find(key_id, algorithm)
        if not found:
            await self._read_unless_just_tried()
            found = self._find(key_id, algorithm)
        self._require_trust()
        return found

    def certainly_trusts(self, key: VerificationKey) -> bool:
        """Whether `still_trusts` would say so at once, because the keys were read not long ago."""
        return key in self._keys and self._now() <= self._fresh_until

    async def still_trusts(self, key: VerificationKey) -> bool:
        """Whether an earlier key is still published, unchanged. Raises KeysUnavailable while no key can be
        trusted."""
        await self._keep_fresh()
        self._require_trust()
        return key in self._keys

    def _find(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        return [
            key for key in self._keys if key.algorithm == algorithm and (key_id is None or key.id in (None, key_id))
        ]

    def _require_trust(self) -> None:
        if not self._keys:
            raise KeysUnavailable("the token issuer's keys could not be read")
        if self._now() - self._read_at > self._trusted_for:
            raise KeysUnavailable(
                f"the token issuer's keys could not be read again for more than {self._trusted_for:.0f} s"
            )

    async def _keep_fresh(self) -> None:
        age = self._now() - self._read_at
        if not self._keys or age <= self._max_age / 2:
            return
        if age > self._trusted_for or (age > self._max_age and not self._tried_since_expiry()):
            await self._read_unless_just_tried()
        elif self._refresh is None or self._refresh.done():
            self._refresh = asyncio.create_task(self._read_unless_just_tried())

    def _tried_since_expiry(self) -> bool:
        """Whether a call has waited for a try since the keys became too old, and not long ago. Without that too much
        may have changed unseen, as after an idle night."""
        return self._read_at + self._max_age < self._tried_at and self._now() - self._tried_at <= self._max_age

    async def _read_unless_just_tried(self) -> None:
        async with self._reading:
            pause = self._interval if self._keys else min(self._interval, FIRST_RETRY_DELAY)
            if self._now() - self._tried_at < pause:
                return
            self._tried_at = self._now()
            try:
                self._keys = parse_keys(await self._fetch())
                # Their state when the fetch began: the answer may still hold what was withdrawn since.
                self._read_at = self._tried_at
                self._fresh_until = self._read_at + min(self._max_age / 2, self._trusted_for)
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                # Known keys stay in use: the issuer may be away for a while.
                _log.warning(
                    "keys_not_read",
                    reason=str(error) or type(error).__name__,
                    age_seconds=round(self._now() - self._read_at) if self._keys else None,
                    trusted_for_seconds=self._trusted_for,
                )


def parse_keys(document: bytes) -> tuple[VerificationKey, ...]:
    """The usable keys of a JWKS, or the key of a PEM public key. Raises UnusableKeys where there is none, or where
    the document is larger than anybody publishes."""
    _check_size(document)
    if document.lstrip().startswith(b"-----BEGIN"):
        try:
            found = [_usable(None, load_pem_public_key(document))]
        except (ValueError, UnsupportedAlgorithm) as error:
            raise UnusableKeys("the PEM file holds no public key") from error
    else:
        try:
            entries = read_json_object(document).get("keys")
        except ValueError as error:
            raise UnusableKeys("this is neither a JWKS nor a PEM public key") from error
        if not isinstance(entries, list):
            raise UnusableKeys("this is neither a JWKS nor a PEM public key")
        if len(entries) > MAX_KEYS:
            raise UnusableKeys(f"there are more than {MAX_KEYS} keys in it")
        found = [_parse_jwk(entry) for entry in entries if isinstance(entry, dict)]
    usable = tuple(key for key in found if key is not None)
    if not usable:
        raise UnusableKeys("there is no RS256, ES256 or EdDSA key in it")
    return usable


def fetch_keys_from_url(url: str, timeout: float = FETCH_TIMEOUT) -> Fetch:
    """Follows no redirects: the keys are trusted because they are published at this address."""

    async def fetch() -> bytes:
        # This bounds the whole fetch; the client's own timeout begins again with every byte.
        async with asyncio.timeout(timeout), httpx.AsyncClient(timeout=timeout) as client:
            headers = {"accept": "application/json", "accept-encoding": "identity"}
            async with client.stream("GET", url, headers=headers) as response:
                response.raise_for_status()
                document = bytearray()
                async for chunk in response.aiter_raw():
                    document += chunk
                    _check_size(document)
                return bytes(document)

    return fetch


def read_keys_from_file(path: Path) -> Fetch:
    def read() -> bytes:
        with path.open("rb") as file:
            return file.read(MAX_DOCUMENT_BYTES + 1)

    async def fetch() -> bytes:
        return await asyncio.to_thread(read)

    return fetch


def _check_size(document: bytes | bytearray) -> None:
    if len(document) > MAX_DOCUMENT_BYTES:
        raise UnusableKeys(f"the document is larger than {MAX_DOCUMENT_BYTES} bytes")


def _parse_jwk(entry: dict[str, Any]) -> VerificationKey | None:
    """None where the key is of another kind or for another use; the other keys stay usable."""
    if entry.get("use", "sig") != "sig" or entry.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    operations, key_id = entry.get("key_ops", ["verify"]), entry.get("kid")
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    if key_id is not None and (not isinstance(key_id, str) or len(key_id) > MAX_KEY_ID_LENGTH):
        return None
    try:
        key = PyJWK(entry).key
    except Exception:  # noqa: BLE001  (libraries refuse an entry with many kinds of errors)
        return None
    usable = _usable(key_id, key)
    return usable if usable is not None and usable.algorithm == entry.get("alg", usable.algorithm) else None


def _usable(key_id: str | None, key: object) -> VerificationKey | None:
    match key:
        case RSAPublicKey() if MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
            return VerificationKey(key_id, "RS256", key)
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return VerificationKey(key_id, "ES256", key)
        case Ed25519PublicKey():
            return VerificationKey(key_id, "EdDSA", key)
        case _:
            return None
