"""Erases personal data: destroys the keys of baskets, and records in each basket that its data is gone.

Everything that concerns one basket happens in one transaction: its key is destroyed, the event is appended, stored
responses and dead letters are emptied. So a crash leaves each basket wholly erased or not at all; the same command
again erases the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from typing import Annotated, Protocol

from pydantic import Field, JsonValue
from pydantic_core import to_json

from domain.basket.codec import encode
from domain.basket.events import BasketPersonalDataForgotten
from domain.operators.audit import Operator, OperatorAction
from domain.ports.event_store import NewEvent
from domain.shared.errors import BasketArchived, CheckoutError
from domain.shared.eventsourcing import Value
from domain.shared.request_span import RequestSpan
from domain.shared.values import Clock, NewId, is_storable_text

BATCH_SIZE = 100
"""Baskets of one transaction. Every other append waits meanwhile, so it must be short."""

MAX_NAME_LENGTH = 512


class NothingToErase(CheckoutError):
    """The selection matches no basket."""


class Person(Value):
    """A person, by the pseudonymous id that organisations gave with baskets (`dataSubject`)."""

    subject: Annotated[str, Field(min_length=1)]
    partner: str | None = None
    """The organisation that uses this id. None: any organisation."""


class BasketSelection(Value):
    """Baskets by their ids."""

    basket_ids: Annotated[tuple[str, ...], Field(min_length=1)]


class ErasureResult(Value):
    """What an erasure did. It cannot be undone."""

    action_id: str | None
    """The audit record's id. Null where nothing was changed."""
    baskets: int
    """How many baskets were selected."""
    basket_ids: tuple[str, ...]
    """The erased baskets. Keep them: after a restore of an older backup they must be erased again."""
    unchanged: int
    """Baskets that were erased before and hold nothing new."""
    left: int
    """Baskets that an interruption left out."""
    keys_destroyed: int
    answers_emptied: int
    """Stored responses to requests with an idempotency key."""
    dead_letters_emptied: int
    stored_in_the_clear: tuple[str, ...]
    """Baskets with events from before encryption was on. Events are never rewritten: their personal data is not shown
    or published any more, but it stays in the database and its backups."""


@dataclass(frozen=True, slots=True)
class ErasureBatch:
    """What one transaction did. The fields are those of ErasureResult."""

    basket_ids: Sequence[str] = ()
    keys_destroyed: int = 0
    answers_emptied: int = 0
    dead_letters_emptied: int = 0
    stored_in_the_clear: Sequence[str] = ()


Owners = Mapping[str, str]
"""The partner organisation of each basket, by the basket's id, in the order of the ids."""

BringBack = Callable[[Collection[str]], Awaitable[object]]
"""Brings those of some baskets back that are in the archive."""

EventFactory = Callable[[str, str, int], NewEvent]
"""Makes the event that records the erasure of a basket, from its id, its partner and the event's version."""


class ErasureStore(Protocol):
    """Where personal data is stored. Every method raises StoreUnavailable."""

    async def of_person(self, person: Person) -> Owners:
        """The baskets that hold data of a person."""

    async def of_ids(self, basket_ids: Collection[str]) -> Owners:
        """Those of these baskets that exist."""

    async def erase(self, baskets: Owners, new_event: EventFactory, action: OperatorAction) -> ErasureBatch:
        """Erases these baskets in one transaction, and records the action in it. The action is recorded once however
        often it is given, and not at all if every basket was erased before. Raises BasketArchived, and changes nothing,
        where one is in the archive."""


class ErasureService:
    """Erases personal data for operators."""

    def __init__(self, store: ErasureStore, bring_back: BringBack, clock: Clock, new_id: NewId) -> None:
        """`bring_back` returns baskets from the archive to the store, so that they are erased as all others are."""
        self._store = store
        self._bring_back = bring_back
        self._clock = clock
        self._new_id = new_id

    async def begin(self, selection: Person | BasketSelection, operator: Operator) -> Erasure:
        """An erasure that has changed nothing yet. Raises NothingToErase and StoreUnavailable."""
        baskets = await self._select(selection)
        organisations = dict(sorted(Counter(baskets.values()).items()))
        scope: dict[str, JsonValue] = {"baskets": len(baskets), "organisations": {**organisations}}
        match selection:
            case Person(partner=partner):
                scope |= {"subjectSha256": subject_digest(selection), "partner": partner}
            case BasketSelection(basket_ids=(basket_id,)):
                scope["basket"] = basket_id
            case _:
                pass
        action = OperatorAction(
            id=self._new_id(),
            type="operations.personal-data-forgotten.v1",
            operator=operator,
            scope=scope,
            occurred_at=self._clock(),
        )
        return Erasure(self._store, self._bring_back, baskets, organisations, action)

    async def erase(self, selection: Person | BasketSelection, operator: Operator) -> ErasureResult:
        """Erases all selected baskets. Raises NothingToErase and StoreUnavailable."""
        erasure = await self.begin(selection, operator)
        while erasure.left:
            await erasure.erase_next()
        return erasure.result()

    async def _select(self, selection: Person | BasketSelection) -> Owners:
        match selection:
            case Person(subject=subject, partner=partner):
                known = _can_exist(subject) and (partner is None or _can_exist(partner))
                baskets = await self._store.of_person(selection) if known else {}
                problem = "no basket holds data of this person"
            case BasketSelection(basket_ids=ids):
                baskets = await self._store.of_ids([id for id in ids if _can_exist(id)])
                problem = "there is no such basket"
        if not baskets:
            raise NothingToErase(problem)
        return baskets


class Erasure:
    """One run over the selected baskets, batch by batch."""

    def __init__(
        self,
        store: ErasureStore,
        bring_back: BringBack,
        baskets: Owners,
        organisations: Mapping[str, int],
        action: OperatorAction,
    ) -> None:
        """`organisations` tells how many of the baskets each one has."""
        self._store = store
        self._bring_back = bring_back
        self._baskets = baskets
        self._action = action
        self.organisations = organisations
        self._batches: list[ErasureBatch] = []
        self._retried = False
        self.done = 0

    @property
    def total(self) -> int:
        return len(self._baskets)

    @property
    def left(self) -> int:
        return self.total - self.done

    async def erase_next(self) -> None:
        """Erases the next BATCH_SIZE baskets. Raises StoreUnavailable, and ArchiveUnavailable and ArchiveDamaged for
        baskets in the archive; the next call then tries them again."""
        baskets = dict(islice(self._baskets.items(), self.done, self.done + BATCH_SIZE))
        retried, batch = self._retried, None
        while batch is None:
            await self._bring_back(baskets)
            self._retried = True
            with suppress(BasketArchived):  # one moved since a moment
                batch = await self._store.erase(baskets, _event_factory(self._action), self._action)
        if retried:
            # The attempt that failed may have been the one that erased them.
            batch = replace(batch, basket_ids=[*baskets])
        self._batches.append(batch)
        self._retried = False
        self.done += len(baskets)

    def result(self) -> ErasureResult:
        """What was done so far."""
        batches = self._batches
        basket_ids = tuple(id for batch in batches for id in batch.basket_ids)
        return ErasureResult(
            action_id=self._action.id if basket_ids else None,
            baskets=self.total,
            basket_ids=basket_ids,
            unchanged=self.done - len(basket_ids),
            left=self.left,
            keys_destroyed=sum(batch.keys_destroyed for batch in batches),
            answers_emptied=sum(batch.answers_emptied for batch in batches),
            dead_letters_emptied=sum(batch.dead_letters_emptied for batch in batches),
            stored_in_the_clear=tuple(id for batch in batches for id in batch.stored_in_the_clear),
        )


def subject_digest(person: Person) -> str:
    """How the audit record names a person: only someone who knows the id can find it again."""
    return sha256(person.subject.encode()).hexdigest()


def _can_exist(name: str) -> bool:
    """No other name was ever stored, and no store can look it up."""
    return is_storable_text(name, MAX_NAME_LENGTH)


def _event_factory(action: OperatorAction) -> EventFactory:
    trace_id = action.id.replace("-", "")
    metadata = {
        "actor": f"operator:{action.operator.actor}",
        "correlationId": action.id,
        "causationId": action.id,
        "traceparent": f"00-{trace_id}-{trace_id[16:]}-01",
    }

    def new_event(basket_id: str, partner: str, version: int) -> NewEvent:
        event = BasketPersonalDataForgotten(
            originator_id=basket_id,
            originator_version=version,
            timestamp=action.occurred_at,
            action_id=action.id,
        )
        request = RequestSpan(version, version)
        return NewEvent(event.TOPIC, encode(event), to_json({"partner": partner, **metadata, **request.to_metadata()}))

    return new_event
