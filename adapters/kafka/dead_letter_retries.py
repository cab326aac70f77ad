"""What is done about dead letters, by their topics: what the worker that buried them would have done."""

from __future__ import annotations

from collections.abc import Collection

from adapters.kafka import topics
from adapters.kafka.catalogue_messages import CATALOGUE_TOPICS, parse_catalogue_message
from adapters.kafka.messages import (
    EPOCH,
    Received,
    original_message,
    verdict_message,
)
from adapters.kafka.producer import send_standalone
from adapters.settings import Settings
from adapters.wire.facts import InvalidFact
from domain.basket.projection import BasketProjection
from domain.catalogue.epochs import CatalogueMessage, FactMessage, Tombstone
from domain.operators.dead_letters.model import MessageKind
from domain.operators.dead_letters.store import RetryFailed, RetryPlan, StoredDeadLetter
from domain.ports.catalogue import CatalogueFacts
from domain.ports.event_store import EventStore
from domain.validation.verdict_assembler import VerdictAssembler, VerdictUnavailable

SKIPPED = "left out"


class BasketViewRetryHandler:
    """A message about a basket was not understood, and its view waits. The event store has all that any
    message could have said: the view is folded from there, which does for all letters of the basket."""

    topics = (topics.BASKET_EVENTS,)
    settles_all = True

    def __init__(self, projection: BasketProjection) -> None:
        self._projection = projection

    def kind(self, _: str) -> MessageKind:
        return "basket-event"

    def plan(self, letter: StoredDeadLetter) -> RetryPlan:
        if letter.about is None:
            return RetryPlan(
                "nothing: the message names no basket", "settles the letter, which holds up no basket"
            )
        folds = f"folds the view of {letter.about} from the event store"
        return RetryPlan(
            f"{folds} and lets it go on",
            f"{folds} and lets it go on: no event can be left out of a basket. Where it cannot be folded the "
            "letter stays, and the basket is still parked",
        )

    async def retry(self, letter: StoredDeadLetter) -> str:
        if letter.about is None:
            raise RetryFailed("the message names no basket, so there is nothing to do; it can be skipped")
        await self._fold(letter.about)
        return f"the view of {letter.about} was folded from the event store, and goes on"

    async def skip(self, letter: StoredDeadLetter) -> str:
        return SKIPPED if letter.about is None else await self.retry(letter)

    async def settled(self, letter: StoredDeadLetter) -> None:
        # An event that arrived before the letter was settled was passed over, for the basket was parked.
        if letter.about is not None:
            await self._fold(letter.about)

    async def _fold(self, basket_id: str) -> None:
        if (stuck := await self._projection.refold(basket_id)) is not None:
            raise RetryFailed(
                f"version {stuck.version} cannot be folded, so the basket stays parked: {stuck.error}"
            )


class CatalogueRetryHandler:
    """A message of the catalogue, or about policies, was not learned. It is parsed and learned again: by now
    it may be understood. A fact knows by its sequence whether it is news."""

    topics = CATALOGUE_TOPICS
    settles_all = False

    def __init__(self, facts: CatalogueFacts, ignored: Collection[str] = ()) -> None:
        """`ignored` are names of unknown members that are passed over."""
        self._facts = facts
        self._ignored = ignored

    def kind(self, _: str) -> MessageKind:
        return "catalogue-fact"

    def plan(self, letter: StoredDeadLetter) -> RetryPlan:
        try:
            said = self._said_by(letter)
        except InvalidFact as error:
            retry = f"nothing yet, for it is still not understood: {error}"
        else:
            retry = (
                f"learns {said.fact.fact_id}"
                if isinstance(said, FactMessage)
                else "withdraws what its key names"
            )
        return RetryPlan(retry, "settles the letter; the catalogue does not learn what the message says")

    async def retry(self, letter: StoredDeadLetter) -> str:
        try:
            said = self._said_by(letter)
        except InvalidFact as error:
            raise RetryFailed(f"it is still not understood: {error}") from error
        learned = await self._facts.learn([said])
        if isinstance(said, Tombstone):
            return "withdrew nothing" if learned.idle else f"withdrew {learned.withdrawn} facts"
        fact = said.fact
        if learned.contradicts:
            raise RetryFailed(f"another content is recorded as {fact.fact_id}")
        return f"learned {fact.fact_id}" if learned.new else f"{fact.fact_id} was known already"

    def _said_by(self, letter: StoredDeadLetter) -> CatalogueMessage:
        # A letter does not tell when its message was said: it was before all that was learned after it.
        return parse_catalogue_message(
            Received(original_message(letter.message), letter.message.source, at=EPOCH), self._ignored
        )

    async def skip(self, _: StoredDeadLetter) -> str:
        return SKIPPED

    async def settled(self, _: StoredDeadLetter) -> None:
        return


class VerdictRetryHandler:
    """A verdict was not published, for it could not be put together. It is put together again, from the
    store alone, and published at least once. It comes after later ones of its basket: `ce_sequence` says so."""

    topics = ("event-store",)
    settles_all = False

    def __init__(self, settings: Settings, store: EventStore) -> None:
        self._settings = settings
        self._store = store

    def kind(self, _: str) -> MessageKind:
        return "verdict"

    def plan(self, letter: StoredDeadLetter) -> RetryPlan:
        which = f"the verdict of {letter.about} at position {letter.message.source.offset}"
        return RetryPlan(
            f"puts {which} together again and publishes it to {topics.VALIDATION_RESULTS}",
            f"settles the letter; {which} is never published",
        )

    async def retry(self, letter: StoredDeadLetter) -> str:
        stream_id = (letter.message.key or b"").decode(errors="replace")
        position = letter.message.source.offset
        stored = await self._store.read_events(stream_id)
        event = next((event for event in stored if event.position == position), None)
        if event is None:
            raise RetryFailed(f"{stream_id} has no event at position {position}")
        verdict = (await VerdictAssembler(self._store).of([event])).get(position)
        if verdict is None or isinstance(verdict, VerdictUnavailable):
            raise RetryFailed(str(verdict or "the event is no verdict"))
        await send_standalone(self._settings, "retried verdicts", [verdict_message(event, verdict)])
        return f"published to {topics.VALIDATION_RESULTS} as {stream_id}/{event.version}"

    async def skip(self, _: StoredDeadLetter) -> str:
        return SKIPPED

    async def settled(self, _: StoredDeadLetter) -> None:
        return
