"""A search of baskets by views in memory."""

from __future__ import annotations

from domain.operators.history.search import BasketQuery, BasketSummary, Cursor, SearchPage, check_page_size
from domain.ports.read_models import BasketView
from tests.fakes.basket_views import InMemoryBasketViews


class InMemoryBasketSearch:
    """BasketSearch."""

    def __init__(self, views: InMemoryBasketViews) -> None:
        self._views = views

    async def find(self, query: BasketQuery, cursor: str | None = None, limit: int = 50) -> SearchPage:
        check_page_size(limit)
        after = Cursor.decode(cursor, query) if cursor is not None else None
        views = sorted(self._views.all(), key=lambda view: (view.created, view.basket_id), reverse=True)
        found = [
            _summary(view)
            for view in views
            if _matches(view, query)
            and (after is None or (view.created, view.basket_id) < (after.moment, after.basket_id))
        ]
        return SearchPage.of(found[: limit + 1], query, limit)


def _matches(view: BasketView, query: BasketQuery) -> bool:
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


def _summary(view: BasketView) -> BasketSummary:
    fields = {name: getattr(view, name) for name in BasketSummary.model_fields}
    return BasketSummary.model_validate({**fields, "finding_codes": sorted(view.finding_codes)})
