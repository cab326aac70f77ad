"""The contract of every BasketSearch. The suite of an adapter subclasses it and provides the fixture `place`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest

from domain.operators.history.search import MAX_PAGE_SIZE, BasketQuery, BasketSearch, BasketSummary, InvalidPage
from domain.ports.read_models import BasketView, BasketViews
from tests.contracts.basket_views import a_view, later

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

WANTED: dict[str, Any] = {
    "partner": "acme",
    "external_id": "E-1",
    "status": "completed",
    "ready": False,
    "offers": frozenset({"o-1", "o-2"}),
    "products": frozenset({"SKU-1", "SKU 2,{}"}),
    "finding_codes": frozenset({"price_changed", "product_blocked"}),
    "created": NOON,
    "modified": NOON + HOUR,
    "expires_at": NOON + 9 * HOUR,
}
"""The basket that every query of the suite must find."""

OTHERS: dict[str, Any] = {
    "partner": "bolt",
    "external_id": None,
    "status": "expired",
    "offers": frozenset({"o-3"}),
    "products": frozenset({"SKU-3"}),
    "finding_codes": frozenset({"price_missing"}),
    "created": NOON - 5 * HOUR,
    "modified": NOON - 4 * HOUR,
}
"""How each other basket differs from the wanted one, in one respect."""

QUERIES = {
    "partner": BasketQuery(partner="acme"),
    "external_id": BasketQuery(external_id="E-1"),
    "status": BasketQuery(status="completed"),
    "offers": BasketQuery(offer="o-2"),
    "products": BasketQuery(product="SKU 2,{}"),
    "finding_codes": BasketQuery(finding_code="product_blocked"),
    "created": BasketQuery(created_from=NOON, created_until=NOON + timedelta(microseconds=1)),
    "modified": BasketQuery(modified_from=NOON + HOUR, modified_until=NOON + 2 * HOUR),
}
"""By the condition that each sets."""

EVERYTHING = BasketQuery(
    partner="acme",
    external_id="E-1",
    status="completed",
    offer="o-1",
    product="SKU-1",
    finding_code="price_changed",
    created_from=NOON,
    modified_from=NOON,
    modified_until=NOON + 2 * HOUR,
)


@dataclass(frozen=True)
class BasketSearchFixture:
    """Views, and the search over them."""

    views: BasketViews
    finder: BasketSearch

    async def hold(self, *views: BasketView) -> None:
        await self.views.advance([(0, view) for view in views])

    async def pages(self, query: BasketQuery, limit: int) -> list[list[str]]:
        """The ids on each page."""
        found, cursor = [], None
        while True:
            page = await self.finder.find(query, cursor, limit)
            found.append([basket.basket_id for basket in page.baskets])
            if page.next_cursor is None:
                return found
            cursor = page.next_cursor


def created_at(minute: int, **values: object) -> BasketView:
    created = NOON + timedelta(minutes=minute)
    given: dict[str, Any] = {"created": created, "modified": created, **values}
    return a_view(**given)


class BasketSearchContract:
    @pytest.mark.parametrize("name", QUERIES)
    async def test_a_condition_finds_the_matching_basket_and_no_other(
        self, place: BasketSearchFixture, name: str
    ) -> None:
        wanted, other = a_view(**WANTED), a_view(**{**WANTED, name: OTHERS[name]})
        await place.hold(wanted, other)

        page = await place.finder.find(QUERIES[name])

        assert page.baskets == (
            BasketSummary(
                basket_id=wanted.basket_id,
                version=1,
                partner="acme",
                external_id="E-1",
                status="completed",
                ready=False,
                finding_codes=("price_changed", "product_blocked"),
                created=NOON,
                modified=NOON + HOUR,
                expires_at=NOON + 9 * HOUR,
            ),
        )

    async def test_all_conditions_of_a_query_must_match(self, place: BasketSearchFixture) -> None:
        wanted = a_view(**WANTED)
        await place.hold(wanted, *(a_view(**{**WANTED, name: value}) for name, value in OTHERS.items()))

        assert await place.pages(EVERYTHING, 10) == [[wanted.basket_id]]

    async def test_the_end_of_a_period_is_exclusive(self, place: BasketSearchFixture) -> None:
        await place.hold(a_view(**WANTED))

        assert await place.pages(BasketQuery(created_until=NOON), 10) == [[]]
        assert await place.pages(BasketQuery(modified_until=NOON + HOUR), 10) == [[]]

    async def test_a_query_without_conditions_finds_all_the_newest_first(self, place: BasketSearchFixture) -> None:
        views = [created_at(minute) for minute in (2, 5, 1)]
        await place.hold(*views)

        assert await place.pages(BasketQuery(), 10) == [[views[at].basket_id for at in (1, 0, 2)]]

    async def test_a_query_that_matches_nothing_finds_nothing(self, place: BasketSearchFixture) -> None:
        await place.hold(created_at(0))

        assert await place.pages(BasketQuery(offer="o-none"), 10) == [[]]

    async def test_a_changed_view_is_found_by_its_new_values(self, place: BasketSearchFixture) -> None:
        view = created_at(0, offers=frozenset({"o-1"}), finding_codes=frozenset({"price_changed"}))
        await place.hold(view)
        await place.views.advance(
            [(1, later(view, 2, offers=frozenset({"o-2"}), finding_codes=frozenset(), ready=True))]
        )

        assert await place.pages(BasketQuery(offer="o-1"), 10) == [[]]
        assert await place.pages(BasketQuery(finding_code="price_changed"), 10) == [[]]
        (found,) = (await place.finder.find(BasketQuery(offer="o-2"))).baskets
        assert (found.basket_id, found.version, found.ready) == (view.basket_id, 2, True)

    @pytest.mark.parametrize("count", [0, 1, 5, 6, 7])
    async def test_pages_contain_every_basket_once_even_of_one_moment(
        self, place: BasketSearchFixture, count: int
    ) -> None:
        views = [created_at(number // 3) for number in range(count)]
        await place.hold(*views, a_view(partner="bolt"))

        pages = await place.pages(BasketQuery(partner="acme"), 3)

        in_order = sorted(views, key=lambda view: (view.created, view.basket_id), reverse=True)
        assert [*chain(*pages)] == [view.basket_id for view in in_order]
        assert all(len(page) == 3 for page in pages[:-1])
        assert len(pages) == max(1, -(-count // 3))

    async def test_pages_repeat_and_omit_none_while_baskets_change_and_appear(self, place: BasketSearchFixture) -> None:
        views = [created_at(minute) for minute in range(6)]
        await place.hold(*views)
        first = await place.finder.find(BasketQuery(), None, 2)
        # A basket that was on a page and one that was not change, and a new one appears.
        for view in (views[5], views[0]):
            await place.views.advance([(1, replace(later(view, 2), modified=NOON + 9 * HOUR))])
        await place.hold(created_at(60))

        second = await place.finder.find(BasketQuery(), first.next_cursor, 10)

        given = [basket.basket_id for basket in (*first.baskets, *second.baskets)]
        assert given == [view.basket_id for view in reversed(views)]

    async def test_a_cursor_of_another_query_or_a_forged_one_is_refused(self, place: BasketSearchFixture) -> None:
        await place.hold(*(created_at(minute) for minute in range(3)))
        cursor = (await place.finder.find(BasketQuery(partner="acme"), None, 1)).next_cursor
        assert cursor is not None

        for wrong in (cursor, cursor[:-2], "", "é", "bm9uZQ", "WzEsICJ4Il0"):
            with pytest.raises(InvalidPage):
                await place.finder.find(BasketQuery(partner="bolt"), wrong, 1)

    @pytest.mark.parametrize("limit", [0, -1, MAX_PAGE_SIZE + 1])
    async def test_a_page_size_out_of_range_is_refused(self, place: BasketSearchFixture, limit: int) -> None:
        with pytest.raises(InvalidPage):
            await place.finder.find(BasketQuery(), None, limit)
