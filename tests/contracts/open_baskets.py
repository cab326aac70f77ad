"""The contract of every OpenBaskets. The suite of an adapter subclasses it and provides the fixture `place`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from domain.basket.basket import Basket
from domain.basket.codec import encode
from domain.basket.projection import BasketProjection
from domain.ports.event_store import Append, EventStore, NewEvent
from domain.ports.read_models import BasketView, BasketViews, OpenBaskets
from tests.builders import LIFETIME, NOW, basket, line
from tests.contracts.basket_views import a_view, later
from tests.contracts.catalogue import unique


@dataclass(frozen=True)
class OpenBasketsPlace:
    """Views, the search over them, and their store."""

    views: BasketViews
    baskets: OpenBaskets
    store: EventStore

    async def using(self, *names: str) -> list[str]:
        return [*await self.baskets.using(names, "", 100)]

    async def stored(self, basket: Basket) -> None:
        events = [NewEvent(event.TOPIC, encode(event), b"{}") for event in basket.collect()]
        await self.store.append(Append(basket.id, basket.version - len(events), events))

    async def projected(self, basket: Basket) -> None:
        await BasketProjection(self.store, self.views).refold(basket.id)


def using(*names: str) -> BasketView:
    return a_view(uses=frozenset(names))


class OpenBasketsContract:
    async def test_baskets_are_found_by_any_reference_ordered_by_id(self, place: OpenBasketsPlace) -> None:
        one, two, other = unique("offer/o"), unique("offer/o"), unique("offer/o")
        views = [using(one), using(two, one), using(other), using(two)]
        await place.views.advance([(0, view) for view in views])

        found = sorted(views[at].basket_id for at in (0, 1, 3))
        assert await place.using(one, two) == found
        assert [*await place.baskets.using([one, two], found[0], 1)] == [found[1]]
        assert await place.using(unique("offer/o")) == []
        assert [await place.baskets.count(name) for name in (one, other, unique("offer/o"))] == [2, 1, 0]

    async def test_a_moved_view_is_found_by_its_new_references(self, place: OpenBasketsPlace) -> None:
        before, kept, after = (unique("product/p") for _ in range(3))
        view = using(before, kept)
        await place.views.advance([(0, view)])
        await place.views.advance([(1, replace(later(view, 2), uses=frozenset({kept, after})))])

        assert await place.using(before) == []
        assert await place.using(kept) == await place.using(after) == [view.basket_id]

    async def test_a_view_without_references_is_found_as_before(self, place: OpenBasketsPlace) -> None:
        name = unique("offer/o")
        view = using(name)
        await place.views.advance([(0, view)])
        await place.views.advance([(1, replace(later(view, 2), uses=None))])

        assert await place.using(name) == [view.basket_id]

    async def test_a_view_that_does_not_move_is_found_as_before(self, place: OpenBasketsPlace) -> None:
        name, other = unique("offer/o"), unique("offer/o")
        view = using(name)
        await place.views.advance([(0, view)])
        await place.views.advance([(5, replace(later(view, 6), uses=frozenset({other})))])

        assert await place.using(name) == [view.basket_id]
        assert await place.using(other) == []

    async def test_a_basket_is_found_by_its_offers_and_products_while_it_is_open(self, place: OpenBasketsPlace) -> None:
        made = basket(id=f"basket-{unique('x')}")
        mark = unique("o")
        fresh = Basket.initiate(id=made.id, partner=mark, details=made.details, now=NOW, expires_at=NOW + LIFETIME)
        fresh.add_item(line(offer=mark, products=[f"{mark}-p"]), NOW)
        await place.stored(fresh)
        await place.projected(fresh)
        names = [f"offer/{mark}", f"product/{mark}-p", f"policy/{mark}"]
        assert [await place.using(name) for name in names] == [[fresh.id]] * 3
        assert fresh.id in await place.using("policy")

        fresh.expire(NOW + LIFETIME)
        await place.stored(fresh)
        await place.projected(fresh)

        assert await place.using(*names) == []

    async def test_views_without_the_newest_events_are_behind(self, place: OpenBasketsPlace) -> None:
        held, lagging, new = (basket(id=f"basket-{unique('x')}") for _ in range(3))
        for each in (held, lagging, new):
            begun = Basket.initiate(
                id=each.id, partner="acme", details=each.details, now=NOW, expires_at=NOW + LIFETIME
            )
            await place.stored(begun)
            if each is not new:
                await place.projected(begun)
            if each is lagging:
                begun.add_item(line(), NOW)
                await place.stored(begun)

        behind = await place.baskets.behind(4)

        assert {*behind} & {held.id, lagging.id, new.id} == {lagging.id, new.id}

    async def test_only_the_successful_one_of_concurrent_moves_sets_references(self, place: OpenBasketsPlace) -> None:
        names = [unique("offer/o") for _ in range(8)]
        view = using()
        await place.views.advance([(0, view)])

        moved = await asyncio.gather(
            *(place.views.advance([(1, replace(later(view, 2), uses=frozenset({name})))]) for name in names)
        )

        winners = [name for name, by in zip(names, moved, strict=True) if by]
        assert [name for name in names if await place.using(name)] == winners
