"""What is done about dead letters, by their topics: what the worker that buried them would have done."""

from __future__ import annotations

from collections.abc import Collection

from adapters.contract.facts import NotAFact
from adapters.kafka import topics
from adapters.kafka.catalogue_messages import CATALOGUE_TOPICS, said_by
from adapters.kafka.messages import EPOCH, Received, buried_message, verdict_message
from adapters.kafka.sending import send_apart
from adapters.settings import Settings
from domain.basket.projection import BasketProjection
from domain.basket.verdicts import VerdictLost, WholeVerdicts
from domain.catalogue.epochs import CatalogueMessage, Said, Tombstone
from domain.operating.dead_letters import Kind
from domain.operating.letter_book import Buried, Plan, StillDead
from domain.ports import CatalogueFacts, EventStore

LEFT_OUT = "left out"


class BasketViewRemedy:
    """A message about a basket was not understood, and its view waits. The event store has all that any
    message could have said: the view is folded from there, which does for all letters of the basket."""

    topics = (topics.BASKET_EVENTS,)
    settles_all = True

    def __init__(self, projection: BasketProjection) -> None:
        self._projection = projection

    def kind(self, _: str) -> Kind:
        return "basket-event"

    def plan(self, letter: Buried) -> Plan:
        if letter.about is None:
            return Plan(
                "nothing: the message names no basket", "settles the letter, which holds up no basket"
            )
        folds = f"folds the view of {letter.about} from the event store"
        return Plan(
            f"{folds} and lets it go on",
            f"{folds} and lets it go on: no event can be left out of a basket. Where it cannot be folded the "
            "letter stays, and the basket is still parked",
        )

    async def retry(self, letter: Buried) -> str:
        if letter.about is None:
            raise StillDead("the message names no basket, so there is nothing to do; it can be skipped")
        await self._fold(letter.about)
        return f"the view of {letter.about} was folded from the event store, and goes on"

    async def skip(self, letter: Buried) -> str:
        return LEFT_OUT if letter.about is None else await self.retry(letter)

    async def settled(self, letter: Buried) -> None:
        # An event that arrived before the letter was settled was passed over, for the basket was parked.
        if letter.about is not None:
            await self._fold(letter.about)

    async def _fold(self, basket_id: str) -> None:
        if (stuck := await self._projection.refold(basket_id)) is not None:
            raise StillDead(
                f"version {stuck.version} cannot be folded, so the basket stays parked: {stuck.error}"
            )


class CatalogueRemedy:
    """A message of the catalogue, or about policies, was not learned. It is parsed and learned again: by now
    it may be understood. A fact knows by its sequence whether it is news."""

    topics = CATALOGUE_TOPICS
    settles_all = False

    def __init__(self, facts: CatalogueFacts, ignored: Collection[str] = ()) -> None:
        """`ignored` are names of unknown members that are passed over."""
        self._facts = facts
        self._ignored = ignored

    def kind(self, _: str) -> Kind:
        return "catalogue-fact"

    def plan(self, letter: Buried) -> Plan:
        try:
            said = self._said_by(letter)
        except NotAFact as error:
            retry = f"nothing yet, for it is still not understood: {error}"
        else:
            retry = (
                f"learns {said.fact.fact_id}" if isinstance(said, Said) else "withdraws what its key names"
            )
        return Plan(retry, "settles the letter; the catalogue does not learn what the message says")

    async def retry(self, letter: Buried) -> str:
        try:
            said = self._said_by(letter)
        except NotAFact as error:
            raise StillDead(f"it is still not understood: {error}") from error
        learned = await self._facts.learn([said])
        if isinstance(said, Tombstone):
            return "withdrew nothing" if learned.idle else f"withdrew {learned.withdrawn} facts"
        fact = said.fact
        if learned.contradicts:
            raise StillDead(f"another content is recorded as {fact.fact_id}")
        return f"learned {fact.fact_id}" if learned.new else f"{fact.fact_id} was known already"

    def _said_by(self, letter: Buried) -> CatalogueMessage:
        # A letter does not tell when its message was said: it was before all that was learned after it.
        return said_by(
            Received(buried_message(letter.message), letter.message.source, at=EPOCH), self._ignored
        )

    async def skip(self, _: Buried) -> str:
        return LEFT_OUT

    async def settled(self, _: Buried) -> None:
        return


class VerdictRemedy:
    """A verdict was not published, for it could not be put together. It is put together again, from the
    store alone, and published at least once. It comes after later ones of its basket: `ce_sequence` says so."""

    topics = ("event-store",)
    settles_all = False

    def __init__(self, settings: Settings, store: EventStore) -> None:
        self._settings = settings
        self._store = store

    def kind(self, _: str) -> Kind:
        return "verdict"

    def plan(self, letter: Buried) -> Plan:
        which = f"the verdict of {letter.about} at position {letter.message.source.offset}"
        return Plan(
            f"puts {which} together again and publishes it to {topics.VALIDATION_RESULTS}",
            f"settles the letter; {which} is never published",
        )

    async def retry(self, letter: Buried) -> str:
        stream_id = (letter.message.key or b"").decode(errors="replace")
        position = letter.message.source.offset
        stored = await self._store.read_events(stream_id)
        event = next((event for event in stored if event.position == position), None)
        if event is None:
            raise StillDead(f"{stream_id} has no event at position {position}")
        verdict = (await WholeVerdicts(self._store).of([event])).get(position)
        if verdict is None or isinstance(verdict, VerdictLost):
            raise StillDead(str(verdict or "the event is no verdict"))
        await send_apart(self._settings, "retried verdicts", [verdict_message(event, verdict)])
        return f"published to {topics.VALIDATION_RESULTS} as {stream_id}/{event.version}"

    async def skip(self, _: Buried) -> str:
        return LEFT_OUT

    async def settled(self, _: Buried) -> None:
        return
