"""Whether the catalogue's projections are what its newest facts say: pure questions, and a walk through the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, assert_never

from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.operators.verify.inconsistencies import Inconsistency

ProjectionKind = Literal["offer", "price", "availability", "policy"]
PAGE_ROWS = 2_000
PROJECTIONS: tuple[ProjectionKind, ...] = ("offer", "price", "availability", "policy")


@dataclass(frozen=True, slots=True)
class ProjectedRow:
    """A row of a projection and the newest fact about its subject, as both lay there at one moment. `fact` is what
    the row holds of its fact, None where that is none; what has no limit in time is None in `columns`."""

    key: tuple[str, str]
    subject: str
    columns: Mapping[str, object]
    fact: Fact | None
    newest: Fact | None


@dataclass(frozen=True, slots=True)
class UnprojectedFacts:
    """Facts whose subject has no row, as kind, subject and position; how many facts were looked at, and the last one's
    position, None at the end."""

    missing: Sequence[tuple[ProjectionKind, str, int]]
    looked_at: int
    last: int | None


class ProjectionAudit(Protocol):
    """The catalogue's projections beside the facts that they derive from."""

    async def rows(self, kind: ProjectionKind, after: tuple[str, str], limit: int) -> Sequence[ProjectedRow]:
        """The next rows after a key, in the order of their keys; two empty words: the first ones."""

    async def unprojected(self, after_position: int, limit: int) -> UnprojectedFacts:
        """Looks at the next `limit` facts after a position, and whether their subjects have rows."""

    async def count(self) -> int:
        """About how many rows and facts there are to look at."""


def check_row(row: ProjectedRow) -> Inconsistency | None:
    """What is wrong with a row, if anything."""
    if row.newest is None:
        return _drift("catalogue_row_without_fact", row, "there is a row, and no fact of this subject")
    wanted = expected_columns(row.newest)
    different = [name for name in wanted if row.columns.get(name) != wanted[name]]
    if row.fact != row.newest:
        different.append("data")
    if not different:
        return None
    words = f"{', '.join(different)}: not as the newest fact, {row.newest.fact_id}, says"
    return _drift("catalogue_row_differs", row, words)


def missing_row(kind: ProjectionKind, subject: str, position: int) -> Inconsistency:
    words = f"there is a fact, and no row among the {kind} rows"
    return Inconsistency(kind="catalogue_row_missing", subject=subject, position=position, words=words)


def expected_columns(fact: Fact) -> dict[str, object]:
    """What the row of a fact's projection holds beside the fact itself."""
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
                "country": fact.country or "",
                "currency": fact.currency,
                "valid_from": fact.valid_from,
                "valid_until": fact.valid_until,
            }
        case AvailabilityFact():
            return {**columns, "product_code": fact.product_code}
        case PolicyFact():
            return columns
        case _:
            assert_never(fact)


def _drift(
    kind: Literal["catalogue_row_without_fact", "catalogue_row_differs"], row: ProjectedRow, words: str
) -> Inconsistency:
    return Inconsistency(kind=kind, subject=row.subject, words=words)


class CatalogueVerifier:
    """Walks through the projections and the facts, and compares them. Reads only."""

    def __init__(self, rows: ProjectionAudit, page: int = PAGE_ROWS) -> None:
        self._rows = rows
        self._page = page

    async def verify(self, told: Callable[[int], None] = lambda _: None) -> list[Inconsistency]:
        """What is wrong with any row. `told` is called with how many rows and facts were looked at since the last
        call. Raises StoreUnavailable."""
        drifts: list[Inconsistency] = []
        for kind in PROJECTIONS:
            after = ("", "")
            while rows := await self._rows.rows(kind, after, self._page):
                drifts += [drift for row in rows if (drift := check_row(row)) is not None]
                after = rows[-1].key
                told(len(rows))
        position: int | None = 0
        while position is not None:
            found = await self._rows.unprojected(position, self._page)
            drifts += {of[1]: missing_row(*of) for of in found.missing}.values()
            told(found.looked_at)
            position = found.last
        return drifts
