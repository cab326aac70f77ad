"""The list of an organisation's own baskets, by views in memory."""

from __future__ import annotations

from datetime import datetime

from domain.ports.basket_list import BasketFilter, FoundBaskets, ListMoment
from domain.ports.read_models import BasketView
from domain.shared.cursors import PagePosition
from tests.fakes.basket_views import InMemoryBasketViews


class InMemoryBasketList:
    """BasketList."""

    def __init__(self, views: InMemoryBasketViews) -> None:
        self._views = views

    async def find(
        self, wanted: BasketFilter, moment: ListMoment, after: PagePosition | None, limit: int
    ) -> FoundBaskets:
        places = sorted(
            (
                PagePosition(view.modified if wanted.ordered_by_change else view.created, view.basket_id)
                for view in self._views.all()
                if _matches(view, wanted, moment)
            ),
            key=_key,
            reverse=not wanted.ordered_by_change,
        )
        if after is not None:
            places = [
                place
                for place in places
                if (_key(place) > _key(after) if wanted.ordered_by_change else _key(place) < _key(after))
            ]
        page = places[:limit]
        return FoundBaskets([place.basket_id for place in page], page[-1] if len(places) > limit else None)


def _key(place: PagePosition) -> tuple[datetime, str]:
    return (place.moment, place.basket_id)


def _matches(view: BasketView, wanted: BasketFilter, moment: ListMoment) -> bool:
    status = "expired" if view.status == "open" and view.expires_at <= moment.now else view.status
    return all(
        (
            view.partner == wanted.partner,
            wanted.status in (None, status),
            wanted.external_id in (None, view.external_id),
            wanted.created_after is None or view.created > wanted.created_after,
            wanted.modified_after is None or view.modified > wanted.modified_after,
            not wanted.abandoned or (status == "open" and view.modified <= moment.abandoned_since),
        )
    )
