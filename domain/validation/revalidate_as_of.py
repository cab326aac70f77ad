"""Judges baskets again: as they were and by what was known at some moment, or now, without changing anything.

What a verdict knew is exact: it names the catalogue's position, and facts are learned in the order of their
positions. A verdict that was recorded without one (by an older release) is judged by what had been learned by
its time, together with the facts that it names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.basket.events import BasketValidated
from domain.basket.references import offers_of, products_of
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.policies import PolicyTerms
from domain.ports.catalogue import CatalogueHistory
from domain.ports.event_store import EventStore
from domain.shared.errors import BasketNotFound, CommandRejected
from domain.shared.eventsourcing import DomainEvent, fold
from domain.shared.findings import Verdict
from domain.shared.values import Clock
from domain.validation.validate import NO_POLICY_TERMS, validate_basket


class NotFoundAsOf(CommandRejected):
    """The basket was not there at that moment, or has no such version."""

    def __init__(self, basket_id: str, when: str) -> None:
        super().__init__(f"there was no basket {basket_id} {when}")


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """What was recorded: by which event, and when."""

    version: int
    judged_version: int
    at: datetime
    verdict: Verdict

    @classmethod
    def of(cls, event: BasketValidated) -> StoredVerdict:
        return cls(event.originator_version, event.basket_version, event.timestamp, recorded_verdict(event))


@dataclass(frozen=True, slots=True)
class AsOfVerdict:
    """A basket, what was known of the catalogue, and what the checks of now say of it. `stored` is the
    verdict that was recorded about just this, where there is one; `last` the last one recorded by then."""

    basket: Basket
    at: datetime
    catalogue: Catalogue
    verdict: Verdict
    stored: StoredVerdict | None = None
    last: StoredVerdict | None = None


class AsOfValidator:
    """Appends nothing, and publishes nothing."""

    def __init__(
        self,
        store: EventStore,
        history: CatalogueHistory,
        clock: Clock,
        defaults: PolicyTerms = NO_POLICY_TERMS,
    ) -> None:
        """`defaults` are what baskets are judged by where no policy says it; of today, they are not recorded."""
        self._defaults = defaults
        self._store = store
        self._history = history
        self._clock = clock

    async def now(self, basket_id: str) -> AsOfVerdict:
        """The basket with all that was acknowledged, by all that is known; raises BasketNotFound."""
        events = await self._events(basket_id)
        position = await self._history.position_at()
        return await self._judged(events, self._clock(), position)

    async def as_of(self, basket_id: str, moment: datetime) -> AsOfVerdict:
        """The basket as it was at a moment, by what had been learned by then; the moment of a recorded
        verdict is that verdict's. Raises BasketNotFound and NotFoundAsOf."""
        by_then: list[DomainEvent] = []
        for event in await self._events(basket_id):
            if event.timestamp > moment:
                break
            by_then.append(event)
        if not by_then:
            raise NotFoundAsOf(basket_id, f"at {moment.isoformat()}")
        if isinstance(by_then[-1], BasketValidated) and by_then[-1].timestamp == moment:
            return await self._again(by_then)
        return await self._judged(by_then, moment, await self._history.position_at(moment))

    async def at_version(self, basket_id: str, version: int) -> AsOfVerdict:
        """A verdict's version means what that verdict judged; any other the basket at that version, at the
        moment of its event. Raises BasketNotFound and NotFoundAsOf."""
        events = [event for event in await self._events(basket_id) if event.originator_version <= version]
        if not events or events[-1].originator_version != version:
            raise NotFoundAsOf(basket_id, f"at version {version}")
        moment = events[-1].timestamp
        if isinstance(events[-1], BasketValidated):
            return await self._again(events)
        return await self._judged(events, moment, await self._history.position_at(moment))

    async def _events(self, basket_id: str) -> Sequence[DomainEvent]:
        stored = await self._store.read_events(basket_id)
        if not stored:
            raise BasketNotFound(basket_id)
        return decode_all(b"[" + b",".join(event.data for event in stored) + b"]")

    async def _again(self, events: Sequence[DomainEvent]) -> AsOfVerdict:
        """What the last of these events, a verdict, was about."""
        verdict = events[-1]
        assert isinstance(verdict, BasketValidated)  # noqa: S101  (for the type checker)
        judged = [event for event in events if event.originator_version <= verdict.basket_version]
        if verdict.catalogue_position is not None:
            rejudged = await self._judged(judged, verdict.timestamp, verdict.catalogue_position)
        else:
            position = await self._history.position_at(verdict.timestamp)
            rejudged = await self._judged(judged, verdict.timestamp, position, verdict.evidence)
        stored = StoredVerdict.of(verdict)
        return AsOfVerdict(rejudged.basket, rejudged.at, rejudged.catalogue, rejudged.verdict, stored, stored)

    async def _judged(
        self, events: Sequence[DomainEvent], at: datetime, position: int, named: Sequence[str] = ()
    ) -> AsOfVerdict:
        basket: Basket | None = fold(None, events)
        assert basket is not None  # noqa: S101  (there are events)
        basket = basket.as_seen_at(at)
        catalogue = await self._history.catalogue_as_of(
            offers_of(basket), products_of(basket), position, basket.partner
        )
        if named:
            facts = [*catalogue.facts(), *await self._history.recorded_facts(named)]
            catalogue = Catalogue(facts, position)
        last = next((event for event in reversed(events) if isinstance(event, BasketValidated)), None)
        return AsOfVerdict(
            basket,
            at,
            catalogue,
            validate_basket(basket, catalogue, at, defaults=self._defaults),
            last=StoredVerdict.of(last) if last else None,
        )


def recorded_verdict(event: BasketValidated) -> Verdict:
    """The verdict that the event records."""
    return Verdict(
        blocked_products=event.blocked_products,
        validation_errors=event.validation_errors,
        evidence=event.evidence,
        passed=event.passed,
    )
