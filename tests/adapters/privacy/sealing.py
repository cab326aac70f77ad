"""Stores that seal, over parts in memory."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from adapters.memory.basket_views import MemoryBasketViews
from adapters.memory.data_keys import MemoryDataKeys
from adapters.memory.store import MemoryEventStore
from adapters.privacy.master_keys import KEY_BYTES, MasterKeys
from adapters.privacy.personal_data import PersonalData
from adapters.privacy.stores import OpenedEventFeed, SealedBasketViews, SealedEventStore


def new_id() -> str:
    return str(uuid4())


def a_master_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Sealed:
    """What is stored (`stored`, `stored_views`), and what the domain is given instead."""

    stored: MemoryEventStore = field(default_factory=lambda: MemoryEventStore(now))
    stored_views: MemoryBasketViews = field(default_factory=MemoryBasketViews)
    keys: MemoryDataKeys = field(default_factory=MemoryDataKeys)
    master: MasterKeys | None = field(default_factory=lambda: MasterKeys([a_master_key()]))

    def __post_init__(self) -> None:
        self.privacy = PersonalData(self.keys, self.master, new_id)
        self.store = SealedEventStore(self.stored, self.privacy)
        self.feed = OpenedEventFeed(self.stored, self.privacy)
        self.views = SealedBasketViews(self.stored_views, self.privacy)
