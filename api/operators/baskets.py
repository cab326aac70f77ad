"""Baskets: found, as they are and were, what happened to them, and what differs between two versions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from adapters.container import Container
from adapters.system import utc_now
from api.operators.parameters import Term, Timestamp
from api.operators.problems import problems
from domain.basket.basket import BasketStatus
from domain.operators.history.as_of import BasketState, HistoryEntry
from domain.operators.history.basket_diff import FieldDifference, diff_baskets
from domain.operators.history.basket_json import Document, basket_state_json
from domain.operators.history.search import MAX_PAGE_SIZE, BasketQuery, SearchPage
from domain.shared.errors import InvalidCommand, Violation
from domain.shared.eventsourcing import Value
from domain.shared.values import BASKET_ID_PATTERN

BasketPath = Annotated[
    str,
    Path(
        alias="basketId",
        pattern=BASKET_ID_PATTERN,
        examples=["basket-019aa0f5-8f5e-7d3c-b0a4-3d1f6f0c2a11"],
    ),
]
MAX_ENTRIES = 1000

_STANDING = {
    "id": "basket-019aa0f5-8f5e-7d3c-b0a4-3d1f6f0c2a11",
    "partner": "store-367",
    "status": "open",
    "version": 7,
    "ready": False,
    "orderItems": [],
    "lastVerdict": {"version": 7, "basketVersion": 6, "ready": False, "blockedProducts": []},
}


class HistoryPage(Value):
    """Events of one basket, oldest first."""

    entries: tuple[HistoryEntry, ...]
    next_after_version: int | None
    """Leads to the later ones as the parameter `afterVersion`; null: there are none."""


class BasketDiff(Value):
    """What differs between two versions of a basket."""

    basket_id: str
    from_version: int
    to_version: int
    differences: tuple[FieldDifference, ...]


def wanted(
    partner: Annotated[Term | None, Query(description="The organisation whose baskets.")] = None,
    external_id: Annotated[Term | None, Query(alias="externalId")] = None,
    product: Annotated[Term | None, Query(description="A product code that a line holds.")] = None,
    offer: Annotated[Term | None, Query(description="An offer's id that a line holds.")] = None,
    status: Annotated[BasketStatus | None, Query(description="As it was recorded.")] = None,
    finding_code: Annotated[
        Term | None, Query(alias="findingCode", description="What the last verdict found.")
    ] = None,
    created_from: Annotated[Timestamp | None, Query(alias="createdFrom")] = None,
    created_until: Annotated[Timestamp | None, Query(alias="createdUntil")] = None,
    modified_from: Annotated[Timestamp | None, Query(alias="modifiedFrom")] = None,
    modified_until: Annotated[Timestamp | None, Query(alias="modifiedUntil")] = None,
) -> BasketQuery:
    return BasketQuery(
        partner=partner,
        external_id=external_id,
        product=product,
        offer=offer,
        status=status,
        finding_code=finding_code,
        created_from=created_from,
        created_until=created_until,
        modified_from=modified_from,
        modified_until=modified_until,
    )


def router(parts: Container) -> APIRouter:
    routes = APIRouter(tags=["baskets"])

    @routes.get("/baskets", summary="Find baskets, the newest created first", responses=problems())
    async def find_baskets(
        query: Annotated[BasketQuery, Depends(wanted)],
        cursor: Annotated[str | None, Query(description="The `nextCursor` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = 50,
    ) -> SearchPage:
        return await parts.basket_search.find(query, cursor, limit)

    @routes.get(
        "/baskets/{basketId}",
        summary="A basket as it is, or as it was",
        responses={200: {"content": {"application/json": {"example": _STANDING}}}, **problems(404, 409)},
    )
    async def show_basket(
        basket_id: BasketPath,
        version: Annotated[
            int | None, Query(ge=1, description="Right after the event of this version.")
        ] = None,
        as_of: Annotated[Timestamp | None, Query(alias="asOf", description="As it was then.")] = None,
    ) -> Document:
        """The order as partners see it, whose it is, whether it was ready, and the last verdict by then."""
        return basket_state_json(await _standing(basket_id, version, as_of))

    @routes.get("/baskets/{basketId}/history", summary="What happened to a basket", responses=problems(404))
    async def show_history(
        basket_id: BasketPath,
        after_version: Annotated[int, Query(alias="afterVersion", ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_ENTRIES)] = 200,
    ) -> HistoryPage:
        entries = await parts.basket_history.entries(basket_id, after_version)
        page = tuple(entries[:limit])
        return HistoryPage(
            entries=page, next_after_version=page[-1].version if len(entries) > limit else None
        )

    @routes.get(
        "/baskets/{basketId}/differences",
        summary="What differs between two versions of a basket",
        responses=problems(404, 409),
    )
    async def show_differences(
        basket_id: BasketPath,
        from_version: Annotated[int, Query(alias="from", ge=1)],
        to_version: Annotated[int, Query(alias="to", ge=1)],
    ) -> BasketDiff:
        before = (await parts.basket_history.at_version(basket_id, from_version)).basket
        after = (await parts.basket_history.at_version(basket_id, to_version)).basket
        return BasketDiff(
            basket_id=basket_id,
            from_version=from_version,
            to_version=to_version,
            differences=tuple(diff_baskets(before, after)),
        )

    async def _standing(basket_id: str, version: int | None, as_of: Timestamp | None) -> BasketState:
        if version is not None and as_of is not None:
            wrong = Violation(("query", "asOf"), "one_of_two", "name a version or a time, not both")
            raise InvalidCommand((wrong,))
        if version is not None:
            return await parts.basket_history.at_version(basket_id, version)
        if as_of is not None:
            return await parts.basket_history.as_of(basket_id, as_of)
        return await parts.basket_history.now(basket_id, utc_now())

    return routes
