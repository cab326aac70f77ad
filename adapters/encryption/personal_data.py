"""Encrypts personal data on its way into the store, and decrypts it on its way out."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import structlog
from cachetools import TTLCache
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from msgspec import structs
from pydantic_core import from_json, to_json

from adapters.encryption.envelope import (
    NO_KEY,
    DecryptionFailed,
    SealedValue,
    escape_value,
    key_id_of,
    may_hold_unsealed_data,
    replace_sealed,
    seal,
    sealed_key_ids,
    unescape_value,
    unseal,
)
from adapters.encryption.keys import KEY_BYTES, MasterKeyMissing, MasterKeys
from domain.basket.personal_fields import (
    EMPTY_FIELDS,
    EVENT_TYPES_WITH_DETAILS,
    SUBJECT_FIELD,
    Document,
    details_of,
    filled_fields,
    may_hold_personal_data,
    parse_document,
)
from domain.ports.data_keys import DataKey, DataKeys, KeyRequest
from domain.ports.event_store import NewEvent
from domain.ports.read_models import BasketView
from domain.shared.values import NewId

K = TypeVar("K")
T = TypeVar("T")

CACHE_SECONDS = 2.0
"""A key that another process destroyed decrypts no longer than this, even if no notification arrives."""

CACHE_SIZE = 10_000

_log = structlog.get_logger("adapters.encryption")


@dataclass(frozen=True, slots=True)
class CachedKey:
    """A key of a basket. Its cipher is None where it is destroyed."""

    basket_id: str
    cipher: AESSIV | None


Keys = Mapping[str, CachedKey]


class PersonalDataCipher:
    """The domain and its callers see plain data, the store holds encrypted data. A basket without personal data costs
    no look-up.

    A value of a destroyed key decrypts as empty. So does a value from before encryption was on, if its basket was
    erased later. Where a master key is missing, MasterKeyMissing is raised. A value that its key does not decrypt
    stays as it is, and is logged.
    """

    def __init__(
        self,
        keys: DataKeys,
        master: MasterKeys | None,
        new_id: NewId,
        *,
        cache_seconds: float = CACHE_SECONDS,
    ) -> None:
        """Without master keys, new data is stored unencrypted."""
        self._keys = keys
        self._master = master
        self._new_id = new_id
        self._key_cache: TTLCache[str, CachedKey] = TTLCache(CACHE_SIZE, cache_seconds)
        self._erased_at: TTLCache[str, int] = TTLCache(CACHE_SIZE, cache_seconds)
        keys.on_destroyed(self.clear_cache)

    def warn_if_unencrypted(self) -> None:
        """Logs a warning if new personal data is stored unencrypted."""
        if self._master is None:
            _log.warning("personal data is not sealed: CHECKOUT_DATA_KEY_FILE names no master keys")

    def clear_cache(self) -> None:
        self._key_cache.clear()
        self._erased_at.clear()

    async def encrypt_events(self, basket_id: str, events: Sequence[NewEvent]) -> Sequence[NewEvent]:
        """The events as they are stored. Raises StoreUnavailable."""
        if not any(map(_has_personal_data, events)):
            return events
        return [await self._encrypt_event(basket_id, event) if _has_personal_data(event) else event for event in events]

    async def encrypt_views(self, views: Sequence[tuple[int, BasketView]]) -> Sequence[tuple[int, BasketView]]:
        """The views as they are stored, encrypted by the keys of their events. A basket without a key has unencrypted
        events, so its view is not encrypted either. Raises StoreUnavailable."""
        holding = [view.basket_id for _, view in views if may_hold_personal_data(view.snapshot)]
        if not holding:
            return views
        # Never from the cache: a view that a destroyed key encrypts would lose what came after the erasure.
        keys = await self._keys.newest(holding) if self._master is not None else {}
        ciphers = {basket_id: self._cipher(key) for basket_id, key in keys.items()}

        def encrypt(view: BasketView) -> BasketView:
            if not may_hold_personal_data(view.snapshot):
                return view
            document = parse_document(view.snapshot)
            changed = _protect(document, keys.get(view.basket_id), ciphers.get(view.basket_id))
            return replace(view, snapshot=to_json(document)) if changed else view

        return [(began, encrypt(view)) for began, view in views]

    async def decrypt(self, documents: Mapping[K, tuple[str, bytes]]) -> Mapping[K, bytes]:
        """Decrypts documents, under whatever names the caller gives them. Each is an event, a snapshot or an array of
        events, and comes with its basket's id. Raises StoreUnavailable."""
        named = {key_id for _, document in documents.values() for key_id in sealed_key_ids(document)}
        named.discard(NO_KEY)
        keys = await _through_cache(self._key_cache, named, self._find_keys)
        unsealed = {
            basket_id
            for basket_id, document in documents.values()
            if may_hold_unsealed_data(document)
            or any(not _belongs_to(basket_id, keys.get(key_id)) for key_id in sealed_key_ids(document))
        }
        erased_at = await _through_cache(self._erased_at, unsealed, self._find_erasures) if unsealed else {}
        return {
            name: _erase_unsealed(
                _decrypt(document, keys, basket_id), document, erased_at.get(basket_id, 0), basket_id, keys
            )
            for name, (basket_id, document) in documents.items()
        }

    async def _encrypt_event(self, basket_id: str, event: NewEvent) -> NewEvent:
        document = from_json(event.data)
        details = details_of(document)
        if details is None:
            return event
        key = await self._keys.ensure(
            KeyRequest(
                basket_id,
                partner=from_json(event.metadata)["partner"],
                subject=details.get(SUBJECT_FIELD),
                proposed=self._new_key(basket_id),
            )
        )
        if self._master is None:
            key = None
        changed = _protect(document, key, self._cipher(key) if key is not None else None)
        return structs.replace(event, data=to_json(document)) if changed else event

    def _new_key(self, basket_id: str) -> DataKey | None:
        if self._master is None:
            return None
        key_id = self._new_id()
        wrapped = self._master.wrap(key_id, basket_id, secrets.token_bytes(KEY_BYTES))
        return DataKey(key_id, basket_id, wrapped)

    async def _find_keys(self, key_ids: Collection[str]) -> Mapping[str, CachedKey]:
        """A caller's own value from before escaping can look sealed. It names a key that never existed."""
        found = await self._keys.find(key_ids)
        return {key_id: CachedKey(key.basket_id, self._cipher(key)) for key_id, key in found.items()}

    async def _find_erasures(self, basket_ids: Collection[str]) -> Mapping[str, int]:
        """The version of each basket's last erasure, 0 for none."""
        found = await self._keys.forgotten(basket_ids)
        return {basket_id: found.get(basket_id, 0) for basket_id in basket_ids}

    def _cipher(self, key: DataKey) -> AESSIV | None:
        """None for a destroyed key. Raises MasterKeyMissing."""
        if key.key is None:
            return None
        if self._master is None:
            raise MasterKeyMissing("personal data is sealed, and CHECKOUT_DATA_KEY_FILE names no master key")
        return AESSIV(self._master.unwrap(key))


async def _through_cache(
    cache: TTLCache[str, T],
    wanted: Collection[str],
    load: Callable[[Collection[str]], Awaitable[Mapping[str, T]]],
) -> Mapping[str, T]:
    found: dict[str, T] = {}
    missing: list[str] = []
    for name in wanted:
        try:
            found[name] = cache[name]
        except KeyError:
            missing.append(name)
    if missing:
        loaded = await load(missing)
        cache.update(loaded)
        found |= loaded
    return found


def _has_personal_data(event: NewEvent) -> bool:
    return event.type in EVENT_TYPES_WITH_DETAILS and may_hold_personal_data(event.data)


def _protect(document: Any, key: DataKey | None, cipher: AESSIV | None) -> bool:
    """Encrypts the personal fields of a parsed document. Without a key they are escaped; under a destroyed key, which
    has no cipher, they are emptied. Returns whether anything changed."""
    details: Document = details_of(document) or {}
    changed = False
    for field, value in [*filled_fields(details)]:
        if key is None:
            details[field] = escape_value(value)
        elif cipher is None:
            details[field] = EMPTY_FIELDS[field]
        else:
            details[field] = seal(value, cipher, key.id, key.basket_id, field)
        changed |= details[field] is not value
    return changed


def _belongs_to(basket_id: str, key: CachedKey | None) -> bool:
    return key is not None and key.basket_id == basket_id


def _decrypt(document: bytes, keys: Keys, basket_id: str) -> bytes:
    def open(sealed: SealedValue) -> bytes | None:
        if sealed.key_id == NO_KEY:
            return unescape_value(sealed)
        key = keys.get(sealed.key_id)
        if key is None or key.basket_id != basket_id:
            return None
        if key.cipher is None:
            return to_json(EMPTY_FIELDS[sealed.field])
        try:
            return unseal(sealed, key.cipher, basket_id)
        except DecryptionFailed as error:
            _log.error("what is sealed does not open", basket=basket_id, error=str(error))
            return None

    return replace_sealed(document, open)


def _erase_unsealed(document: bytes, stored: bytes, erased_at: int, basket_id: str, keys: Keys) -> bytes:
    """The decrypted document without what was stored unencrypted before the version of the basket's erasure."""
    if not erased_at:
        return document
    decrypted, as_stored = parse_document(document), parse_document(stored)
    pairs = zip(decrypted, as_stored, strict=True) if isinstance(decrypted, list) else [(decrypted, as_stored)]
    for event, stored_event in pairs:
        details, stored_details = details_of(event), details_of(stored_event)
        if details is None or stored_details is None or event["version"] >= erased_at:
            continue
        for field, value in [*filled_fields(stored_details)]:
            if not _belongs_to(basket_id, keys.get(key_id_of(value) or NO_KEY)):
                details[field] = EMPTY_FIELDS[field]
    return document if decrypted is None else to_json(decrypted)
