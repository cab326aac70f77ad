"""The contract of every BasketViews. The suite of an adapter subclasses it and provides the fixture `views`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from domain.ports.read_models import BasketView, BasketViews

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_view(version: int = 1, **values: Any) -> BasketView:
    view = BasketView(
        basket_id=f"basket-{uuid4()}",
        version=version,
        partner="acme",
        external_id=None,
        status="open",
        created=NOON,
        modified=NOON,
        expires_at=NOON + HOUR,
        snapshot=b'{"version":%d}' % version,
    )
    return replace(view, **values)


def later(view: BasketView, version: int, **values: object) -> BasketView:
    return replace(view, version=version, snapshot=b'{"version":%d}' % version, **values)  # type: ignore[arg-type]


class BasketViewsContract:
    async def test_a_view_that_does_not_exist_has_neither_version_nor_snapshot(self, views: BasketViews) -> None:
        assert await views.versions(["basket-none"]) == {}
        assert await views.snapshots(["basket-none"]) == {}

    async def test_one_call_creates_new_views_and_moves_old_ones(self, views: BasketViews) -> None:
        old, new = a_view(), a_view(3)
        assert set(await views.advance([(0, old)])) == {old.basket_id}

        moved = await views.advance([(1, later(old, 4)), (0, new)])

        assert set(moved) == {old.basket_id, new.basket_id}
        both = [old.basket_id, new.basket_id]
        assert await views.versions(both) == {old.basket_id: 4, new.basket_id: 3}
        assert await views.snapshots(both) == {
            old.basket_id: b'{"version":4}',
            new.basket_id: b'{"version":3}',
        }

    async def test_a_view_moves_only_from_the_expected_version(self, views: BasketViews) -> None:
        view, other = a_view(2), a_view()
        await views.advance([(0, view)])

        moved = await views.advance([(1, later(view, 5)), (0, other)])

        assert set(moved) == {other.basket_id}
        assert await views.versions([view.basket_id]) == {view.basket_id: 2}

    async def test_an_existing_view_is_not_created_again(self, views: BasketViews) -> None:
        view = a_view(2)
        await views.advance([(0, view)])
        assert not await views.advance([(0, later(view, 1))])
        assert await views.versions([view.basket_id]) == {view.basket_id: 2}

    async def test_a_missing_view_is_not_moved(self, views: BasketViews) -> None:
        view = a_view(7)
        assert not await views.advance([(6, view)])
        assert await views.versions([view.basket_id]) == {}

    async def test_one_of_many_concurrent_moves_from_one_version_succeeds(self, views: BasketViews) -> None:
        view = a_view()
        await views.advance([(0, view)])
        moved = await asyncio.gather(*(views.advance([(1, later(view, 2, partner=f"partner-{n}"))]) for n in range(12)))
        assert sum(len(each) for each in moved) == 1

    async def test_open_baskets_past_their_expiry_are_due_the_oldest_first(self, views: BasketViews) -> None:
        latest, first, second = (a_view(expires_at=NOON + hours * HOUR) for hours in (3, 1, 2))
        finished = [
            a_view(expires_at=NOON, status="expired"),
            a_view(expires_at=NOON, status="completed"),
        ]
        await views.advance([(0, view) for view in (latest, first, second, *finished)])

        assert await views.due(NOON + 2 * HOUR, 10) == [first.basket_id, second.basket_id]
        assert await views.due(NOON + 9 * HOUR, 2) == [first.basket_id, second.basket_id]
        assert await views.due(NOON, 10) == []

    async def test_a_moved_view_is_due_by_its_new_expiry(self, views: BasketViews) -> None:
        view = a_view()
        await views.advance([(0, view)])
        await views.advance([(1, later(view, 2, expires_at=NOON + 5 * HOUR))])
        assert await views.due(NOON + 2 * HOUR, 10) == []
        await views.advance([(2, later(view, 3, status="expired"))])
        assert await views.due(NOON + 9 * HOUR, 10) == []
