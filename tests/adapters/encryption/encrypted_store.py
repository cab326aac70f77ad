"""Encrypting stores over stores in memory."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from adapters.encryption.keys import KEY_BYTES, MasterKeys
from adapters.encryption.personal_data import PersonalDataCipher
from adapters.encryption.stores import DecryptedEventFeed, EncryptedBasketViews, EncryptedEventStore
from adapters.system import new_id, utc_now
from tests.fakes.basket_views import InMemoryBasketViews
from tests.fakes.data_keys import InMemoryDataKeys
from tests.fakes.event_store import InMemoryEventStore


def a_master_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


@dataclass
class EncryptedStores:
    """The stores in memory (`stored`, `stored_views`), and the encrypting ones in front of them."""

    stored: InMemoryEventStore = field(default_factory=lambda: InMemoryEventStore(utc_now))
    stored_views: InMemoryBasketViews = field(default_factory=InMemoryBasketViews)
    keys: InMemoryDataKeys = field(default_factory=InMemoryDataKeys)
    master: MasterKeys | None = field(default_factory=lambda: MasterKeys([a_master_key()]))

    def __post_init__(self) -> None:
        self.privacy = PersonalDataCipher(self.keys, self.master, new_id)
        self.store = EncryptedEventStore(self.stored, self.privacy)
        self.feed = DecryptedEventFeed(self.stored, self.privacy)
        self.views = EncryptedBasketViews(self.stored_views, self.privacy)
