"""Folding structs gives the same view as folding models, byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import event as noted
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.basket.basket_view import to_view
from domain.basket.decision import CheckoutConfig, ExpiryFrom
from domain.basket.event_structs import EVENT_STRUCTS
from domain.basket.events import BasketEvent
from domain.basket.orders import OrderReport
from domain.basket.view_fold import project, project_structs
from domain.ports.event_store import StoredEvent
from domain.ports.read_models import BasketView
from domain.shared.errors import InvalidCommand
from domain.shared.eventsourcing import DomainEvent
from domain.shared.money import ExpectedPrice
from tests.builders import (
    LIFETIME,
    InMemoryCheckout,
    add,
    availability,
    caller,
    cancel,
    change,
    expect_price,
    initiate,
    item,
    money,
    offer,
    price,
    remove,
    swap,
    update,
    validate,
)
from tests.builders.stored_events import decode_stored, fold_basket
from tests.domain.stored import samples

EXPIRY_RULES: tuple[ExpiryFrom, ...] = ("creation", "last_change")
VERDICT_GOES_ON = b'],"evidence":['

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**60, 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(texts, values, max_size=3),
    max_leaves=6,
)
maps = st.dictionaries(texts, json_values, max_size=3)
offers = st.sampled_from(["o-1", "o-2", "o-unknown"])
steps = st.lists(
    st.sampled_from(
        ["add", "add", "change", "remove", "bring", "swap", "accept", "details", "validate", "forget", "wait"]
    ),
    max_size=8,
)


async def a_history(data: st.DataObject) -> Sequence[StoredEvent]:
    """The stored events of a basket with a random history."""
    expiry_from = data.draw(st.sampled_from(EXPIRY_RULES))
    checkout = InMemoryCheckout(policy=CheckoutConfig(expiry_from=expiry_from))
    await checkout.record(offer("o-1"), price("o-1"), offer("o-2"), price("o-2", "0.0001"), availability())
    begun = initiate(item("o-1", 2), tracking=data.draw(maps), custom_fields=data.draw(maps))
    id = (await checkout.handlers.initiate(begun, caller())).basket.id
    for step in data.draw(steps):
        lines = [*(await checkout.main.baskets.load(id)).items]
        match step:
            case "add":
                count = data.draw(st.integers(1, 5))
                await checkout.handlers.update(update(id, add(data.draw(offers), count, type="offer")), caller())
            case "change" if lines:
                line = data.draw(st.sampled_from(lines))
                await checkout.handlers.update(update(id, change(line, data.draw(st.integers(1, 9)))), caller())
            case "remove" if lines:
                await checkout.handlers.update(update(id, remove(data.draw(st.sampled_from(lines)))), caller())
            case "swap" if lines:
                # The other line may hold the version already.
                with suppress(InvalidCommand):
                    swapped = swap(
                        data.draw(st.sampled_from(lines)), data.draw(offers), data.draw(st.none() | st.just(7))
                    )
                    await checkout.handlers.update(update(id, swapped), caller())
            case "accept" if lines:
                current = price(
                    "o-1", data.draw(st.sampled_from(["11", "12.5"])), sequence=await checkout.facts.position_at()
                )
                await checkout.record(current)
                accepted = expect_price(data.draw(st.sampled_from(lines)), current.money)
                await checkout.handlers.update(update(id, accepted), caller())
            case "bring":
                expected = data.draw(
                    st.none() | st.sampled_from([money("9.99"), ExpectedPrice.of(money("9.99")), money("0.0001")])
                )
                items = [item("o-1", 3, expected_price=expected), item("o-2")][: data.draw(st.integers(1, 2))]
                await checkout.handlers.initiate(initiate(*items, checkout_id=id), caller())
            case "details":
                said = initiate(
                    item("o-1"),
                    checkout_id=id,
                    source=data.draw(st.none() | st.just("shöp")),
                    data_subject=data.draw(st.none() | st.just("p-1")),
                    custom_fields=data.draw(maps),
                )
                await checkout.handlers.initiate(said, caller())
            case "validate":
                await checkout.handlers.validate(validate(id), caller())
            case "forget":
                await checkout.forget(id)
            case "wait":
                checkout.clock.advance(timedelta(microseconds=data.draw(st.sampled_from([1, 120_000]))))
    await an_end(data, checkout, id)
    return await checkout.store.read_events(id)


async def an_end(data: st.DataObject, checkout: InMemoryCheckout, id: str) -> None:
    match data.draw(st.sampled_from(["", "completed", "reopened", "cancelled", "expired"])):
        case "completed" | "reopened" as end:
            order = data.draw(st.none() | st.just("order-1"))
            await checkout.handlers.complete(id, order, caller())
            if end == "reopened":
                checkout.clock.advance(data.draw(st.sampled_from([timedelta(0), timedelta(microseconds=1), LIFETIME])))
                await checkout.handlers.settle_order(OrderReport(id, order, "rejected", reason="größe"), caller())
                await checkout.handlers.update(update(id, add("o-2", type="offer")), caller())
        case "cancelled":
            await checkout.handlers.cancel(cancel(id, text=data.draw(st.none() | st.just("größe"))), caller())
        case "expired":
            checkout.clock.advance(LIFETIME)
            await checkout.handlers.expire(id, caller())


def folded(events: Sequence[StoredEvent]) -> BasketView:
    return to_view(fold_basket(decode_stored(events)))


def stored_over(begun: BasketView, moved: BasketView) -> BasketView:
    """A row after a move: references stay where they did not change."""
    return replace(moved, uses=begun.uses if moved.uses is None else moved.uses)


def cut(document: bytes) -> bytes:
    """A document as a rebuild reads it: a verdict ends before its evidence."""
    before, found, _ = document.partition(VERDICT_GOES_ON)
    return before + b"]}" if found else document


@given(st.data())
@settings(max_examples=80)
def test_both_ways_to_fold_a_history_give_the_same_view(data: st.DataObject) -> None:
    events = asyncio.run(a_history(data))
    wanted = folded(events)
    id, cut_at = events[0].stream_id, data.draw(st.integers(1, len(events)))
    begun = folded(events[:cut_at])

    caught_up = project_structs(id, b",".join(each.data for each in events[cut_at:]), begun.snapshot)
    views = [
        project_structs(events[0].stream_id, b",".join(each.data for each in events)),
        project_structs(events[0].stream_id, b",".join(cut(each.data) for each in events)),
    ]

    assert views[0] == views[1]
    noted("quick" if views[0] else "careful")
    assert views[0] in (None, wanted)
    assert (
        caught_up is None or replace(caught_up, uses=begun.uses if caught_up.uses is None else caught_up.uses) == wanted
    )
    assert caught_up is not None or views[0] is None or cut_at == len(events)
    assert project((each.version, each.data) for each in events).view == wanted


def plain_history() -> list[dict[str, Any]]:
    """One document of each type of event, except those that end a basket."""

    async def lived() -> Sequence[StoredEvent]:
        checkout = InMemoryCheckout()
        await checkout.record(offer("o-1"), price("o-1"))
        begun = initiate(item("o-1", 2), item("o-2", 1), custom_fields={"gift": True})
        id = (await checkout.handlers.initiate(begun, caller())).basket.id
        said = initiate(item("o-1", 3, expected_price=money()), checkout_id=id, source="shop")
        (held,) = (await checkout.handlers.initiate(said, caller())).basket.items
        await checkout.record(price("o-1", "11", sequence=2))
        await checkout.handlers.update(update(id, expect_price(held, money("11")), swap(held, "o-2")), caller())
        await checkout.handlers.validate(validate(id), caller())
        return await checkout.store.read_events(id)

    return [json.loads(each.data) for each in asyncio.run(lived())]


def joined(documents: Sequence[Any]) -> bytes:
    return json.dumps(documents, separators=(",", ":"), ensure_ascii=False).encode()[1:-1]


@pytest.mark.parametrize("event", BasketEvent.__args__)
def test_every_type_of_event_has_a_struct_with_its_own_apply(event: type[DomainEvent]) -> None:
    assert EVENT_STRUCTS[event].apply is event.apply


def test_an_ordinary_history_is_folded_by_structs() -> None:
    documents = plain_history()
    assert {each["type"].split(".")[1] for each in documents} == {
        "basket-initiated",
        "basket-details-changed",
        "order-item-added",
        "order-item-removed",
        "order-item-quantity-changed",
        "order-item-price-expected",
        "order-item-repriced",
        "order-item-swapped",
        "basket-validated",
    }
    assert project_structs(documents[0]["basketId"], joined(documents)) is not None


def test_catching_up_from_any_version_gives_the_view_of_all_events() -> None:
    documents = plain_history()
    id = documents[0]["basketId"]
    whole = project_structs(id, joined(documents))
    for version in range(1, len(documents)):
        begun = project_structs(id, joined(documents[:version]))
        assert begun is not None
        assert whole is not None
        caught_up = project_structs(id, joined(documents[version:]), begun.snapshot)
        assert caught_up is not None
        assert stored_over(begun, caught_up) == whole
        # An event comes twice, is missing, or belongs to another basket.
        assert project_structs(id, joined(documents[version - 1 :]), begun.snapshot) is None
        assert project_structs(id, joined(documents[version + 1 :]), begun.snapshot) is None
        assert project_structs("another", joined(documents[version:]), begun.snapshot) is None
    assert project_structs(id, joined(documents[1:]), b"{}") is None
    assert project_structs(id, b'{"odd":1}', project([(1, joined(documents[:1]))]).view.snapshot) is None  # type: ignore[union-attr]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, entry in entries for place in places(entry, (*path, key)))]


odd_values: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.0,
        2**70,
        "",
        "007.10",
        "1e3",
        "2026-11-23T12:00:00.1Z",
        "2026-11-23 12:00:00",
        [],
        {},
    ]
)


@given(st.data())
@settings(max_examples=300)
def test_a_damaged_history_is_left_to_the_models_or_gives_the_same_view(data: st.DataObject) -> None:
    documents = json.loads(json.dumps(_PLAIN))
    *path, last = data.draw(st.sampled_from([place for place in places(_PLAIN) if place]))
    inner: Any = documents
    for key in path:
        inner = inner[key]
    match data.draw(st.sampled_from(["replace", "remove", "add", "twice"])):
        case "replace":
            inner[last] = data.draw(odd_values)
        case "remove":
            del inner[last]
        case "add" if isinstance(inner, dict):
            inner["unheard_of"] = 1
        case "twice" if isinstance(inner, list):
            inner.append(inner[last])
    id = _PLAIN[0]["basketId"]

    quick = project_structs(id, joined(documents)) if documents else None

    if quick is None:
        noted("careful")
        return
    noted("the same")
    careful = project((number, joined([each])) for number, each in enumerate(documents, 1))
    # Stored values were validated when they were written; the structs check only some of them.
    assert careful.stuck is not None or careful.view == quick


_PLAIN = plain_history()


def test_golden_samples_give_the_same_view_either_way() -> None:
    initiated = samples()["basket-initiated"]
    for name, sample in samples().items():
        if name.startswith(("basket-initiated", "order-item-removed", "order-item-quantity", "order-item-price")):
            continue
        documents = [initiated, {**sample, "version": 2, "basketId": initiated["basketId"]}]
        careful = project((number, joined([each])) for number, each in enumerate(documents, 1))
        assert project_structs(initiated["basketId"], joined(documents)) in (None, careful.view), name
        begun = project([(1, joined(documents[:1]))]).view
        assert begun is not None
        caught_up = project_structs(initiated["basketId"], joined(documents[1:]), begun.snapshot)
        assert caught_up is None or stored_over(begun, caught_up) == careful.view, name


@pytest.mark.parametrize("documents", [b"", b"{", b"[]", b"1", b'"x"', b'{"type":"checkout.basket-initiated.v1"}'])
def test_documents_that_are_no_history_are_left_to_the_models(documents: bytes) -> None:
    assert project_structs("basket-1", documents) is None


def test_a_history_with_an_event_that_cannot_be_folded_gives_the_view_of_what_came_before() -> None:
    documents = plain_history()
    odd = {**documents[3], "type": "checkout.order-item-quantity-changed.v1"}
    stored = [joined([each]) for each in [*documents[:3], odd, *documents[4:]]]

    refolded = project(enumerate(stored, 1))

    assert refolded.stuck is not None
    assert refolded.stuck.version == 4
    assert refolded.view == project(enumerate(stored[:3], 1)).view
    assert refolded.view is not None
    assert refolded.view.version == 3


def test_an_event_of_a_newer_release_is_left_to_the_models_and_skipped() -> None:
    documents = plain_history()
    first = documents[0]
    newer = {
        "basketId": first["basketId"],
        "version": len(documents) + 1,
        "occurredAt": first["occurredAt"],
        "type": "checkout.basket-gift-wrapped.v1",
    }
    stored = [joined([each]) for each in [*documents, newer]]

    assert project_structs(first["basketId"], b",".join(stored)) is None
    refolded = project(enumerate(stored, 1))
    assert refolded.stuck is None
    assert refolded.view is not None
    assert refolded.view.version == len(stored)


@pytest.mark.parametrize(
    ("valid", "damaged"),
    [
        (b'"partner":"acme"', b'"partner":"ac\xffme"'),
        (b'"partner":"acme"', b'"partner":""'),
        (b'{"gift":true}', b'{"gift":' + b"[" * 3000 + b"]" * 3000 + b"}"),
        (b'{"gift":true}', b'{"gift":"\xff"}'),
        (b'{"gift":true}', b'{ "gift": true }'),
    ],
)
def test_a_damaged_or_unusual_document_is_left_to_the_models(valid: bytes, damaged: bytes) -> None:
    document = joined(_PLAIN[:1])
    assert document.count(valid) == 1
    assert project_structs(_PLAIN[0]["basketId"], document) is not None

    assert project_structs(_PLAIN[0]["basketId"], document.replace(valid, damaged)) is None
