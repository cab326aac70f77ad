"""Seals personal data on its way into the store and opens it on its way out."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import structlog
from cachetools import TTLCache
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from pydantic_core import from_json, to_json

from adapters.privacy.documents import (
    EMPTY,
    HOLDERS,
    SUBJECT,
    Document,
    details_of,
    may_hold_personal_data,
    may_hold_unsealed_data,
    parsed,
    personal,
)
from adapters.privacy.envelopes import NotOurs, Sealed, key_id_of, seal, sealed_in, unseal, unsealed
from adapters.privacy.master_keys import KEY_BYTES, MasterKeyMissing, MasterKeys
from domain.operating.personal_data import DataKey, DataKeys, KeyRequest
from domain.ports import BasketView, NewEvent, NewId

KEPT_SECONDS = 2.0
"""A key that another process destroyed opens for no longer than this, even where nothing says that it was."""

MOST_KEPT = 10_000

_log = structlog.get_logger("adapters.privacy")


class PersonalData:
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
        kept_seconds: float = KEPT_SECONDS,
    ) -> None:
        """Without master keys new data is stored as it comes. Keys stay in memory for `kept_seconds` at most."""
        self._keys = keys
        self._master = master
        self._new_id = new_id
        self._open: TTLCache[str, AESSIV | None] = TTLCache(MOST_KEPT, kept_seconds)
        self._forgotten: TTLCache[str, int] = TTLCache(MOST_KEPT, kept_seconds)
        keys.when_destroyed(self.drop)

    def warn_unless_sealing(self) -> None:
        """Logs it where new personal data is stored as it comes."""
        if self._master is None:
            _log.warning("personal data is not sealed: CHECKOUT_DATA_KEY_FILE names no master keys")

    def drop(self) -> None:
        """Keeps no key in memory any longer."""
        self._open.clear()
        self._forgotten.clear()

    async def sealed_events(self, basket_id: str, events: Sequence[NewEvent]) -> Sequence[NewEvent]:
        """The events as they are to be stored. Raises StoreUnavailable."""
        if not any(event.type in HOLDERS and may_hold_personal_data(event.data) for event in events):
            return events
        return [await self._sealed_event(basket_id, event) for event in events]

    async def sealed_views(self, views: Sequence[tuple[int, BasketView]]) -> Sequence[tuple[int, BasketView]]:
        """The views as they are to be stored: by the keys that their events were sealed by. Where a basket has
        no key, its events are not sealed either, and there is nothing to be gained."""
        holding = [view.basket_id for _, view in views if may_hold_personal_data(view.snapshot)]
        if not holding or self._master is None:
            return views
        # Asked each time: a view that is sealed by a key of yesterday would have forgotten what is new.
        keys = await self._keys.newest(holding)
        ciphers = {basket_id: self._unwrapped(key) for basket_id, key in keys.items()}
        return [
            (began, replace(view, snapshot=_sealed_view(view, keys[view.basket_id], ciphers[view.basket_id])))
            if view.basket_id in ciphers and may_hold_personal_data(view.snapshot)
            else (began, view)
            for began, view in views
        ]

    async def opened(self, documents: Sequence[tuple[str, bytes]]) -> Sequence[bytes]:
        """The documents open. Each is an event, a snapshot or an array of events, and goes with its basket's id.
        Raises StoreUnavailable."""
        named = {key_id for _, document in documents for key_id in sealed_in(document)}
        ciphers = await self._ciphers(named) if named else {}
        plain = {basket_id for basket_id, document in documents if may_hold_unsealed_data(document)}
        forgotten = await self._versions(plain) if plain else {}
        return [
            _emptied(_opened(document, ciphers, basket_id), forgotten[basket_id], document)
            if forgotten.get(basket_id)
            else _opened(document, ciphers, basket_id)
            for basket_id, document in documents
        ]

    async def _sealed_event(self, basket_id: str, event: NewEvent) -> NewEvent:
        if event.type not in HOLDERS or not may_hold_personal_data(event.data):
            return event
        document = from_json(event.data)
        details = details_of(document)
        if details is None:
            return event
        key = await self._keys.ensure(
            KeyRequest(
                basket_id,
                partner=from_json(event.metadata)["partner"],
                subject=details.get(SUBJECT),
                proposed=self._proposed(basket_id),
            )
        )
        if key is None or self._master is None:
            return event
        _seal(details, self._unwrapped(key), key)
        return replace(event, data=to_json(document))

    def _proposed(self, basket_id: str) -> DataKey | None:
        if self._master is None:
            return None
        key_id = self._new_id()
        return DataKey(
            key_id, basket_id, self._master.wrap(key_id, basket_id, secrets.token_bytes(KEY_BYTES))
        )

    async def _ciphers(self, key_ids: Iterable[str]) -> Mapping[str, AESSIV | None]:
        """None for a key that is destroyed; nothing for one that never was: so is called what only looks like a
        sealed value, and a caller wrote it before there were any."""
        ciphers: dict[str, AESSIV | None] = {}
        missing: list[str] = []
        for key_id in key_ids:
            try:
                ciphers[key_id] = self._open[key_id]
            except KeyError:
                missing.append(key_id)
        if missing:
            for key_id, key in (await self._keys.find(missing)).items():
                ciphers[key_id] = self._open[key_id] = self._unwrapped(key)
        return ciphers

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


def _sealed_view(view: BasketView, key: DataKey, cipher: AESSIV | None) -> bytes:
    snapshot = parsed(view.snapshot)
    details = details_of(snapshot)
    if details is None:
        return view.snapshot
    _seal(details, cipher, key)
    return to_json(snapshot)


def _seal(details: Document, cipher: AESSIV | None, key: DataKey) -> None:
    """With a destroyed key nothing is left to seal."""
    for field, value in [*personal(details)]:
        details[field] = EMPTY[field] if cipher is None else seal(value, cipher, key.id, key.basket_id, field)


def _opened(document: bytes, ciphers: Mapping[str, AESSIV | None], basket_id: str) -> bytes:
    def open(sealed: Sealed) -> bytes | None:
        if sealed.key_id not in ciphers:
            return None
        cipher = ciphers[sealed.key_id]
        if cipher is None:
            return to_json(EMPTY[sealed.field])
        try:
            return unseal(sealed, cipher, basket_id)
        except NotOurs as error:
            _log.error("what is sealed does not open", basket=basket_id, error=str(error))
            return None

    return unsealed(document, open)


def _emptied(document: bytes, version: int, stored: bytes) -> bytes:
    """The document without what was stored unsealed before the version at which its basket forgot."""
    opened, found = parsed(document), parsed(stored)
    pairs = zip(opened, found, strict=True) if isinstance(opened, list) else [(opened, found)]
    for event, as_stored in pairs:
        details, sealed = details_of(event), details_of(as_stored)
        if details is None or sealed is None or event["version"] >= version:
            continue
        for field, value in [*personal(sealed)]:
            if key_id_of(value) is None:
                details[field] = EMPTY[field]
    return document if opened is None else to_json(opened)
