"""Seals personal data on its way into the store and opens it on its way out."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog
from cachetools import TTLCache
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from pydantic_core import from_json, to_json

from adapters.encryption.envelope import (
    NO_KEY,
    DecryptionFailed,
    SealedValue,
    escape_value,
    key_id_of,
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
    may_hold_unsealed_data,
    parse_document,
)
from domain.ports.data_keys import DataKey, DataKeys, KeyRequest
from domain.ports.event_store import NewEvent
from domain.ports.read_models import BasketView
from domain.shared.values import NewId

CACHE_SECONDS = 2.0
"""A key that another process destroyed opens for no longer than this, even where nothing says that it was."""

CACHE_SIZE = 10_000

_log = structlog.get_logger("adapters.privacy")


@dataclass(frozen=True, slots=True)
class CachedKey:
    """A key of a basket, None where it is destroyed."""

    basket_id: str
    cipher: AESSIV | None


Keys = Mapping[str, CachedKey]


class PersonalDataCipher:
    """What the domain and its callers see is open, what is stored is sealed. Nothing is looked up for a basket
    without personal data.

    What a destroyed key sealed opens as empty. So does what a basket that was told to forget had stored before
    there were keys. What was sealed by a master key that is not here raises MasterKeyMissing; what does not open
    though its key is there stays as it is, and is logged.
    """

    def __init__(
        self,
        keys: DataKeys,
        master: MasterKeys | None,
        new_id: NewId,
        *,
        kept_seconds: float = CACHE_SECONDS,
    ) -> None:
        """Without master keys new data is stored as it comes. Keys stay in memory for `kept_seconds` at most."""
        self._keys = keys
        self._master = master
        self._new_id = new_id
        self._open: TTLCache[str, CachedKey] = TTLCache(CACHE_SIZE, kept_seconds)
        self._forgotten: TTLCache[str, int] = TTLCache(CACHE_SIZE, kept_seconds)
        keys.on_destroyed(self.drop)

    def warn_if_unencrypted(self) -> None:
        """Logs it where new personal data is stored as it comes."""
        if self._master is None:
            _log.warning("personal data is not sealed: CHECKOUT_DATA_KEY_FILE names no master keys")

    def drop(self) -> None:
        """Keeps no key in memory any longer."""
        self._open.clear()
        self._forgotten.clear()

    async def encrypt_events(self, basket_id: str, events: Sequence[NewEvent]) -> Sequence[NewEvent]:
        """The events as they are to be stored. Raises StoreUnavailable."""
        if not any(
            event.type in EVENT_TYPES_WITH_DETAILS and may_hold_personal_data(event.data) for event in events
        ):
            return events
        return [await self._sealed_event(basket_id, event) for event in events]

    async def encrypt_views(
        self, views: Sequence[tuple[int, BasketView]]
    ) -> Sequence[tuple[int, BasketView]]:
        """The views as they are to be stored: by the keys that their events were sealed by. Where a basket has
        no key, its events are not sealed either, and there is nothing to be gained."""
        holding = [view.basket_id for _, view in views if may_hold_personal_data(view.snapshot)]
        if not holding:
            return views
        # Asked each time: a view that is sealed by a key of yesterday would have forgotten what is new.
        keys = await self._keys.newest(holding) if self._master is not None else {}
        ciphers = {basket_id: self._unwrapped(key) for basket_id, key in keys.items()}

        def sealed(view: BasketView) -> BasketView:
            if not may_hold_personal_data(view.snapshot):
                return view
            key = keys.get(view.basket_id)
            return replace(view, snapshot=_sealed_view(view, key, ciphers.get(view.basket_id)))

        return [(began, sealed(view)) for began, view in views]

    async def opened(self, documents: Sequence[tuple[str, bytes]]) -> Sequence[bytes]:
        """The documents open. Each is an event, a snapshot or an array of events, and goes with its basket's id.
        Raises StoreUnavailable."""
        named = {key_id for _, document in documents for key_id in sealed_key_ids(document)} - {NO_KEY}
        keys = await self._known(named) if named else {}
        plain = {
            basket_id
            for basket_id, document in documents
            if may_hold_unsealed_data(document)
            or any(not _is_of(basket_id, keys.get(key_id)) for key_id in sealed_key_ids(document))
        }
        forgotten = await self._versions(plain) if plain else {}
        return [
            _emptied(_opened(document, keys, basket_id), forgotten[basket_id], document, basket_id, keys)
            if forgotten.get(basket_id)
            else _opened(document, keys, basket_id)
            for basket_id, document in documents
        ]

    async def _sealed_event(self, basket_id: str, event: NewEvent) -> NewEvent:
        if event.type not in EVENT_TYPES_WITH_DETAILS or not may_hold_personal_data(event.data):
            return event
        document = from_json(event.data)
        details = details_of(document)
        if details is None:
            return event
        key = await self._keys.ensure(
            KeyRequest(
                basket_id,
                partner=from_json(event.metadata)["partner"],
                subject=details.get(SUBJECT_FIELD),
                proposed=self._proposed(basket_id),
            )
        )
        if key is None or self._master is None:
            return replace(event, data=to_json(document)) if _wrap(details) else event
        _seal(details, self._unwrapped(key), key)
        return replace(event, data=to_json(document))

    def _proposed(self, basket_id: str) -> DataKey | None:
        if self._master is None:
            return None
        key_id = self._new_id()
        return DataKey(
            key_id, basket_id, self._master.wrap(key_id, basket_id, secrets.token_bytes(KEY_BYTES))
        )

    async def _known(self, key_ids: Iterable[str]) -> Keys:
        """Those of these keys that ever were: what only looks like a sealed value, for a caller wrote it before that
        could be told apart, names none."""
        known: dict[str, CachedKey] = {}
        missing: list[str] = []
        for key_id in key_ids:
            try:
                known[key_id] = self._open[key_id]
            except KeyError:
                missing.append(key_id)
        if missing:
            for key_id, key in (await self._keys.find(missing)).items():
                known[key_id] = self._open[key_id] = CachedKey(key.basket_id, self._unwrapped(key))
        return known

    async def _versions(self, basket_ids: Iterable[str]) -> Mapping[str, int]:
        """The version at which each basket was told to forget; 0 for never."""
        known: dict[str, int] = {}
        missing: list[str] = []
        for basket_id in basket_ids:
            version = self._forgotten.get(basket_id)
            if version is None:
                missing.append(basket_id)
            else:
                known[basket_id] = version
        if missing:
            found = await self._keys.forgotten(missing)
            for basket_id in missing:
                known[basket_id] = self._forgotten[basket_id] = found.get(basket_id, 0)
        return known

    def _unwrapped(self, key: DataKey) -> AESSIV | None:
        if key.key is None:
            return None
        if self._master is None:
            raise MasterKeyMissing("personal data is sealed, and CHECKOUT_DATA_KEY_FILE names no master key")
        return AESSIV(self._master.unwrap(key))


def _sealed_view(view: BasketView, key: DataKey | None, cipher: AESSIV | None) -> bytes:
    snapshot = parse_document(view.snapshot)
    details = details_of(snapshot)
    if details is None:
        return view.snapshot
    if key is None:
        return to_json(snapshot) if _wrap(details) else view.snapshot
    _seal(details, cipher, key)
    return to_json(snapshot)


def _seal(details: Document, cipher: AESSIV | None, key: DataKey) -> None:
    """With a destroyed key nothing is left to seal."""
    for field, value in [*filled_fields(details)]:
        details[field] = (
            EMPTY_FIELDS[field] if cipher is None else seal(value, cipher, key.id, key.basket_id, field)
        )


def _wrap(details: Document) -> bool:
    """Whether anything had to be wrapped, so that it is never taken for sealed."""
    changed = False
    for field, value in [*filled_fields(details)]:
        details[field] = escape_value(value)
        changed |= details[field] is not value
    return changed


def _is_of(basket_id: str, key: CachedKey | None) -> bool:
    return key is not None and key.basket_id == basket_id


def _opened(document: bytes, keys: Keys, basket_id: str) -> bytes:
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


def _emptied(document: bytes, version: int, stored: bytes, basket_id: str, keys: Keys) -> bytes:
    """The document without what was stored unsealed before the version at which its basket forgot."""
    opened, found = parse_document(document), parse_document(stored)
    pairs = zip(opened, found, strict=True) if isinstance(opened, list) else [(opened, found)]
    for event, as_stored in pairs:
        details, sealed = details_of(event), details_of(as_stored)
        if details is None or sealed is None or event["version"] >= version:
            continue
        for field, value in [*filled_fields(sealed)]:
            if not _is_of(basket_id, keys.get(key_id_of(value) or NO_KEY)):
                details[field] = EMPTY_FIELDS[field]
    return document if opened is None else to_json(opened)
