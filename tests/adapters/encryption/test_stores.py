"""Encrypting stores pass the suites of all stores, and hold no readable personal data."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from pydantic_core import to_json

from adapters.encryption.envelope import NO_KEY
from adapters.encryption.keys import MasterKeyMissing, MasterKeys
from adapters.encryption.personal_data import PersonalDataCipher
from adapters.encryption.stores import EncryptedBasketViews, EncryptedEventStore, decrypt_events, decrypt_streams
from adapters.system import new_id, utc_now
from domain.basket.basket_view import to_view
from domain.basket.codec import decode, decode_all, encode
from domain.basket.personal_fields import without_personal_data
from domain.basket.projection import BasketProjection
from domain.basket.repository import BasketRepository
from domain.basket.snapshot import BasketSnapshot
from domain.ports.event_store import Append, EventStore, NewEvent, StoredEvent, StoredStream
from tests.adapters.encryption.encrypted_store import EncryptedStores, a_master_key
from tests.adapters.encryption.test_envelope import maps
from tests.builders import add, caller, initiate, item, update, validate
from tests.builders.direct_handlers import DirectHandlers, direct_handlers
from tests.builders.stored_events import stored_basket
from tests.cli.schemas.test_schemas import hold
from tests.contracts.basket_views import BasketViewsContract
from tests.contracts.event_feed import EventFeedContract
from tests.contracts.event_store import SHORTLY, EventStoreContract
from tests.domain.stored import samples
from tests.fakes.catalogue import InMemoryCatalogue
from tests.fakes.event_store import InMemoryEventStore

MARKER = "ada-lovelace"


@pytest.fixture
def sealed() -> EncryptedStores:
    return EncryptedStores()


@pytest.fixture
def store(sealed: EncryptedStores) -> EncryptedEventStore:
    return sealed.store


class TestEncryptedEventStore(EventStoreContract):
    @pytest.fixture
    def forgetful_store(self, sealed: EncryptedStores) -> EventStore:
        return EncryptedEventStore(InMemoryEventStore(utc_now, timedelta(seconds=SHORTLY)), sealed.privacy)


class TestDecryptedEventFeed(EventFeedContract):
    @pytest.fixture
    def feed(self, sealed: EncryptedStores) -> object:
        return sealed.feed


class TestEncryptedBasketViews(BasketViewsContract):
    @pytest.fixture
    def views(self, sealed: EncryptedStores) -> EncryptedBasketViews:
        return sealed.views


def handlers(store: EventStore) -> DirectHandlers:
    return direct_handlers(store, BasketRepository(store), InMemoryCatalogue(), utc_now, new_id)


async def a_basket(sealed: EncryptedStores, **values: Any) -> str:
    """A basket with five events: initiated, a line, a verdict, other details, another line."""
    said = {"tracking": {"who": MARKER}, "custom_fields": {"deep": [{"er": MARKER}]}, **values}
    using = handlers(sealed.store)
    id = (await using.initiate(initiate(item("o-1", 2), **said), caller())).basket.id
    await using.validate(validate(id), caller())
    await using.initiate(initiate(item("o-1", 2), checkout_id=id, source="shop", **said), caller())
    await using.update(update(id, add("o-2")), caller())
    return id


async def test_the_store_holds_encrypted_data_and_readers_get_plain_data(sealed: EncryptedStores) -> None:
    id = await a_basket(sealed, data_subject=MARKER)

    stored = b"".join(event.data for event in await sealed.stored.read_events(id))
    assert MARKER.encode() not in stored
    for read in (
        b"".join(event.data for event in await sealed.store.read_events(id)),
        (await sealed.store.read_stream(id)).events,
        (await sealed.store.read_streams([id]))[0].events,
        b"".join(event.data for event in await sealed.feed.read(0, 100)),
    ):
        assert read.count(MARKER.encode()) == 6


async def test_every_way_of_reading_returns_the_same_events(sealed: EncryptedStores) -> None:
    id = await a_basket(sealed)
    events = await sealed.store.read_events(id)
    array = b"[" + b",".join(event.data for event in events) + b"]"
    assert await sealed.feed.read(0, 100) == events
    assert (await sealed.store.read_stream(id)).events == array
    assert (await sealed.store.read_streams(["basket-none", id]))[1].events == array
    assert [event.version for event in events] == [1, 2, 3, 4, 5]


@given(maps, maps)
async def test_any_map_survives_the_store(tracking: dict[str, Any], custom_fields: dict[str, Any]) -> None:
    sealed, plain = EncryptedStores(), EncryptedStores(master=None)
    said = {"tracking": tracking, "custom_fields": custom_fields}
    ids = [(await handlers(each.store).initiate(initiate(**said), caller())).basket.id for each in (sealed, plain)]
    one, other = [await stored_basket(each.store, id) for each, id in zip((sealed, plain), ids, strict=True)]
    assert to_json(one.details) == to_json(other.details)
    assert to_json(one.details.tracking) == to_json(tracking)


@pytest.mark.parametrize("name", [name for name, sample in samples().items() if "details" in sample])
async def test_every_golden_sample_is_read_byte_for_byte_as_written(name: str) -> None:
    sealed = EncryptedStores()
    event = encode(decode(samples()[name]))
    new = NewEvent(samples()[name]["type"], event, b'{"partner":"acme"}')
    id = samples()[name]["basketId"]
    await sealed.store.append(Append(id, 0, [new]))
    (stored,) = await sealed.store.read_events(id)
    assert stored.data == event


async def test_an_encrypted_event_matches_its_published_schema(sealed: EncryptedStores) -> None:
    id = await a_basket(sealed, data_subject="p.1:a-b_c")
    for event in await sealed.stored.read_events(id):
        hold(event.type, event.data)


async def test_a_basket_without_personal_data_gets_no_key(sealed: EncryptedStores) -> None:
    id = await a_basket(sealed, tracking={}, custom_fields={})
    assert await sealed.keys.newest([id]) == {}
    assert [e.data for e in await sealed.stored.read_events(id)] == [e.data for e in await sealed.store.read_events(id)]


async def test_an_erased_history_folds_to_the_same_basket_without_personal_data(
    sealed: EncryptedStores,
) -> None:
    id = await a_basket(sealed, data_subject="p-1")
    before = await stored_basket(sealed.store, id)

    sealed.keys.destroy(id, 6)

    after = await stored_basket(sealed.store, id)
    assert (after.details.tracking, after.details.custom_fields, after.details.data_subject) == ({}, {}, None)
    after.details = after.details.model_copy(
        update={name: getattr(before.details, name) for name in ("tracking", "custom_fields", "data_subject")}
    )
    assert after == before


async def test_plain_encrypted_and_erased_events_differ_in_personal_data_only(
    sealed: EncryptedStores,
) -> None:
    id = await a_basket(sealed, data_subject="p-1")
    as_stored, as_read = await sealed.stored.read_events(id), await sealed.store.read_events(id)
    sealed.keys.destroy(id, 6)
    forgotten = await sealed.store.read_events(id)
    for stored, read, emptied in zip(as_stored, as_read, forgotten, strict=True):
        assert without_personal_data(stored.data) == without_personal_data(read.data) == emptied.data


async def test_an_erased_basket_can_be_decrypted_nowhere(sealed: EncryptedStores) -> None:
    id, other = await a_basket(sealed), await a_basket(sealed)
    await sealed.feed.read(0, 100)

    sealed.keys.destroy(id, 6)

    for read in (
        b"".join(event.data for event in await sealed.store.read_events(id)),
        (await sealed.store.read_stream(id)).events,
        b"".join(event.data for event in await sealed.feed.read(0, 100) if event.stream_id == id),
    ):
        assert MARKER.encode() not in read
    assert MARKER.encode() in (await sealed.store.read_stream(other)).events


async def projected(sealed: EncryptedStores, basket_id: str) -> bytes:
    """The stored snapshot of the view, projected from decrypted events."""
    events = decode_all((await sealed.store.read_stream(basket_id)).events)
    await BasketProjection(sealed.store, sealed.views).apply({basket_id: events})
    return (await sealed.stored_views.snapshots([basket_id]))[basket_id]


async def test_a_view_equals_the_fold_of_the_encrypted_events_byte_for_byte(sealed: EncryptedStores) -> None:
    id = await a_basket(sealed, data_subject="p-1")

    view = await projected(sealed, id)

    assert MARKER.encode() not in view
    # A rebuild folds so, because it has no keys.
    assert view == to_view(await stored_basket(sealed.stored, id)).snapshot
    assert (await sealed.views.snapshots([id]))[id] == to_view(await stored_basket(sealed.store, id)).snapshot


async def test_a_view_that_moves_after_an_erasure_holds_no_personal_data(sealed: EncryptedStores) -> None:
    id = await a_basket(sealed)
    open_view = to_view(await stored_basket(sealed.store, id))
    await sealed.views.advance([(0, replace(open_view, version=4))])
    sealed.keys.destroy(id, 6)
    assert MARKER.encode() not in (await sealed.views.snapshots([id]))[id]

    await sealed.views.advance([(4, open_view)])

    assert MARKER.encode() not in (await sealed.stored_views.snapshots([id]))[id]


async def test_a_view_of_unencrypted_events_equals_its_rebuild() -> None:
    plain = EncryptedStores(master=None)
    id = await a_basket(plain)
    sealed = EncryptedStores(plain.stored, plain.stored_views, plain.keys)
    assert await projected(sealed, id) == to_view(await stored_basket(sealed.stored, id)).snapshot


async def test_unencrypted_data_is_readable_until_it_is_erased() -> None:
    plain = EncryptedStores(master=None)
    id, other = await a_basket(plain), await a_basket(plain)
    await projected(plain, id)
    sealed = EncryptedStores(plain.stored, plain.stored_views, plain.keys)
    assert MARKER.encode() in (await sealed.store.read_stream(id)).events

    sealed.keys.destroy(id, 6)

    assert MARKER.encode() not in (await sealed.store.read_stream(id)).events
    assert MARKER.encode() not in (await sealed.views.snapshots([id]))[id]
    assert not [e for e in await sealed.feed.read(0, 100) if e.stream_id == id and MARKER.encode() in e.data]
    assert MARKER.encode() in (await sealed.store.read_stream(other)).events


async def test_data_added_after_an_erasure_gets_a_new_key(sealed: EncryptedStores) -> None:
    id = await a_basket(sealed)
    (first,) = (await sealed.keys.newest([id])).values()
    sealed.keys.destroy(id, 6)

    using = handlers(sealed.store)
    await using.initiate(initiate(checkout_id=id, tracking={"new": "word"}), caller())

    assert (await stored_basket(sealed.store, id)).details.tracking == {"new": "word"}
    (second,) = (await sealed.keys.newest([id])).values()
    assert (second.id != first.id, second.key is not None) == (True, True)
    assert MARKER.encode() not in (await sealed.store.read_stream(id)).events


async def test_data_without_its_master_key_is_not_taken_for_erased(sealed: EncryptedStores) -> None:
    id = await a_basket(sealed)
    for master in (None, MasterKeys([a_master_key()])):
        stranger = EncryptedEventStore(sealed.stored, PersonalDataCipher(sealed.keys, master, new_id))
        with pytest.raises(MasterKeyMissing):
            await stranger.read_stream(id)


@given(st.sampled_from(["tracking", "customFields", "customerDetails", "billingDetails", "deliveryDetails"]))
async def test_a_value_moved_from_another_basket_is_not_decrypted(field: str) -> None:
    sealed = EncryptedStores()
    id, other = await a_basket(sealed), await a_basket(sealed)
    (first, *_) = await sealed.stored.read_events(id)
    document, theirs = json.loads(first.data), (await sealed.stored.read_events(other))[0]
    document["details"][field] = json.loads(theirs.data)["details"][field]
    forged = structs.replace(first, data=to_json(document))

    (read,) = await _opened(sealed, forged)

    assert json.loads(read.data)["details"][field] == document["details"][field]


async def _opened(sealed: EncryptedStores, event: StoredEvent) -> list[StoredEvent]:
    return [*await decrypt_events(sealed.privacy, [event])]


async def test_events_that_are_not_json_are_returned_unchanged(sealed: EncryptedStores) -> None:
    odd = NewEvent("checkout.basket-initiated.v1", b'{"tracking":{"a"', b"{}")
    await sealed.stored.append(Append("basket-odd", 0, [odd]))
    assert [event.data for event in await sealed.store.read_events("basket-odd")] == [odd.data]
    assert (await sealed.store.read_stream("basket-odd")).events == b"[" + odd.data + b"]"


async def test_the_snapshot_of_a_stream_is_decrypted(sealed: EncryptedStores) -> None:
    id = await a_basket(sealed)
    stream = StoredStream(await projected(sealed, id), b"[]")
    (opened,) = await decrypt_streams(sealed.privacy, [id], [stream])
    assert opened == StoredStream(to_view(await stored_basket(sealed.store, id)).snapshot, b"[]")


WHO = "adalovelace"
"""Valid base64, for values that a caller writes in the sealed form."""

LOOK_ALIKES: list[dict[str, Any]] = [
    {"$sealed": WHO, "key": str(UUID(int=7))},
    {"$sealed": WHO, "key": NO_KEY},
    {"$sealed": b64encode(b'{"who":"adalovelace"}').decode(), "key": NO_KEY},
    {"$sealed": b64encode(b'{"who":"adalovelace"}').decode(), "key": NO_KEY, "again": WHO},
    {"$sealed": b64encode(b'"}],\\"x').decode(), "key": NO_KEY, "$": WHO},
    {"$sealed": WHO},
    {"$sealed": {"who": WHO}},
    {"$sealed": "", "who": WHO},
    {"who": WHO, "$sealed": "x", "key": str(UUID(int=7))},
    {"tracking": {"$sealed": WHO, "key": str(UUID(int=7))}},
    {"a": [{"customFields": {"$sealed": WHO, "key": NO_KEY}}]},
]
look_alikes = pytest.mark.parametrize("map", LOOK_ALIKES, ids=[f"{n}" for n, _ in enumerate(LOOK_ALIKES)])


@look_alikes
@pytest.mark.parametrize("sealing", [True, False], ids=["sealed", "unsealed"])
@pytest.mark.parametrize("field", ["tracking", "custom_fields"])
async def test_a_callers_value_in_the_sealed_form_is_kept_and_erased_like_any_other(
    map: dict[str, Any], sealing: bool, field: str
) -> None:
    sealed = EncryptedStores() if sealing else EncryptedStores(master=None)
    id = (await handlers(sealed.store).initiate(initiate(**{field: map}), caller())).basket.id
    await projected(sealed, id)

    assert getattr((await stored_basket(sealed.store, id)).details, field) == map
    assert getattr(BasketSnapshot.model_validate_json((await sealed.views.snapshots([id]))[id]).details, field) == map

    sealed.keys.destroy(id, 6)

    assert getattr((await stored_basket(sealed.store, id)).details, field) == {}
    for read in (
        (await sealed.store.read_stream(id)).events,
        (await sealed.views.snapshots([id]))[id],
        *(event.data for event in await sealed.feed.read(0, 100)),
    ):
        assert WHO.encode() not in read


@look_alikes
@pytest.mark.parametrize("sealing", [True, False], ids=["sealed", "unsealed"])
async def test_a_value_in_the_sealed_form_from_before_escaping_is_erased_too(
    map: dict[str, Any], sealing: bool
) -> None:
    old = InMemoryEventStore(utc_now)
    id = (await handlers(old).initiate(initiate(tracking=map), caller())).basket.id
    sealed = EncryptedStores(old) if sealing else EncryptedStores(old, master=None)
    assert WHO.encode() in (await sealed.store.read_stream(id)).events

    sealed.keys.destroy(id, 6)

    assert WHO.encode() not in (await sealed.store.read_stream(id)).events
    assert (await stored_basket(sealed.store, id)).details.tracking == {}


async def test_a_view_of_an_escaped_value_equals_its_rebuild() -> None:
    sealed = EncryptedStores(master=None)
    for map in LOOK_ALIKES:
        id = (await handlers(sealed.store).initiate(initiate(tracking=map), caller())).basket.id
        assert await projected(sealed, id) == to_view(await stored_basket(sealed.stored, id)).snapshot


async def test_the_key_of_another_basket_encrypts_nothing_here(sealed: EncryptedStores) -> None:
    other = await a_basket(sealed)
    (key,) = (await sealed.keys.newest([other])).values()
    plain = EncryptedStores(sealed.stored, sealed.stored_views, sealed.keys, master=None)
    map = {"$sealed": WHO, "key": key.id}
    id = (await handlers(plain.stored).initiate(initiate(tracking=map), caller())).basket.id
    assert (await stored_basket(sealed.store, id)).details.tracking == map

    sealed.keys.destroy(id, 6)

    assert (await stored_basket(sealed.store, id)).details.tracking == {}
    assert (await stored_basket(sealed.store, other)).details.tracking == {"who": MARKER}
