"""Baskets: searched, as they are and were, their history, differences and verdicts, and their verification."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field

from adapters.container import Container
from adapters.system import utc_now
from api.operators.problems import problems
from api.operators.requests import BasketPath
from domain.operators.history.as_of import BasketState, HistoryEntry
from domain.operators.history.basket_diff import FieldDifference, diff_baskets
from domain.operators.history.basket_json import Document, basket_state_json
from domain.operators.history.search import MAX_PAGE_SIZE, BasketQuery, SearchPage
from domain.operators.history.verdict_reader import VerdictDetails, VerdictReader, VerdictSummary, verdict_summaries
from domain.operators.verify.inconsistencies import Inconsistency
from domain.ports.archive import ArchiveSelection
from domain.shared.errors import BasketNotFound, InvalidCommand, Violation
from domain.shared.eventsourcing import Value
from domain.shared.values import Timestamp

MAX_ENTRIES = 1000

_STATE = {
    "id": "basket-019aa0f5-8f5e-7d3c-b0a4-3d1f6f0c2a11",
    "partner": "store-367",
    "status": "open",
    "version": 7,
    "ready": False,
    "orderItems": [],
    "lastVerdict": {"version": 7, "basketVersion": 6, "ready": False, "blockedProducts": []},
}


class SearchParameters(BasketQuery):
    """The query and the page."""

    model_config = ConfigDict(validate_by_name=False)

    cursor: str | None = None
    """The `nextCursor` of the page before."""
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = 50

    def query(self) -> BasketQuery:
        return BasketQuery.model_validate(self.model_dump(exclude={"cursor", "limit"}))


class BasketPage(SearchPage):
    """A page, and whether there are more baskets elsewhere."""

    more_in_archive: bool
    """Whether baskets of the organisation, or of any, are in the archive. They are not searched: `checkout archive list`
    lists them."""


class HistoryPage(Value):
    """Events of one basket, oldest first."""

    entries: tuple[HistoryEntry, ...]
    next_after_version: int | None
    """Leads to the later events as the parameter `afterVersion`. Null: there are none."""


class BasketDiff(Value):
    """What differs between two versions of a basket."""

    basket_id: str
    from_version: int
    to_version: int
    differences: tuple[FieldDifference, ...]


class VerdictList(Value):
    """Oldest first."""

    verdicts: tuple[VerdictSummary, ...]


class BasketVerification(Value):
    """What the verification of one basket found."""

    basket_id: str
    events: int
    """How many events were folded."""
    equal: bool
    """Nothing differs. The view may still lag."""
    lags: bool
    """The view lags behind the store, and is right as far as it is."""
    drifts: tuple[Inconsistency, ...]


def router(container: Container) -> APIRouter:
    routes = APIRouter()
    history = container.basket_history
    verdicts = VerdictReader(container.event_store, container.catalogue_history)

    @routes.get("/baskets", tags=["baskets"], summary="Find baskets, the newest created first")
    async def find_baskets(parameters: Annotated[SearchParameters, Query()]) -> BasketPage:
        page = await container.basket_search.find(parameters.query(), parameters.cursor, parameters.limit)
        archived = await container.archive_index.page(ArchiveSelection(parameters.partner), "", 1)
        return BasketPage(baskets=page.baskets, next_cursor=page.next_cursor, more_in_archive=bool(archived))

    @routes.get(
        "/baskets/{basketId}",
        tags=["baskets"],
        summary="A basket as it is, or as it was",
        responses={200: {"content": {"application/json": {"example": _STATE}}}, **problems(404, 409)},
    )
    async def show_basket(
        basket_id: BasketPath,
        version: Annotated[int | None, Query(ge=1, description="Right after the event of this version.")] = None,
        as_of: Annotated[Timestamp | None, Query(alias="asOf", description="As it was then.")] = None,
    ) -> Document:
        """The order as partners see it, with its organisation, whether it was ready, and the last verdict by then."""
        return basket_state_json(await read_state(basket_id, version, as_of))

    async def read_state(basket_id: str, version: int | None, as_of: Timestamp | None) -> BasketState:
        if version is not None and as_of is not None:
            violation = Violation(("query", "asOf"), "one_of_two", "name a version or a time, not both")
            raise InvalidCommand((violation,))
        if version is not None:
            return await history.at_version(basket_id, version)
        if as_of is not None:
            return await history.as_of(basket_id, as_of)
        return await history.now(basket_id, utc_now())

    @routes.get(
        "/baskets/{basketId}/history",
        tags=["baskets"],
        summary="What happened to a basket",
        responses=problems(404),
    )
    async def show_history(
        basket_id: BasketPath,
        after_version: Annotated[int, Query(alias="afterVersion", ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_ENTRIES)] = 200,
    ) -> HistoryPage:
        entries = await history.entries(basket_id, after_version)
        page = tuple(entries[:limit])
        more = page[-1].version if len(entries) > limit else None
        return HistoryPage(entries=page, next_after_version=more)

    @routes.get(
        "/baskets/{basketId}/differences",
        tags=["baskets"],
        summary="What differs between two versions of a basket",
        responses=problems(404, 409),
    )
    async def show_differences(
        basket_id: BasketPath,
        from_version: Annotated[int, Query(alias="from", ge=1)],
        to_version: Annotated[int, Query(alias="to", ge=1)],
    ) -> BasketDiff:
        before = await history.at_version(basket_id, from_version)
        after = await history.at_version(basket_id, to_version)
        return BasketDiff(
            basket_id=basket_id,
            from_version=from_version,
            to_version=to_version,
            differences=tuple(diff_baskets(before.basket, after.basket)),
        )

    @routes.get(
        "/baskets/{basketId}/verdicts",
        tags=["verdicts"],
        summary="The verdicts on a basket",
        responses=problems(404),
    )
    async def list_verdicts(basket_id: BasketPath) -> VerdictList:
        return VerdictList(verdicts=tuple(verdict_summaries(await history.entries(basket_id))))

    @routes.get(
        "/baskets/{basketId}/verdicts/{version}",
        tags=["verdicts"],
        summary="A verdict with its evidence: each fact with its content",
        responses=problems(404),
    )
    async def show_verdict(basket_id: BasketPath, version: Annotated[int, Path(ge=1)]) -> VerdictDetails:
        return await verdicts.of(basket_id, version)

    @routes.get(
        "/baskets/{basketId}/verification",
        tags=["baskets"],
        summary="Fold a basket's events, and compare the result with what is derived from them",
        responses=problems(404),
    )
    async def verify_basket(basket_id: BasketPath) -> BasketVerification:
        """Changes nothing. `checkout verify --repair` repairs views that differ."""
        verified = await container.view_verifier.verify([basket_id])
        if verified.archived:
            raise verified.archived.pop()  # nothing here keeps the error, or it would stay in a circle
        if not verified.events and not verified.inconsistencies:
            raise BasketNotFound(basket_id)
        return BasketVerification(
            basket_id=basket_id,
            events=verified.events,
            equal=not verified.inconsistencies,
            lags=basket_id in verified.lagging,
            drifts=tuple(verified.inconsistencies),
        )

    return routes
