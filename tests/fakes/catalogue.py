"""The catalogue in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.epochs import (
    CatalogueMessage,
    FactMessage,
    SourceMark,
    Tombstone,
    advance_mark,
    epoch_of_redelivered,
    in_epoch,
    is_redelivered,
    is_withdrawn,
    keys_naming,
    placed_after,
    recency,
    states_the_same,
    withdrawal_of,
)
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.ports.catalogue import RecordingResult
from domain.shared.values import Clock, MessageSource


def _utc_now() -> datetime:
    return datetime.now(UTC)


class InMemoryCatalogue:
    """CatalogueFacts and CatalogueHistory, durable as long as the process."""

    def __init__(self, clock: Clock = _utc_now) -> None:
        self._clock = clock
        self._facts: dict[str, Fact] = {}
        """In the order in which they were learned: the first has position 1."""
        self._learned_at: list[datetime] = []
        self._about: dict[str, list[Fact]] = defaultdict(list)
        """All facts about each subject."""
        self._sources: dict[str, MessageSource] = {}
        self._keys: dict[str, tuple[bytes | None, tuple[int, int]]] = {}
        """Under which key the newest fact of each subject was said last, and that fact's age."""
        self._marks: dict[tuple[str, int], SourceMark | None] = {}

    async def record(self, messages: Sequence[CatalogueMessage]) -> RecordingResult:
        new = known = withdrawn = 0
        contradicts: list[Fact] = []
        idle: list[Tombstone] = []
        for message in messages:
            repeated = self._is_repeated(message)
            if isinstance(message, Tombstone):
                facts = [] if repeated else self._withdrawable(message)
                for fact in facts:
                    self._record(withdrawal_of(fact), message.source)
                withdrawn += len(facts)
                known += repeated
                idle += [] if repeated or facts else [message]
                continue
            fact = self._in_its_epoch(message, repeated)
            held = self._facts.get(fact.fact_id)
            if held is not None and held != fact:
                contradicts.append(message.fact)
                continue
            if held is None:
                self._record(fact, message.source)
            new, known = new + (held is None), known + (held is not None)
            if not repeated and self._keys.get(fact.subject, (None, (0, 0)))[1] <= recency(fact):
                self._keys[fact.subject] = (message.key, recency(fact))
        return RecordingResult(new, known, tuple(contradicts), withdrawn, tuple(idle))

    def _record(self, fact: Fact, source: MessageSource) -> None:
        self._facts[fact.fact_id] = fact
        self._about[fact.subject].append(fact)
        self._sources[fact.fact_id] = source
        self._learned_at.append(self._clock())

    def _is_repeated(self, message: CatalogueMessage) -> bool:
        source = message.source
        partition = (source.topic, source.partition)
        mark = self._marks.get(partition)
        self._marks[partition] = advance_mark(mark, source.offset, message.at)
        return is_redelivered(mark, source.offset, message.at)

    def _in_its_epoch(self, message: FactMessage, repeated: bool) -> Fact:
        ever = self._about[message.fact.subject]
        if not repeated:
            return placed_after(message.fact, max(ever, key=recency, default=None))
        same = [fact.epoch for fact in ever if states_the_same(fact, message.fact)]
        if same:
            return in_epoch(message.fact, max(same))
        withdrawals = [(fact.epoch, self._sources[fact.fact_id]) for fact in ever if is_withdrawn(fact)]
        return in_epoch(message.fact, epoch_of_redelivered(message.source, withdrawals))

    def _withdrawable(self, tombstone: Tombstone) -> Sequence[Fact]:
        newest = [max(facts, key=recency) for facts in self._about.values() if facts]
        return [
            fact
            for fact in newest
            if fact.kind == tombstone.kind
            and not is_withdrawn(fact)
            and (
                tombstone.name in keys_naming(fact)
                or (tombstone.key is not None and self._keys.get(fact.subject) == (tombstone.key, recency(fact)))
            )
        ]

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
        catalogue = await self.catalogue_as_of(offer_ids, product_codes, len(self._facts), partner)
        asks = prices_for or partner
        if asks is None:
            return catalogue
        return Catalogue(
            [fact for fact in catalogue.facts() if not isinstance(fact, PriceFact) or fact.partner in (None, asks)],
            catalogue.position,
        )

    async def catalogue_as_of(
        self,
        offer_ids: Collection[str],
        product_codes: Collection[str],
        position: int,
        partner: str | None = None,
    ) -> Catalogue:
        known = [*islice(self._facts.values(), position)]
        offers = [fact for fact in known if isinstance(fact, OfferFact) and fact.id in offer_ids]
        # Of each version only the newest counts: a product that it is made of no more is not asked for.
        newest = Catalogue(offers).offers()
        codes = {*product_codes, *(product.product_code for offer in newest for product in offer.products)}
        about = [fact for fact in known if _is_about(fact, offer_ids, codes, partner)]
        return Catalogue([*offers, *about], min(position, len(self._facts)))

    async def position_at(self, moment: datetime | None = None) -> int:
        positions = (at for at, learned in enumerate(self._learned_at, 1) if moment is None or learned <= moment)
        return max(positions, default=0)

    async def recorded_after(self, position: int, limit: int) -> Sequence[tuple[int, Fact]]:
        return [*islice(enumerate(self._facts.values(), 1), position, position + limit)]

    async def recorded_facts(self, fact_ids: Collection[str]) -> Sequence[Fact]:
        return [self._facts[fact_id] for fact_id in fact_ids if fact_id in self._facts]

    async def offers_made_of(self, product_codes: Collection[str]) -> Collection[str]:
        newest = Catalogue(self._facts.values()).offers()
        return {offer.id for offer in newest if _is_made_of(offer, product_codes)}


def _is_about(fact: Fact, offer_ids: Collection[str], product_codes: Collection[str], partner: str | None) -> bool:
    return (
        (isinstance(fact, PriceFact) and fact.offer_id in offer_ids)
        or (isinstance(fact, AvailabilityFact) and fact.product_code in product_codes)
        or (isinstance(fact, PolicyFact) and partner is not None and fact.partner in (partner, None))
    )


def _is_made_of(offer: OfferFact, product_codes: Iterable[str]) -> bool:
    return any(product.product_code in product_codes for product in offer.products)
