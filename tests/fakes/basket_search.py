"""Finding baskets by views in memory: the plain statement of what every finder promises."""

from __future__ import annotations

from domain.operators.history.search import (
    BasketQuery,
    BasketSummary,
    Cursor,
    SearchPage,
    check_page_size,
)
from domain.ports.read_models import BasketView
from tests.fakes.basket_views import MemoryBasketViews


class MemoryBasketSearch:
    """BasketSearch."""

    def __init__(self, views: MemoryBasketViews) -> None:
        self._views = views

    async def find(self, query: BasketQuery, cursor: str | None = None, limit: int = 50) -> SearchPage:
        check_page_size(limit)
        after = Cursor.decode(cursor, query) if cursor is not None else None
        views = sorted(self._views.all(), key=lambda view: (view.created, view.basket_id), reverse=True)
        found = [
            _found(view)
            for view in views
            if _fits(view, query)
            and (after is None or (view.created, view.basket_id) < (after.created, after.basket_id))
        ]
        return SearchPage.of(found[: limit + 1], query, limit)


def _fits(view: BasketView, query: BasketQuery) -> bool:
    return all(
        (
            query.partner is None or view.partner == query.partner,
            query.external_id is None or view.external_id == query.external_id,
            query.product is None or query.product in view.products,
            query.offer is None or query.offer in view.offers,
            query.status is None or view.status == query.status,
            query.finding_code is None or query.finding_code in view.finding_codes,
            query.created_from is None or view.created >= query.created_from,
            query.created_until is None or view.created < query.created_until,
            query.modified_from is None or view.modified >= query.modified_from,
            query.modified_until is None or view.modified < query.modified_until,
        )
    )


def _found(view: BasketView) -> BasketSummary:
    return BasketSummary.model_validate(
        {
            "basket_id": view.basket_id,
            "version": view.version,
            "partner": view.partner,
            "external_id": view.external_id,
            "status": view.status,
            "ready": view.ready,
            "finding_codes": sorted(view.finding_codes),
            "created": view.created,
            "modified": view.modified,
            "expires_at": view.expires_at,
        }
    )
