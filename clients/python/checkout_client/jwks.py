"""The public keys of promises: a JWK set (RFC 7517), at hand or fetched from the service."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic_core import from_json

from checkout_client.errors import CheckoutClientError

PATH = "/.well-known/jwks.json"
"""Where the service publishes its keys."""
MAX_DOCUMENT_BYTES = 256 * 1024
FETCH_TIMEOUT = 3.0
"""Seconds for a fetch."""
SHORTEST_PAUSE = 1.0
"""Seconds between fetches, whatever the answers say."""
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})", re.IGNORECASE)
_UNCACHED = re.compile(r"(?:^|[\s,])(no-cache|no-store)(?:$|[\s,=])", re.IGNORECASE)


class PromiseKeysUnavailable(CheckoutClientError):
    """The keys of promises cannot be fetched, so that nothing can be said of a promise. Trying later may help."""


class InvalidJwkSet(CheckoutClientError, ValueError):
    """A document is no JWK set."""


class JwkSet:
    """Ed25519 public keys by their ids. Keys of other kinds in the set are passed over."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self._keys = dict(keys)

    @classmethod
    def parse(cls, document: bytes | str | Mapping[str, Any]) -> JwkSet:
        """Reads a JWK set. Raises InvalidJwkSet if it is none."""
        try:
            content = document if isinstance(document, Mapping) else from_json(document)
        except ValueError as error:
            raise InvalidJwkSet("this is no JWK set: it is no JSON") from error
        match content:
            case {"keys": [*entries]}:
                found = {entry["kid"]: key for entry in entries if (key := _public_key(entry)) is not None}
                return cls(found)
            case _:
                raise InvalidJwkSet("this is no JWK set: it has no list `keys`")

    def find(self, id: str) -> Ed25519PublicKey | None:
        return self._keys.get(id)

    def __len__(self) -> int:
        return len(self._keys)


class RemoteJwkSet:
    """The keys that a service publishes, kept as `Cache-Control` says.

    A key that is not in the set makes it fetch once more, at most once in `refetch_interval`. While the service cannot
    be reached, the keys stay in use for `trusted_for` since they were read last, and no longer. Times are in seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        http: httpx.AsyncClient | None = None,
        refetch_interval: float = 30.0,
        trusted_for: float = 3600.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url` is the whole address. Without `http`, each fetch opens a connection of its own."""
        self._url = url
        self._http = http
        self._refetch_interval = refetch_interval
        self._trusted_for = trusted_for
        self._now = now
        self._keys = JwkSet({})
        self._read_at = self._fresh_until = self._tried_at = float("-inf")
        self._failure: Exception | None = None
        self._fetching = asyncio.Lock()

    async def including(self, id: str) -> JwkSet:
        """The keys, with the one of this id if the service publishes it. Raises PromiseKeysUnavailable while none can
        be trusted."""
        async with self._fetching:
            now = self._now()
            pause = now - self._tried_at
            is_due = now >= self._fresh_until and pause >= SHORTEST_PAUSE
            if is_due or (self._keys.find(id) is None and pause >= self._refetch_interval):
                await self._fetch()
            is_unknown = self._failure is not None and self._keys.find(id) is None
            if is_unknown or self._now() - self._read_at > self._trusted_for:
                said = f"the keys of promises cannot be fetched from {self._url}: {self._failure}"
                raise PromiseKeysUnavailable(said) from self._failure
            return self._keys

    async def _fetch(self) -> None:
        self._tried_at = self._now()
        try:
            async with asyncio.timeout(FETCH_TIMEOUT):
                response = await self._get()
            self._keys = JwkSet.parse(response.content)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            self._failure = error
            return
        self._failure = None
        self._read_at = self._tried_at
        self._fresh_until = self._tried_at + max_age(response.headers.get("Cache-Control", ""))

    async def _get(self) -> httpx.Response:
        if self._http is not None:
            response = await self._http.get(self._url)
        else:
            async with httpx.AsyncClient() as http:
                response = await http.get(self._url)
        if response.status_code != httpx.codes.OK:
            raise ValueError(f"the answer is {response.status_code}")
        if len(response.content) > MAX_DOCUMENT_BYTES:
            raise ValueError(f"the document is larger than {MAX_DOCUMENT_BYTES} bytes")
        return response


def max_age(cache_control: str) -> float:
    """For how many seconds a document may be kept (RFC 9111); 0 where the header does not say."""
    found = _MAX_AGE.search(cache_control)
    return 0.0 if found is None or _UNCACHED.search(cache_control) else float(found[1])


def _public_key(entry: Any) -> Ed25519PublicKey | None:
    """None where the key is of another kind or for another use."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("kid"), str) or entry.get("kty") != "OKP":
        return None
    if entry.get("use", "sig") != "sig" or entry.get("alg", "EdDSA") != "EdDSA":
        return None
    try:
        key = jwt.PyJWK({**entry, "alg": "EdDSA"}).key
    except jwt.PyJWTError:
        return None
    return key if isinstance(key, Ed25519PublicKey) else None
