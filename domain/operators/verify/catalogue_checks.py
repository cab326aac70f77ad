"""Compares the catalogue's projections with the newest fact about each subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, assert_never, get_args

from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.operators.verify.inconsistencies import Inconsistency

ProjectionKind = Literal["offer", "price", "availability", "policy"]
PAGE_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class ProjectedRow:
    """A projection's row and the newest fact about its subject, read at one moment.

    `fact` is the fact that the row holds, None where that cannot be read. In `columns` None stands for no limit in
    time.
    """

    key: tuple[str, str]
    subject: str
    columns: Mapping[str, object]
    fact: Fact | None
    newest: Fact | None


@dataclass(frozen=True, slots=True)
class UnprojectedFacts:
    """One page of facts: `missing` are those whose subject has no row, as kind, subject and position. `last` is the
    last position looked at, None at the end."""

    missing: Sequence[tuple[ProjectionKind, str, int]]
    looked_at: int
    last: int | None


class ProjectionAudit(Protocol):
    """Reads the catalogue's projections beside their facts. Every method raises StoreUnavailable."""

    async def rows(self, kind: ProjectionKind, after: tuple[str, str], limit: int) -> Sequence[ProjectedRow]:
        """The next rows after a key, in the order of their keys; two empty strings: from the first row."""

    async def unprojected(self, after_position: int, limit: int) -> UnprojectedFacts:
        """Checks for the next `limit` facts after a position whether their subjects have rows."""

    async def count(self) -> int:
        """About how many rows and facts there are."""


class CatalogueVerifier:
    """Walks through the projections and the facts. Reads only."""

    def __init__(self, audit: ProjectionAudit, page: int = PAGE_ROWS) -> None:
        self._audit = audit
        self._page = page

    async def verify(self, progress: Callable[[int], None] = lambda _: None) -> list[Inconsistency]:
        """Compares every row. Calls `progress` with the number of rows and facts since the last call. Raises
        StoreUnavailable."""
        inconsistencies: list[Inconsistency] = []
        for kind in get_args(ProjectionKind):
            after = ("", "")
            while rows := await self._audit.rows(kind, after, self._page):
                inconsistencies += [found for row in rows if (found := check_row(row)) is not None]
                after = rows[-1].key
                progress(len(rows))
        position: int | None = 0
        while position is not None:
            page = await self._audit.unprojected(position, self._page)
            inconsistencies += {missing[1]: missing_row(*missing) for missing in page.missing}.values()
            progress(page.looked_at)
            position = page.last
        return inconsistencies


def check_row(row: ProjectedRow) -> Inconsistency | None:
    """Compares a row with the newest fact about its subject."""
    if row.newest is None:
        words = "there is a row, and no fact of this subject"
        return Inconsistency(kind="catalogue_row_without_fact", subject=row.subject, words=words)
    expected = expected_columns(row.newest)
    different = [name for name in expected if row.columns.get(name) != expected[name]]
    if row.fact != row.newest:
        different.append("data")
    if not different:
        return None
    words = f"{', '.join(different)}: not as the newest fact, {row.newest.fact_id}, says"
    return Inconsistency(kind="catalogue_row_differs", subject=row.subject, words=words)


def missing_row(kind: ProjectionKind, subject: str, position: int) -> Inconsistency:
    words = f"there is a fact, and no row among the {kind} rows"
    return Inconsistency(kind="catalogue_row_missing", subject=subject, position=position, words=words)


def expected_columns(fact: Fact) -> dict[str, object]:
    """The columns that a fact's row holds beside the fact itself."""
    columns: dict[str, object] = {
        "fact_id": fact.fact_id,
        "epoch": fact.epoch,
        "sequence": fact.sequence,
    }
    match fact:
        case OfferFact():
            codes = [product.product_code for product in fact.products]
            return {**columns, "offer_id": fact.id, "version": fact.version, "product_codes": codes}
        case PriceFact():
            return {
                **columns,
                "offer_id": fact.offer_id,
                "offer_version": fact.offer_version,
                "partner": fact.partner or "",
                "country": fact.country or "",
                "currency": fact.currency,
                "valid_from": fact.valid_from,
                "valid_until": fact.valid_until,
            }
        case AvailabilityFact():
            return {**columns, "product_code": fact.product_code, "valid_until": fact.valid_until}
        case PolicyFact():
            return columns
        case _:
            assert_never(fact)
