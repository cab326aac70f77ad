"""An order is the same bytes, whether its parts were rendered before or not, of models and of structs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import event as noted
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from domain.basket.basket import Basket
from domain.basket.event_structs import decode_structs
from domain.basket.serialization import order_json, state_json
from domain.basket.view_fold import project_structs
from domain.ports.event_store import StoredEvent
from tests.builders import NOW, basket, line, money, unpriced
from tests.builders.stored_events import decode_stored, fold_basket
from tests.builders.sums import sum_up
from tests.domain.basket.test_event_structs import a_history


def struct_baskets(events: Sequence[StoredEvent]) -> list[Basket] | None:
    """The basket after each event, folded from structs; None where the structs do not take the events."""
    structs = decode_structs(b",".join(event.data for event in events))
    if structs is None:
        return None
    began = structs[0].timestamp
    current = Basket.from_snapshot(id=events[0].stream_id, version=0, created=began, modified=began)
    baskets: list[Basket] = []
    for version, happened in enumerate(structs, 1):
        current = current.fork()
        happened.apply(current)
        current.version, current.modified_on = version, happened.timestamp
        baskets.append(current)
    return baskets


@given(st.data())
@settings(max_examples=40)
def test_kept_parts_and_structs_give_the_bytes_of_a_basket_that_was_never_rendered(data: st.DataObject) -> None:
    stored = asyncio.run(a_history(data))
    events = decode_stored(stored)
    from_structs = struct_baskets(stored)
    noted("models only" if from_structs is None else "structs too")
    kept = fold_basket(events[:1])
    for version in range(1, len(events) + 1):
        wanted = order_json(fold_basket(events[:version]))
        if version > 1:
            kept = kept.fork()
            events[version - 1].mutate(kept)
        assert order_json(kept) == wanted
        assert order_json(kept.fork()) == wanted
        if from_structs is not None:
            shown = order_json(from_structs[version - 1])
            assert from_json(shown) == from_json(wanted)
            canonical = project_structs(kept.id, b",".join(each.data for each in stored[:version]))
            assert canonical is None or shown == wanted
    assert from_json(state_json(kept)) == {"id": kept.id, "order": from_json(order_json(kept))}


@given(st.data())
@settings(max_examples=40)
def test_the_sums_of_a_basket_are_those_of_its_lines_at_every_version(data: st.DataObject) -> None:
    events = decode_stored(asyncio.run(a_history(data)))
    current = fold_basket(events[:1])
    for event in events[1:]:
        event.mutate(current)
        items = current.items.values()
        assert current.sums == sum_up([item.price for item in items], [item.quantity for item in items])


def test_what_one_fork_renders_is_not_what_another_shows() -> None:
    before = basket(line("line-1", price=money("9.90")), unpriced(line("line-2", "o-2")))
    order_json(before)
    one, other = before.fork(), before.fork()
    one.change_quantity("line-1", 3, NOW)
    other.change_quantity("line-1", 4, NOW)

    orders = [from_json(order_json(each)) for each in (one, other, before)]

    assert [each["orderItems"][0]["quantity"] for each in orders] == [3, 4, 1]
    assert [each["orderItems"][0]["lineTotal"]["amount"] for each in orders] == ["29.70", "39.60", "9.90"]


def test_a_basket_that_expired_is_shown_expired_though_it_was_rendered_open() -> None:
    current = basket(line("line-1"))
    assert from_json(order_json(current))["status"] == "open"

    late = current.as_seen_at(current.expires_at)

    assert from_json(order_json(late))["status"] == "expired"
    assert from_json(order_json(current.as_seen_at(current.expires_at - timedelta(microseconds=1))))["status"] == "open"


def test_forks_that_are_given_up_leave_nothing_behind() -> None:
    held = basket(line("line-1", price=money("9.90")))
    for number in range(20):
        fork = held.fork()
        fork.add_item(unpriced(line(f"line-{number + 2}", "o-2")), NOW)
        order_json(fork)
    assert len(held.rendered.lines) <= 2


def test_only_small_parts_are_kept() -> None:
    held = basket(line("line-1", price=money("9.90")))
    order_json(held)
    assert held.rendered.whole is not None
    large = held.fork()
    large.set_details(large.details.with_trusted(custom_fields={"text": "x" * 100_000}), NOW)
    assert order_json(large) == order_json(large)
    assert (large.rendered.whole, large.rendered.details) == (held.rendered.whole, held.rendered.details)
