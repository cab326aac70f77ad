from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import pytest
from pydantic_core import to_json

from domain.basket.basket_view import to_view
from domain.basket.projection import BasketProjection, ProjectionContended
from domain.basket.snapshot import BasketSnapshot
from domain.ports.event_store import Append, NewEvent
from domain.ports.read_models import BasketView
from domain.shared.eventsourcing import DomainEvent, fold
from tests.builders import InMemoryCheckout, add, availability, caller, initiate, item, offer, price, update, validate
from tests.fakes.basket_views import InMemoryBasketViews


async def a_history(checkout: InMemoryCheckout) -> list[DomainEvent]:
    """Seven events of one basket, in the store."""
    basket = (await checkout.handlers.initiate(initiate(item("o-1", 2)), caller())).basket
    await checkout.handlers.update(update(basket.id, add("o-2"), add("o-3")), caller())
    await checkout.handlers.validate(validate(basket.id), caller())
    await checkout.handlers.update(update(basket.id, add("o-1")), caller())
    await checkout.handlers.validate(validate(basket.id), caller())
    return await checkout.history(basket.id)


def snapshot_after(events: Sequence[DomainEvent]) -> bytes:
    basket = fold(None, events)
    assert basket is not None
    return to_json(BasketSnapshot.take(basket))


class ProjectionBench:
    def __init__(self, views: InMemoryBasketViews | None = None) -> None:
        self.checkout = InMemoryCheckout()
        self.views = views or InMemoryBasketViews()
        self.projection = BasketProjection(self.checkout.store, self.views, attempts=3)

    async def view(self, basket_id: str) -> bytes | None:
        return (await self.views.snapshots([basket_id])).get(basket_id)


@pytest.fixture
def bench() -> ProjectionBench:
    return ProjectionBench()


async def test_a_view_is_the_fold_of_the_events_however_they_are_cut_into_batches(
    bench: ProjectionBench,
) -> None:
    events = await a_history(bench.checkout)
    id = events[0].originator_id
    for cut in range(len(events) + 1):
        fresh = ProjectionBench()
        for part in (events[:cut], events[cut:]):
            assert await fresh.projection.apply({id: part}) == {}
        assert await fresh.view(id) == snapshot_after(events)


async def test_a_view_has_the_offers_and_products_of_a_closed_basket_too(bench: ProjectionBench) -> None:
    await bench.checkout.record(offer("o-1"), availability("SKU-1", status="blocked"))
    events = await a_history(bench.checkout)
    id = events[0].originator_id
    views = []
    # The second fold starts from the first one's snapshot, and knows the verdict from there.
    for upto in (len(events), len(events) + 1):
        if upto > len(events):
            await bench.checkout.handlers.complete(id, "order-1", caller())
        await bench.projection.apply({id: (await bench.checkout.history(id))[:upto]})
        views.append(bench.views.all()[0])

    assert [view.status for view in views] == ["open", "completed"]
    for view in views:
        assert view.offers == {"o-1", "o-2", "o-3"}
        assert (view.products, view.ready) == (frozenset({"SKU-1"}), False)
        assert view.finding_codes == {"offer_unknown", "price_missing", "product_blocked"}


async def test_a_view_has_the_findings_of_the_last_verdict_only(bench: ProjectionBench) -> None:
    await bench.checkout.record(offer("o-1"), price("o-1"), availability("SKU-1", status="blocked"))
    id = (await bench.checkout.handlers.initiate(initiate(item("o-1")), caller())).basket.id
    await bench.checkout.handlers.validate(validate(id), caller())
    await bench.projection.refold(id)
    assert bench.views.all()[0].finding_codes == {"product_blocked"}
    await bench.checkout.record(availability("SKU-1", sequence=2))

    await bench.checkout.handlers.validate(validate(id), caller())
    await bench.projection.refold(id)

    assert (bench.views.all()[0].finding_codes, bench.views.all()[0].ready) == (frozenset(), True)


async def test_repeated_events_in_any_order_change_nothing(bench: ProjectionBench) -> None:
    events = await a_history(bench.checkout)
    id = events[0].originator_id
    await bench.projection.apply({id: events})
    await bench.projection.apply({id: [events[3], events[0], *events, *reversed(events)]})
    assert await bench.view(id) == snapshot_after(events)


async def test_a_gap_is_filled_from_the_store_up_to_what_arrived(bench: ProjectionBench) -> None:
    events = await a_history(bench.checkout)
    id = events[0].originator_id
    await bench.projection.apply({id: [events[0]]})
    assert await bench.projection.apply({id: [events[4]]}) == {}
    assert await bench.view(id) == snapshot_after(events[:5])


async def test_an_event_beyond_the_end_of_the_store_stops_its_basket_at_the_end(
    bench: ProjectionBench,
) -> None:
    events = await a_history(bench.checkout)
    id = events[0].originator_id
    beyond = events[-1].model_copy(update={"originator_version": 20})
    stuck = await bench.projection.apply({id: [events[0], beyond]})
    assert stuck[id].version == 20
    assert await bench.view(id) == snapshot_after(events)


async def test_an_event_that_does_not_fit_stops_its_basket_only(bench: ProjectionBench) -> None:
    first, second = await a_history(bench.checkout), await a_history(bench.checkout)
    id, other = first[0].originator_id, second[0].originator_id
    again = first[0].model_copy(update={"originator_version": 3})

    stuck = await bench.projection.apply({id: [*first[:2], again, *first[3:]], other: second})

    assert stuck.keys() == {id}
    assert stuck[id].version == 3
    assert await bench.view(id) == snapshot_after(first[:2])
    assert await bench.view(other) == snapshot_after(second)


async def test_an_unreadable_view_stops_its_basket(bench: ProjectionBench) -> None:
    events = await a_history(bench.checkout)
    basket = fold(None, events[:2])
    assert basket is not None
    odd = to_view(basket)
    await bench.views.advance([(0, BasketView(**{**_fields(odd), "snapshot": b"{}"}))])
    stuck = await bench.projection.apply({odd.basket_id: events})
    assert "snapshot" in stuck[odd.basket_id].error


async def test_two_projections_of_the_same_baskets_end_with_the_same_views(bench: ProjectionBench) -> None:
    history = await a_history(bench.checkout)
    id = history[0].originator_id
    other = BasketProjection(bench.checkout.store, bench.views)
    for event in history:
        await asyncio.gather(bench.projection.apply({id: [event]}), other.apply({id: history[:3]}))
    assert await bench.view(id) == snapshot_after(history)


class NobodyMoves(InMemoryBasketViews):
    """Views that somebody else always moves first."""

    async def advance(self, views: Sequence[tuple[int, BasketView]]) -> Collection[str]:
        return set()


async def test_views_that_others_keep_moving_are_contended() -> None:
    bench = ProjectionBench(NobodyMoves())
    events = await a_history(bench.checkout)
    with pytest.raises(ProjectionContended):
        await bench.projection.apply({events[0].originator_id: events})


async def test_refolding_moves_a_view_to_the_end_of_the_store(bench: ProjectionBench) -> None:
    events = await a_history(bench.checkout)
    id = events[0].originator_id
    assert await bench.projection.refold(id) is None
    assert await bench.view(id) == snapshot_after(events)


async def test_refolding_reports_the_version_that_cannot_be_folded(bench: ProjectionBench) -> None:
    events = await a_history(bench.checkout)
    id = events[0].originator_id
    await bench.checkout.store.append(Append(id, len(events), [NewEvent("odd", b'{"odd":1}', b"{}")]))
    stuck = await bench.projection.refold(id)
    assert stuck is not None
    assert stuck.version == len(events) + 1


def _fields(view: BasketView) -> dict[str, object]:
    return {name: getattr(view, name) for name in view.__slots__}
