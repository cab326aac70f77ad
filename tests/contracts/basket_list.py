"""The contract of every BasketList. The suite of an adapter subclasses it and provides the fixture `place`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest

from domain.ports.basket_list import BasketFilter, BasketList, ListMoment
from domain.ports.read_models import BasketView, BasketViews
from domain.shared.cursors import PagePosition
from tests.contracts.basket_views import a_view, later

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOMENT = ListMoment(NOON, abandoned_since=NOON - HOUR)


@dataclass(frozen=True)
class BasketListFixture:
    """Views, and the list over them."""

    views: BasketViews
    baskets: BasketList

    async def hold(self, *views: BasketView) -> None:
        await self.views.advance([(0, view) for view in views])

    async def touch(self, view: BasketView) -> None:
        """Something happens to the basket, a minute before noon."""
        version = (await self.views.versions([view.basket_id]))[view.basket_id]
        moved = replace(later(view, version + 1), modified=NOON - timedelta(minutes=1))
        await self.views.advance([(version, moved)])

    async def pages(self, limit: int = 10, **conditions: Any) -> list[list[str]]:
        """The ids on each page."""
        wanted, pages, after = wanted_by(**conditions), [], None
        while True:
            found = await self.baskets.find(wanted, MOMENT, after, limit)
            pages.append([*found.basket_ids])
            if found.resume is None:
                return pages
            after = found.resume

    async def ids(self, **conditions: Any) -> list[str]:
        return [*chain(*await self.pages(**conditions))]


def wanted_by(**conditions: Any) -> BasketFilter:
    return BasketFilter(**{"partner": "acme", **conditions})


def held(hours_ago: float, status: str = "open", **values: Any) -> BasketView:
    """A view of a basket that was begun, and last changed, so long before noon."""
    moment = NOON - timedelta(hours=hours_ago)
    given = {"created": moment, "modified": moment, "expires_at": NOON + HOUR, "status": status, "partner": "acme"}
    return a_view(**{**given, **values})


def ids(*views: BasketView) -> list[str]:
    return [view.basket_id for view in views]


class BasketListContract:
    async def test_it_lists_the_organisations_own_baskets_the_newest_first(self, place: BasketListFixture) -> None:
        old, new, middle = held(3, "expired"), held(1), held(2, "completed")
        await place.hold(old, new, middle, held(2, partner="bolt"))

        assert await place.ids() == ids(new, middle, old)

    async def test_each_status_lists_its_own(self, place: BasketListFixture) -> None:
        views = {status: held(1, status) for status in ("open", "completed", "expired", "cancelled")}
        await place.hold(*views.values(), held(1, partner="bolt"))

        assert {status: await place.ids(status=status) for status in views} == {
            status: ids(view) for status, view in views.items()
        }

    async def test_an_open_basket_past_its_expiry_is_expired(self, place: BasketListFixture) -> None:
        due, recorded, still = held(3, expires_at=NOON), held(2, "expired"), held(1)
        await place.hold(due, recorded, still, held(2, expires_at=NOON, partner="bolt"))

        assert await place.ids(status="expired") == ids(recorded, due)
        assert await place.ids(status="open") == ids(still)
        assert await place.ids() == ids(still, recorded, due)
        assert await place.ids(status="expired", modified_after=NOON - 5 * HOUR) == ids(due, recorded)
        assert await place.ids(status="open", modified_after=NOON - 5 * HOUR) == ids(still)
        assert await place.ids(modified_after=NOON - 5 * HOUR) == ids(due, recorded, still)

    async def test_an_external_id_finds_all_of_its_baskets(self, place: BasketListFixture) -> None:
        before, now = held(2, "completed", external_id="E-1"), held(1, external_id="E-1")
        await place.hold(before, now, held(1, external_id="E-2"), held(1), held(1, external_id="E-1", partner="bolt"))

        assert await place.ids(external_id="E-1") == ids(now, before)
        assert await place.ids(external_id="E-1", status="completed") == ids(before)
        assert await place.ids(external_id="E-1", modified_after=NOON - 1.5 * HOUR) == ids(now)
        assert await place.ids(external_id="E-1", abandoned=True) == ids(now)
        assert await place.ids(external_id="E-3") == []

    async def test_times_are_exclusive(self, place: BasketListFixture) -> None:
        view = held(2, modified=NOON - HOUR)
        await place.hold(view)

        assert await place.ids(created_after=NOON - 2 * HOUR) == []
        assert await place.ids(created_after=NOON - 2 * HOUR - timedelta(microseconds=1)) == ids(view)
        assert await place.ids(modified_after=NOON - HOUR) == []
        assert await place.ids(modified_after=NOON - HOUR - timedelta(microseconds=1)) == ids(view)

    async def test_by_the_last_change_the_earliest_come_first(self, place: BasketListFixture) -> None:
        views = [
            held(9, modified=NOON - 2 * HOUR),
            held(8, "completed", modified=NOON - 4 * HOUR),
            held(7, "cancelled", modified=NOON - 3 * HOUR),
            held(6, "expired", modified=NOON - HOUR),
        ]
        await place.hold(*views, held(8), held(1, partner="bolt"))

        assert await place.ids(modified_after=NOON - 5 * HOUR) == ids(views[1], views[2], views[0], views[3])
        assert await place.ids(modified_after=NOON - 5 * HOUR, created_after=NOON - 8 * HOUR) == ids(views[2], views[3])

    @pytest.mark.parametrize("created_after", [datetime(1, 1, 1, tzinfo=UTC), NOON - 5 * HOUR])
    async def test_a_condition_on_creation_holds_beside_one_on_change(
        self, place: BasketListFixture, created_after: datetime
    ) -> None:
        view = held(4, modified=NOON - 2 * HOUR)
        await place.hold(view)

        wanted = {"created_after": created_after, "modified_after": datetime(1, 1, 1, tzinfo=UTC)}
        assert await place.ids(**wanted) == ids(view)
        assert await place.ids(created_after=created_after, abandoned=True) == ids(view)

    async def test_abandoned_baskets_are_open_and_unchanged_the_longest_first(self, place: BasketListFixture) -> None:
        touched = held(9, modified=NOON - HOUR + timedelta(microseconds=1))
        at_the_limit, long_ago = held(9, modified=NOON - HOUR), held(5)
        await place.hold(touched, at_the_limit, long_ago, held(5, "completed"), held(5, expires_at=NOON))

        assert await place.ids(abandoned=True) == ids(long_ago, at_the_limit)
        assert await place.ids(abandoned=True, status="open") == ids(long_ago, at_the_limit)
        assert await place.ids(abandoned=True, status="completed") == []
        assert await place.ids(abandoned=True, modified_after=NOON - 2 * HOUR) == ids(at_the_limit)

    @pytest.mark.parametrize("count", [0, 1, 5, 6, 7])
    @pytest.mark.parametrize("by_change", [False, True])
    async def test_pages_contain_every_basket_once_even_of_one_moment(
        self, place: BasketListFixture, count: int, by_change: bool
    ) -> None:
        views = [held(5 - number // 3) for number in range(count)]
        await place.hold(*views, held(1, partner="bolt"))

        pages = await place.pages(3, **({"modified_after": NOON - 9 * HOUR} if by_change else {}))

        in_order = sorted(views, key=lambda view: (view.created, view.basket_id), reverse=not by_change)
        assert [*chain(*pages)] == ids(*in_order)
        assert [len(page) for page in pages] == [min(3, count - at) for at in range(0, max(1, count), 3)]

    async def test_baskets_that_do_not_change_are_listed_once_while_others_do(self, place: BasketListFixture) -> None:
        views = [held(10 - number) for number in range(6)]
        await place.hold(*views)
        for conditions in ({}, {"modified_after": NOON - 24 * HOUR}):
            wanted = wanted_by(**conditions)
            first = await place.baskets.find(wanted, MOMENT, None, 2)
            # One that was on the page and one that was not change, and a new one appears.
            unseen = [view for view in views if view.basket_id not in first.basket_ids]
            for view in (next(view for view in views if view.basket_id == first.basket_ids[0]), unseen[1]):
                await place.touch(view)
            await place.hold(held(0.5))
            rest = await place.baskets.find(wanted, MOMENT, first.resume, 20)

            unchanged = {view.basket_id for view in views} - {first.basket_ids[0], unseen[1].basket_id}
            given = [*first.basket_ids, *rest.basket_ids]
            assert [given.count(id) for id in unchanged] == [1] * len(unchanged)
            assert unseen[1].basket_id in given
            assert rest.resume is None

    async def test_a_place_need_not_be_that_of_a_basket(self, place: BasketListFixture) -> None:
        views = [held(3), held(1)]
        await place.hold(*views)

        found = await place.baskets.find(wanted_by(), MOMENT, PagePosition(NOON - 2 * HOUR, "basket-gone"), 5)

        assert found.basket_ids == ids(views[0])
