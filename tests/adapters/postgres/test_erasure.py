"""Erased personal data is gone from everything that PostgreSQL stores and that is shown of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from msgspec import structs
from pydantic_core import from_json

from adapters.container import Container
from adapters.encryption.envelope import key_id_of
from adapters.encryption.keys import MasterKeys
from adapters.encryption.personal_data import PersonalDataCipher
from adapters.encryption.stores import EncryptedEventStore
from adapters.postgres import migrations
from adapters.postgres.erasure import PostgresErasureStore
from adapters.system import new_id, utc_now
from domain.basket.basket_view import to_view
from domain.basket.codec import decode_all, encode
from domain.basket.events import BasketPersonalDataForgotten
from domain.operators.audit import OperatorAction
from domain.operators.erasure import BasketSelection, NothingToErase, Person
from domain.ports.event_store import Append, NewEvent
from domain.ports.messaging import DeadLetter
from domain.shared.eventsourcing import DomainEvent
from domain.shared.values import MessageSource
from domain.validation.verdict_assembler import VerdictAssembler
from tests.adapters.postgres.conftest import DAY
from tests.adapters.postgres.erasure_setup import GRACE, MARKER, a_basket, project, service, tables_holding
from tests.builders import add, basket_id, caller, initiate, item, update, validate
from tests.builders.direct_handlers import DirectHandlers
from tests.builders.stored_events import stored_basket
from tests.rebuild_steps import generations, rebuild_all
from tests.scenario import happened
from tests.servers.waiting import eventually

SCRIPT = (Path(migrations.__file__).parent / "versions" / "0018_readable_events_and_erased_letters.sql").read_text()
ADA = Person(subject="p-1")


@pytest.fixture
async def container(database_url: str, tmp_path: Path) -> AsyncIterator[Container]:
    async with service(database_url, tmp_path) as container:
        yield container


def a_letter(basket_id: str) -> DeadLetter:
    return DeadLetter(
        source=MessageSource("checkout.basket-events.v1", 0, 7),
        key=basket_id.encode(),
        value=f'{{"who":"{MARKER}"}}'.encode(),
        headers=(),
        code="unreadable",
        error=f"input_value='{MARKER}'",
        basket_id=basket_id,
    )


async def test_plain_personal_data_is_stored_only_in_responses_and_dead_letters(
    container: Container, connection: asyncpg.Connection
) -> None:
    id = await a_basket(container, answered=True)
    await project(container, id)
    await container.blocked_baskets.record([a_letter(id)])
    assert await tables_holding(connection) == {"answers", "dead_letters"}
    assert await tables_holding(connection, "p-1") == {"answers", "basket_subjects"}


async def test_after_an_erasure_no_table_holds_the_personal_data(
    container: Container, connection: asyncpg.Connection
) -> None:
    id = await a_basket(container, answered=True)
    await project(container, id)
    await container.blocked_baskets.record([a_letter(id)])

    forgotten = await container.erasure.erase(ADA, GRACE)

    assert (forgotten.basket_ids, forgotten.stored_in_the_clear) == ((id,), ())
    assert (forgotten.keys_destroyed, forgotten.answers_emptied, forgotten.dead_letters_emptied) == (1, 3, 1)
    assert await tables_holding(connection) == set()
    assert await tables_holding(connection, "p-1") == set()


@pytest.mark.parametrize("named_by", ["basket_id", "key", "header"])
async def test_a_dead_letter_is_emptied_however_it_names_the_basket(
    container: Container, connection: asyncpg.Connection, named_by: str
) -> None:
    id, other = await a_basket(container), await a_basket(container, subject="p-2")
    about = replace(
        a_letter(id),
        basket_id=id if named_by == "basket_id" else None,
        key=id.encode() if named_by == "key" else None,
        headers=[("ce_subject", id.encode())] if named_by == "header" else [],
    )
    await container.blocked_baskets.record([about, replace(a_letter(other), source=MessageSource("another", 0, 1))])

    assert (await container.erasure.erase(ADA, GRACE)).dead_letters_emptied == 1

    left = await connection.fetch("SELECT topic FROM dead_letters WHERE value IS NOT NULL")
    assert [row["topic"] for row in left] == ["another"]


async def test_a_dead_letter_keeps_nothing_but_the_basket_id(
    container: Container, connection: asyncpg.Connection
) -> None:
    id = await a_basket(container)
    headers = [
        ("ce_subject", id.encode()),
        ("x-mail", MARKER.encode()),
        (MARKER, b"1"),
        ("ce_id", MARKER.encode()),
    ]
    await container.blocked_baskets.record([replace(a_letter(id), headers=headers)])
    odd = replace(a_letter(id), source=MessageSource("other", 0, 1), key=MARKER.encode(), headers=headers)
    await container.blocked_baskets.record([odd])

    assert (await container.erasure.erase(ADA, GRACE)).dead_letters_emptied == 2

    assert await tables_holding(connection) == set()
    page = await container.dead_letter_service.list(None, 10, basket_id=id)
    assert [letter.basket_id for letter in page.letters] == [id, id]


async def test_the_migration_removes_headers_of_letters_emptied_by_an_earlier_release(
    container: Container, connection: asyncpg.Connection
) -> None:
    id = basket_id()
    left = replace(
        a_letter(id),
        value=None,
        error="forgotten with the personal data of its basket",
        headers=[("x", MARKER.encode()), ("ce_subject", id.encode())],
    )
    waiting = replace(left, source=MessageSource("other", 0, 1), error="unreadable")
    await container.blocked_baskets.record([left, waiting])

    await connection.execute("UPDATE" + SCRIPT.partition("UPDATE")[2])

    rows = await connection.fetch("SELECT about, key, header_names, header_values FROM dead_letters ORDER BY topic")
    assert [*rows[0]] == [id, id.encode(), ["ce_subject"], [id.encode()]]
    assert rows[1]["header_names"] == ["x", "ce_subject"]


async def test_a_dead_letter_whose_message_mentions_the_basket_is_emptied(
    container: Container, connection: asyncpg.Connection
) -> None:
    id, other = await a_basket(container), await a_basket(container, subject="p-2")
    for offset, spoken_of in enumerate((id, other)):
        body = f'{{"order":{{"checkoutId":"{spoken_of}","tracking":{{"who":"{MARKER}"}}}}}}'
        await container.blocked_baskets.record(
            [
                DeadLetter(
                    source=MessageSource("checkout.commands.v1", 0, offset),
                    key=b"k",
                    value=body.encode(),
                    headers=[("x", MARKER.encode())],
                    code="no_command_id",
                    error="nobody can be told",
                )
            ]
        )

    assert (await container.erasure.erase(ADA, GRACE)).dead_letters_emptied == 1

    left = await connection.fetch("SELECT message_offset FROM dead_letters WHERE value IS NOT NULL")
    assert [row["message_offset"] for row in left] == [1]


async def test_a_letter_recorded_after_the_erasure_is_emptied_by_the_next_one(
    container: Container, connection: asyncpg.Connection
) -> None:
    id = await a_basket(container)
    await container.erasure.erase(ADA, GRACE)
    await container.blocked_baskets.record([a_letter(id)])
    these = BasketSelection(basket_ids=(id,))

    assert (await container.erasure.erase(these, GRACE)).dead_letters_emptied == 1
    assert await tables_holding(connection) == set()
    assert (await container.erasure.erase(these, GRACE)).unchanged == 1


@pytest.mark.parametrize("actor", ["a\x00b", "a\x9bb", "a\u202eb", "x" * 3000])
@pytest.mark.parametrize("whom", ["the person", "the basket"])
async def test_a_basket_is_erased_whatever_its_creator_is_called(container: Container, actor: str, whom: str) -> None:
    """Older releases stored such metadata."""
    me = structs.replace(caller("acme"), actor=actor)
    said = {"tracking": {"who": MARKER}, "data_subject": "p-1"}
    id = (await DirectHandlers(container.handlers).initiate(initiate(**said), me)).basket.id

    meant = ADA if whom == "the person" else BasketSelection(basket_ids=(id,))
    assert (await container.erasure.begin(meant, GRACE)).organisations == {"acme": 1}
    assert (await container.erasure.erase(meant, GRACE)).basket_ids == (id,)
    assert (await stored_basket(container.event_store, id)).details.tracking == {}


@pytest.mark.parametrize("odd", ["a\x00b", "a\x9bb", "a\u202eb", "x" * 5000])
async def test_a_person_with_an_unstorable_id_is_unknown(container: Container, odd: str) -> None:
    await a_basket(container)
    for whom in (Person(subject=odd), Person(subject="p-1", partner=odd), BasketSelection(basket_ids=(odd,))):
        with pytest.raises(NothingToErase):
            await container.erasure.begin(whom, GRACE)


async def test_the_view_for_people_shows_events_with_any_metadata(
    container: Container, connection: asyncpg.Connection
) -> None:
    await DirectHandlers(container.handlers).initiate(initiate(), structs.replace(caller("acme"), actor="a\x00b"))
    (row,) = await connection.fetch("SELECT metadata ->> 'actor' AS actor FROM readable_events")
    assert row["actor"] == "a\ufffdb"


@pytest.mark.parametrize("sealing", [True, False], ids=["sealed", "unsealed"])
async def test_other_processes_drop_an_erased_basket_from_memory(
    database_url: str, tmp_path: Path, sealing: bool
) -> None:
    async with (
        service(database_url, tmp_path, sealing=sealing) as one,
        service(database_url, tmp_path, sealing=sealing) as other,
    ):
        id = await a_basket(one)
        await DirectHandlers(one.handlers).validate(validate(id), caller("acme"))
        assert in_memory(one)
        await other.erasure.erase(BasketSelection(basket_ids=(id,)), GRACE)
        await eventually(lambda: not in_memory(one))


def in_memory(container: Container) -> bool:
    """Whether a cached basket of the process holds the marker."""
    handlers = container.handlers
    return MARKER in str(
        [*handlers._baskets._cache._baskets.values(), *handlers._validator._verdicts._verdicts.values()]
    )


async def test_older_generations_of_the_views_cannot_be_decrypted(
    container: Container, connection: asyncpg.Connection
) -> None:
    id = await a_basket(container)
    await project(container, id)
    await rebuild_all(container.rebuilds)
    assert await generations(connection) == {"public", "checkout_kept"}
    await container.erasure.erase(ADA, GRACE)
    assert await tables_holding(connection) == set()
    await container.rebuilds.roll_back("basket-views", GRACE)
    assert MARKER.encode() not in (await container.basket_views.snapshots([id]))[id]


@pytest.mark.parametrize("sealing", [True, False], ids=["sealed", "unsealed"])
async def test_a_callers_value_in_the_sealed_form_is_erased(database_url: str, tmp_path: Path, sealing: bool) -> None:
    """An older release without master keys took it for encrypted, and kept it."""
    for map in (
        {"$sealed": MARKER},
        {"$sealed": "adalovelace", "key": f"{UUID(int=7)}"},
        {"$sealed": {"a": MARKER}},
    ):
        async with service(database_url, tmp_path, sealing=sealing) as container:
            id = (await DirectHandlers(container.handlers).initiate(initiate(tracking=map), caller("acme"))).basket.id
            await project(container, id)
            assert (await stored_basket(container.event_store, id)).details.tracking == map
            forgotten = await container.erasure.erase(BasketSelection(basket_ids=(id,)), GRACE)
            assert forgotten.stored_in_the_clear == (() if sealing else (id,))
            assert (await stored_basket(container.event_store, id)).details.tracking == {}
            assert (await container.handlers.get(id, "acme")).details.tracking == {}
        async with service(database_url, tmp_path, sealing=sealing) as another:
            assert (await another.handlers.get(id, "acme")).details.tracking == {}


async def test_after_an_erasure_no_reader_shows_the_personal_data(container: Container) -> None:
    id = await a_basket(container, answered=True)
    await project(container, id)
    await VerdictAssembler(container.event_store).of(await container.event_feed.read(0, 100))

    await container.erasure.erase(ADA, GRACE)

    stream = await container.event_store.read_stream(id)
    events = await container.event_feed.read(0, 100)
    shown = [
        stream.snapshot or b"",
        stream.events,
        *(event.data for event in events),
        *(event.data for event in await container.event_store.read_events(id)),
        *(await container.basket_views.snapshots([id])).values(),
        *(str(verdict).encode() for verdict in (await VerdictAssembler(container.event_store).of(events)).values()),
    ]
    assert not [one for one in shown if MARKER.encode() in one or b"p-1" in one]
    # A repeated request gets the same response without the personal data.
    answered = [
        await container.event_store.find_response(f"acme/{route}", key)
        for route in ("update", "validate")
        for key in await keys_of(container)
    ]
    bodies = [from_json(found.response.body) for found in answered if found is not None]
    orders = [body.get("order") or body["checkout"] for body in bodies]
    persons = ("customerDetails", "billingDetails", "deliveryDetails")
    assert [order[name] for order in orders for name in persons] == [{}] * 6
    assert [order["market"]["source"] for order in orders] == ["country"] * 2
    assert [body.get("ignoredMore") for body in bodies] == [1, None]
    assert [(o["tracking"], o["customFields"], o["dataSubject"], len(o["orderItems"])) for o in orders] == [
        ({}, {}, None, 2),
        ({}, {}, None, 2),
    ]


async def keys_of(container: Container) -> list[str]:
    async with container.database.connection() as connection:
        return [row["key"] for row in await connection.fetch("SELECT DISTINCT key FROM answers")]


async def test_an_erased_basket_keeps_all_its_events_and_folds_to_the_same(container: Container) -> None:
    id = await a_basket(container)
    before, told = await stored_basket(container.event_store, id), happened(await history(container, id))

    await container.erasure.erase(ADA, GRACE)

    after = await stored_basket(container.event_store, id)
    assert happened(await history(container, id)) == [*told, ("personal data forgotten",)]
    assert (after.items, after.version, after.details) == (
        before.items,
        before.version + 1,
        before.details.without_personal_data(),
    )


async def history(container: Container, basket_id: str) -> list[DomainEvent]:
    return [*decode_all((await container.event_store.read_stream(basket_id)).events)]


async def test_only_the_baskets_of_the_person_are_erased(container: Container) -> None:
    mine = [await a_basket(container) for _ in range(3)]
    theirs = await a_basket(container, subject="p-2")
    nobodys = await a_basket(container, subject=None)

    forgotten = await container.erasure.erase(ADA, GRACE)

    assert set(forgotten.basket_ids) == set(mine)
    assert [(await stored_basket(container.event_store, id)).details.tracking for id in (theirs, nobodys)] == [
        {"who": MARKER}
    ] * 2


async def test_the_same_id_at_two_organisations_means_two_persons(container: Container) -> None:
    acmes, zetas = await a_basket(container, "acme"), await a_basket(container, "zeta")
    of_zeta = Person(subject="p-1", partner="zeta")
    assert (await container.erasure.begin(ADA, GRACE)).organisations == {"acme": 1, "zeta": 1}
    assert (await container.erasure.erase(of_zeta, GRACE)).basket_ids == (zetas,)
    assert (await stored_basket(container.event_store, acmes)).details.tracking == {"who": MARKER}


async def test_a_basket_that_ever_belonged_to_the_person_is_erased(container: Container) -> None:
    id = await a_basket(container)
    other = initiate(item("o-1", 2), checkout_id=id, tracking={"who": "charles"}, data_subject="p-3")
    await DirectHandlers(container.handlers).initiate(other, caller())
    assert (await container.erasure.erase(ADA, GRACE)).basket_ids == (id,)
    assert (await stored_basket(container.event_store, id)).details.data_subject is None


async def test_a_basket_is_erased_by_its_id_and_a_repetition_changes_nothing(container: Container) -> None:
    id = await a_basket(container, subject=None)
    this = BasketSelection(basket_ids=(id,))

    first = await container.erasure.erase(this, GRACE)
    again = await container.erasure.erase(this, GRACE)

    assert (first.basket_ids, first.unchanged) == ((id,), 0)
    assert (again.basket_ids, again.unchanged, again.keys_destroyed, again.action_id) == ((), 1, 0, None)
    (action,) = await container.audit_log.newest(None, 5)
    assert (action.id, action.scope["basket"]) == (first.action_id, id)


async def test_the_audit_log_does_not_name_the_person(container: Container) -> None:
    await a_basket(container)
    forgotten = await container.erasure.erase(ADA, GRACE)
    actions = await container.audit_log.newest(None, 5)
    assert len(actions) == 1
    (action,) = actions
    assert (action.id, action.operator) == (forgotten.action_id, GRACE)
    assert (action.scope["baskets"], action.scope["organisations"]) == (1, {"acme": 1})
    assert "p-1" not in str(action.scope)


async def test_an_erasure_of_an_unknown_person_is_not_recorded(container: Container) -> None:
    for whom in (Person(subject="p-9"), BasketSelection(basket_ids=("basket-none",))):
        with pytest.raises(NothingToErase):
            await container.erasure.erase(whom, GRACE)
    assert await container.audit_log.newest(None, 5) == []


async def test_data_added_after_an_erasure_is_kept_and_can_be_erased_again(
    container: Container, connection: asyncpg.Connection
) -> None:
    id = await a_basket(container)
    await container.erasure.erase(ADA, GRACE)
    bring = initiate(item("o-1", 2), checkout_id=id, tracking={"who": MARKER}, data_subject="p-1")

    await DirectHandlers(container.handlers).initiate(bring, caller())
    await project(container, id)

    assert (await stored_basket(container.event_store, id)).details.tracking == {"who": MARKER}
    assert MARKER.encode() in (await container.basket_views.snapshots([id]))[id]
    assert await tables_holding(connection) == set()
    assert (await container.erasure.erase(ADA, GRACE)).basket_ids == (id,)
    assert (await stored_basket(container.event_store, id)).details.tracking == {}


async def test_a_concurrent_change_is_decided_again_and_nothing_is_lost(
    container: Container, database_url: str, tmp_path: Path
) -> None:
    id = await a_basket(container)
    async with service(database_url, tmp_path) as other:
        await DirectHandlers(other.handlers).update(
            update(id, add("o-3")), caller()
        )  # from here on it caches the basket
        await container.erasure.erase(ADA, GRACE)
        bring = initiate(item("o-1", 2), checkout_id=id, tracking={"later": MARKER}, data_subject="p-1")
        brought = (await DirectHandlers(other.handlers).initiate(bring, caller())).basket
        assert brought.details.tracking == {"later": MARKER}
    assert (await stored_basket(container.event_store, id)).details.tracking == {"later": MARKER}


async def test_calls_during_an_erasure_all_succeed(container: Container, database_url: str, tmp_path: Path) -> None:
    ids = [await a_basket(container) for _ in range(8)]
    async with service(database_url, tmp_path) as other:

        async def work(id: str) -> None:
            for number in range(10):
                await DirectHandlers(other.handlers).update(update(id, add(f"o-{number}")), caller())

        await asyncio.gather(*map(work, ids), container.erasure.erase(ADA, GRACE))
    for id in ids:
        basket = await stored_basket(container.event_store, id)
        assert (basket.details.tracking, basket.version) == ({}, 17)


async def test_another_process_drops_its_cached_keys_when_notified(
    container: Container, database_url: str, tmp_path: Path
) -> None:
    id = await a_basket(container)
    async with service(database_url, tmp_path) as other:
        master = MasterKeys.read(tmp_path / "data-key")
        keeping = EncryptedEventStore(
            other.raw_event_store, PersonalDataCipher(other.data_keys, master, new_id, cache_seconds=3600)
        )
        assert MARKER.encode() in (await keeping.read_events(id))[0].data
        await container.erasure.erase(ADA, GRACE)

        async def gone() -> bool:
            return MARKER.encode() not in (await keeping.read_events(id))[0].data

        await eventually(gone, limit=20)


async def test_an_erasure_that_fails_at_its_last_step_changed_nothing(container: Container) -> None:
    ids = sorted([await a_basket(container) for _ in range(3)])
    baskets = PostgresErasureStore(container.database, DAY, key_id_of)
    action = OperatorAction(
        id=new_id(),
        type="operations.personal-data-forgotten.v1",
        operator=GRACE,
        scope={},
        occurred_at=utc_now(),
    )

    def new_event(basket_id: str, partner: str, version: int) -> NewEvent:
        event = BasketPersonalDataForgotten(
            originator_id=basket_id,
            originator_version=version,
            timestamp=utc_now(),
            action_id=action.id,
        )
        return NewEvent(event.TOPIC, encode(event), b'{"partner":"acme"}')

    with pytest.raises(asyncpg.NotNullViolationError):
        await baskets.erase(await baskets.of_person(ADA), new_event, action.model_copy(update={"occurred_at": None}))

    assert [*await baskets.of_person(ADA)] == ids
    assert [(await stored_basket(container.event_store, id)).details.tracking for id in ids] == [{"who": MARKER}] * 3
    assert (await container.erasure.erase(ADA, GRACE)).basket_ids == tuple(ids)


async def test_baskets_with_unencrypted_events_are_named_and_show_no_personal_data(
    container: Container, database_url: str, tmp_path: Path, connection: asyncpg.Connection
) -> None:
    async with service(database_url, tmp_path, sealing=False) as old:
        id, other = await a_basket(old), await a_basket(old, subject=None)
        await project(old, id)
    assert await tables_holding(connection) == {"events", "basket_views"}

    forgotten = await container.erasure.erase(ADA, GRACE)

    assert (forgotten.basket_ids, forgotten.stored_in_the_clear) == ((id,), (id,))
    shown = [event.data for event in await container.event_feed.read(0, 100) if event.stream_id == id]
    shown += [
        *(await container.basket_views.snapshots([id])).values(),
        (await container.event_store.read_stream(id)).events,
    ]
    assert not [one for one in shown if MARKER.encode() in one]
    assert (await stored_basket(container.event_store, id)).details.tracking == {}
    assert (await stored_basket(container.event_store, other)).details.tracking == {"who": MARKER}
    await project(container, id)
    assert await tables_holding(connection) == {"events"}
    again = await container.erasure.erase(BasketSelection(basket_ids=(id,)), GRACE)
    assert again.unchanged == 1


async def test_a_failed_append_leaves_no_trace_of_the_person(
    container: Container, connection: asyncpg.Connection
) -> None:
    data = b'{"type":"checkout.basket-initiated.v1","details":{"dataSubject":"p-7","tracking":{"a":1}}}'
    event = NewEvent("checkout.basket-initiated.v1", data, b'{"partner":"acme"}')
    await container.event_store.append(Append("basket-never", 1, [event]))  # a conflict: it has no first event
    assert await tables_holding(connection, "p-7") == {"basket_subjects"}
    await connection.execute("UPDATE data_keys SET created_at = now() - interval '2 hours'")

    with pytest.raises(NothingToErase):
        await container.erasure.erase(Person(subject="p-7"), GRACE)

    assert await tables_holding(connection, "p-7") == set()
    assert await connection.fetchval("SELECT count(*) FROM data_keys") == 0


async def test_a_projected_view_equals_the_fold_of_the_stored_events(
    container: Container,
) -> None:
    id = await a_basket(container)
    await project(container, id)
    stored = (await container.raw_event_store.read_stream(id)).snapshot
    assert stored == to_view(await stored_basket(container.raw_event_store, id)).snapshot


async def test_a_validation_after_an_erasure_checks_the_same_basket(container: Container) -> None:
    id = await a_basket(container)
    await container.erasure.erase(ADA, GRACE)
    validated = await DirectHandlers(container.handlers).validate(validate(id), caller())
    assert (validated.before.details.tracking, len(validated.before.items)) == ({}, 1)
