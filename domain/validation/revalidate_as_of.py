"""Validates baskets as of a moment or version, by the facts known then, and changes nothing.

A verdict names the catalogue's position, which says exactly what was known. A verdict of an older release names none:
then the facts recorded by its time count, together with those that it names as evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.basket.decision import BasketLimits
from domain.basket.events import BasketValidated
from domain.basket.references import offers_of, products_of
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.policies import PolicyTerms
from domain.ports.catalogue import CatalogueHistory
from domain.ports.event_store import EventStore
from domain.shared.errors import BasketNotFound, CommandRejected
from domain.shared.eventsourcing import DomainEvent, fold
from domain.shared.findings import Remedy, Verdict
from domain.shared.values import Clock
from domain.validation.remedy.finder import find_remedy
from domain.validation.stream_fold import recorded_verdict
from domain.validation.validate import NO_POLICY_TERMS, build_context, run_checks


class NotFoundAsOf(CommandRejected):
    """The basket did not exist at that moment, or has no such version."""

    def __init__(self, basket_id: str, when: str) -> None:
        super().__init__(f"there was no basket {basket_id} {when}")


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """A recorded verdict: the version and time of its event, and the version that was validated."""

    version: int
    validated_version: int
    at: datetime
    verdict: Verdict
    remedy: Remedy | None = None
    promise: str | None = None

    @classmethod
    def of(cls, event: BasketValidated) -> StoredVerdict:
        return cls(
            event.originator_version,
            event.basket_version,
            event.timestamp,
            recorded_verdict(event),
            event.remedy,
            event.promise,
        )


@dataclass(frozen=True, slots=True)
class AsOfVerdict:
    """The verdict of today's checks on a basket and a catalogue as of a moment.

    `stored` is the verdict that was recorded about the same inputs; `last` is the last one recorded by then.
    """

    basket: Basket
    at: datetime
    catalogue: Catalogue
    verdict: Verdict
    remedy: Remedy | None = None
    stored: StoredVerdict | None = None
    last: StoredVerdict | None = None


class AsOfValidator:
    """Records and publishes nothing."""

    def __init__(
        self,
        store: EventStore,
        history: CatalogueHistory,
        clock: Clock,
        defaults: PolicyTerms = NO_POLICY_TERMS,
        limits: BasketLimits | None = None,
    ) -> None:
        """`defaults` and `limits` are those of today, because they are not recorded."""
        self._defaults = defaults
        self._limits = limits or BasketLimits()
        self._store = store
        self._history = history
        self._clock = clock

    async def now(self, basket_id: str) -> AsOfVerdict:
        """Validates by all facts; raises BasketNotFound."""
        events = await self._events(basket_id)
        position = await self._history.position_at()
        return await self._validate(events, self._clock(), position)

    async def as_of(self, basket_id: str, moment: datetime) -> AsOfVerdict:
        """Validates by the facts recorded by a moment; the moment of a recorded verdict repeats that verdict. Raises
        BasketNotFound and NotFoundAsOf."""
        events = [*takewhile(lambda event: event.timestamp <= moment, await self._events(basket_id))]
        if not events:
            raise NotFoundAsOf(basket_id, f"at {moment.isoformat()}")
        if isinstance(events[-1], BasketValidated) and events[-1].timestamp == moment:
            return await self._repeat(events, events[-1])
        return await self._validate(events, moment, await self._history.position_at(moment))

    async def at_version(self, basket_id: str, version: int) -> AsOfVerdict:
        """Validates the basket at a version; a verdict's version repeats that verdict. Raises BasketNotFound and
        NotFoundAsOf."""
        events = [event for event in await self._events(basket_id) if event.originator_version <= version]
        if not events or events[-1].originator_version != version:
            raise NotFoundAsOf(basket_id, f"at version {version}")
        if isinstance(events[-1], BasketValidated):
            return await self._repeat(events, events[-1])
        moment = events[-1].timestamp
        return await self._validate(events, moment, await self._history.position_at(moment))

    async def _events(self, basket_id: str) -> Sequence[DomainEvent]:
        stored = await self._store.read_events(basket_id)
        if not stored:
            raise BasketNotFound(basket_id)
        return decode_all(b"[" + b",".join(event.data for event in stored) + b"]")

    async def _repeat(self, events: Sequence[DomainEvent], verdict: BasketValidated) -> AsOfVerdict:
        """Validates what a recorded verdict was about."""
        validated = [event for event in events if event.originator_version <= verdict.basket_version]
        if verdict.catalogue_position is not None:
            result = await self._validate(validated, verdict.timestamp, verdict.catalogue_position)
        else:
            position = await self._history.position_at(verdict.timestamp)
            result = await self._validate(validated, verdict.timestamp, position, verdict.evidence)
        stored = StoredVerdict.of(verdict)
        return replace(result, stored=stored, last=stored)

    async def _validate(
        self, events: Sequence[DomainEvent], at: datetime, position: int, evidence: Sequence[str] = ()
    ) -> AsOfVerdict:
        basket: Basket | None = fold(None, events)
        assert basket is not None  # noqa: S101  (there are events)
        basket = basket.as_seen_at(at)
        catalogue = await self._history.catalogue_as_of(
            offers_of(basket), products_of(basket), position, basket.partner
        )
        if evidence:
            catalogue.add(await self._history.recorded_facts(evidence))
        context = build_context(basket, catalogue, at, self._defaults)
        verdict = run_checks(context)
        remedy = find_remedy(context, catalogue, verdict.findings, self._limits).remedy
        last = next((event for event in reversed(events) if isinstance(event, BasketValidated)), None)
        return AsOfVerdict(basket, at, catalogue, verdict, remedy, last=StoredVerdict.of(last) if last else None)
