"""The catalogue: its facts, what they say now, and what they said at any time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.epochs import CatalogueMessage, Tombstone
from domain.catalogue.facts import Fact


@dataclass(frozen=True, slots=True)
class RecordingResult:
    """What became of catalogue messages.

    `new` facts were recorded and `known` ones had been before. Facts in `contradicts` were not recorded, because
    another content has their id. Tombstones withdrew `withdrawn` facts; those in `idle` withdrew none.
    """

    new: int = 0
    known: int = 0
    contradicts: Sequence[Fact] = field(default=())
    withdrawn: int = 0
    idle: Sequence[Tombstone] = field(default=())


class CatalogueFacts(Protocol):
    """Append-only facts of the catalogue, and the projections of the newest facts."""

    async def record(self, messages: Sequence[CatalogueMessage]) -> RecordingResult:
        """Records messages in their order and derives the projections, in one transaction.

        A late, older fact is recorded and overwrites nothing newer. A tombstone withdraws; a fact after it
        counts again, whatever its sequence. Known messages change nothing.
        """

    async def catalogue(
        self,
        offer_ids: Collection[str],
        product_codes: Collection[str],
        *,
        fresh: bool,
        at: datetime | None = None,
        partner: str | None = None,
        prices_for: str | None = None,
    ) -> Catalogue:
        """The present facts about these offers (with their products) and products, and the policies of `partner`.

        Unless `fresh`, the result may come from a cache that follows the facts within moments: availability and
        policies within a second. Without `product_codes` and `partner` it may hold none of these.

        With `at`, prices that do not matter then may be missing. The result is right about that time, a minute and
        the longest life of a promise after it, and the end of each price that holds then. Its availability is right
        about that time and any later one. Without `at`, all is right about any time.

        With `prices_for`, or else with `partner`, prices for other organisations than this may be missing.
        """


class CatalogueHistory(Protocol):
    """The catalogue as known at any time. A fact has a position: the order in which facts were recorded. Positions
    have gaps, but a fact recorded later never has a smaller one."""

    async def position_at(self, time: datetime | None = None) -> int:
        """The position of the last fact recorded by a time (None: by now); 0 if there is none."""

    async def catalogue_as_of(
        self,
        offer_ids: Collection[str],
        product_codes: Collection[str],
        position: int,
        partner: str | None = None,
    ) -> Catalogue:
        """What the facts up to a position say of these offers (with their products) and products, and the
        policies of an organisation."""

    async def recorded_after(self, position: int, limit: int) -> Sequence[tuple[int, Fact]]:
        """The next facts after a position, at most `limit`, each with its own position."""

    async def recorded_facts(self, fact_ids: Collection[str]) -> Sequence[Fact]:
        """Those of these facts that were ever recorded."""

    async def offers_made_of(self, product_codes: Collection[str]) -> Collection[str]:
        """The ids of the offers with a version that now contains any of these products."""


class CatalogueCheckpoints(Protocol):
    """How far each reader of the facts has come."""

    async def read(self, reader: str) -> int | None:
        """The last position recorded; None if there is none."""

    async def write(self, reader: str, position: int) -> None:
        """Records a position, unless a later one is recorded."""
