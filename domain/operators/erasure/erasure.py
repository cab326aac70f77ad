"""Forgets persons: destroys the keys of their baskets, and tells these baskets so.

Of one basket all happens in one transaction: its key is destroyed, the event that says so is appended, what
callers were answered is emptied. So there is no moment to crash in; what is left of many baskets is forgotten by
the same command once more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Annotated, Protocol

from pydantic import Field, JsonValue
from pydantic_core import to_json

from domain.basket.codec import encode
from domain.basket.events import BasketPersonalDataForgotten
from domain.operators.audit import Operator, OperatorAction
from domain.ports.event_store import NewEvent
from domain.shared.errors import CheckoutError
from domain.shared.eventsourcing import Value
from domain.shared.values import Clock, NewId, is_storable_text

BATCH_SIZE = 100
"""Baskets that are forgotten in one transaction. Nobody appends anything meanwhile, so it is to be short."""

MAX_NAME_LENGTH = 512


class NothingToErase(CheckoutError):
    """No basket is meant."""


class Person(Value):
    """A person by the pseudonymous id that organisations gave with baskets (`dataSubject`)."""

    subject: Annotated[str, Field(min_length=1)]
    partner: str | None = None
    """The organisation whose id it is; None: whichever uses this id."""


class BasketSelection(Value):
    """Baskets by their ids."""

    basket_ids: Annotated[tuple[str, ...], Field(min_length=1)]


class ErasableBasket(Value):
    """A basket that is to forget."""

    basket_id: str
    partner: str


class ErasureScope(Value):
    """What forgetting would touch."""

    baskets: int
    organisations: Mapping[str, int]
    """How many baskets of each."""


class ErasureResult(Value):
    """What was done. It cannot be undone."""

    action_id: str | None
    """The action that was recorded; null where nothing was changed."""
    baskets: int
    """How many baskets were meant."""
    basket_ids: tuple[str, ...]
    """Those that were told to forget. Kept by the operator, they are what is to be forgotten again where a backup
    from before is restored."""
    unchanged: int
    """Baskets that had forgotten already and hold nothing new."""
    left: int
    """Baskets that were not come to, for it was interrupted."""
    keys_destroyed: int
    answers_emptied: int
    """Stored answers to keyed requests that showed the basket."""
    dead_letters_emptied: int
    stored_in_the_clear: tuple[str, ...]
    """Baskets with events from before their personal data was sealed. Events are never rewritten: what these hold is
    not shown or published any more, but it lies in the database and its backups as it came."""


@dataclass(frozen=True, slots=True)
class ErasureBatch:
    """What one transaction did; the fields are those of Forgotten."""

    basket_ids: Sequence[str] = ()
    keys_destroyed: int = 0
    answers_emptied: int = 0
    dead_letters_emptied: int = 0
    stored_in_the_clear: Sequence[str] = ()


EventOf = Callable[[ErasableBasket, int], NewEvent]
"""The event that tells a basket to forget; it becomes this version of the basket."""


class ErasureStore(Protocol):
    """Where personal data lies. Every method raises StoreUnavailable."""

    async def of_person(self, person: Person) -> Sequence[ErasableBasket]:
        """The baskets that hold data of a person, in the order of their ids."""

    async def of_ids(self, basket_ids: Collection[str]) -> Sequence[ErasableBasket]:
        """Those of these baskets that exist, in the order of their ids."""

    async def forget(
        self, baskets: Sequence[ErasableBasket], event_of: EventOf, action: OperatorAction
    ) -> ErasureBatch:
        """Has baskets forget, in one transaction. The action is recorded in it, once however often it is given,
        unless all of these baskets had forgotten already."""


Attempt = Callable[[], Awaitable[ErasureBatch]]
Persist = Callable[[Attempt], Awaitable[ErasureBatch | None]]
"""Makes an attempt, and another one where the store was away; None: somebody wants it to stop."""


async def _once(attempt: Attempt) -> ErasureBatch | None:
    return await attempt()


class ErasureService:
    """Forgets persons for operators."""

    def __init__(self, baskets: ErasureStore, clock: Clock, new_id: NewId) -> None:
        self._baskets = baskets
        self._clock = clock
        self._new_id = new_id

    async def concerned(self, whom: Person | BasketSelection) -> ErasureScope:
        """What forgetting would touch; changes nothing. Raises NothingToErase."""
        baskets = await self._meant(whom)
        return ErasureScope(baskets=len(baskets), organisations=_counted(baskets))

    async def forget(
        self,
        whom: Person | BasketSelection,
        operator: Operator,
        progress: Callable[[int, int], bool] = lambda done, total: True,
        persist: Persist = _once,
    ) -> ErasureResult:
        """Has all baskets of a person, or these, forget. `progress` is told how many of how many are done, and
        says whether to go on.

        Interrupted or failed, it has done some baskets wholly and the others not at all; the same call again
        does those. Raises NothingToErase and StoreUnavailable.
        """
        baskets = await self._meant(whom)
        action = OperatorAction(
            id=self._new_id(),
            type="operations.personal-data-forgotten.v1",
            operator=operator,
            scope=_scope(whom, baskets),
            occurred_at=self._clock(),
        )
        parts: list[ErasureBatch] = []
        done = 0
        while done < len(baskets):
            some = baskets[done : done + BATCH_SIZE]
            attempts = 0

            async def attempt(some: Sequence[ErasableBasket] = some) -> ErasureBatch:
                nonlocal attempts
                attempts += 1
                return await self._baskets.forget(some, _event_of(action), action)

            part = await persist(attempt)
            if part is None:
                break
            # An attempt that nobody heard of may have been the one that did it.
            parts.append(part if attempts == 1 else replace(part, basket_ids=_ids(some)))
            done += len(some)
            if not progress(done, len(baskets)):
                break
        basket_ids = tuple(id for part in parts for id in part.basket_ids)
        return ErasureResult(
            action_id=action.id if basket_ids else None,
            baskets=len(baskets),
            basket_ids=basket_ids,
            unchanged=done - len(basket_ids),
            left=len(baskets) - done,
            keys_destroyed=sum(part.keys_destroyed for part in parts),
            answers_emptied=sum(part.answers_emptied for part in parts),
            dead_letters_emptied=sum(part.dead_letters_emptied for part in parts),
            stored_in_the_clear=tuple(id for part in parts for id in part.stored_in_the_clear),
        )

    async def _meant(self, whom: Person | BasketSelection) -> Sequence[ErasableBasket]:
        match whom:
            case Person():
                baskets = (
                    await self._baskets.of_person(whom) if _may_be_known(whom.subject, whom.partner) else ()
                )
            case BasketSelection():
                baskets = await self._baskets.of_ids([id for id in whom.basket_ids if _may_be_known(id)])
        if not baskets:
            raise NothingToErase(
                "no basket holds data of this person"
                if isinstance(whom, Person)
                else "there is no such basket"
            )
        return baskets


def _may_be_known(*names: str | None) -> bool:
    """Nothing else was ever taken in, and no store can be asked for it."""
    return all(is_storable_text(name, MAX_NAME_LENGTH) for name in names if name is not None)


def _ids(baskets: Sequence[ErasableBasket]) -> tuple[str, ...]:
    return tuple(basket.basket_id for basket in baskets)


def subject_digest(person: Person) -> str:
    """What is recorded of a person's id: whoever knows the id finds it again, nobody else is told it."""
    return sha256(person.subject.encode()).hexdigest()


def _scope(whom: Person | BasketSelection, baskets: Sequence[ErasableBasket]) -> Mapping[str, JsonValue]:
    scope: dict[str, JsonValue] = {"baskets": len(baskets), "organisations": dict(_counted(baskets))}
    match whom:
        case Person():
            scope["subjectSha256"] = subject_digest(whom)
            scope["partner"] = whom.partner
        case BasketSelection(basket_ids=(basket_id,)):
            scope["basket"] = basket_id
        case _:
            pass
    return scope


def _counted(baskets: Sequence[ErasableBasket]) -> Mapping[str, int]:
    return dict(sorted(Counter(basket.partner for basket in baskets).items()))


def _event_of(action: OperatorAction) -> EventOf:
    trace_id = action.id.replace("-", "")
    said = {
        "actor": f"operator:{action.operator.actor}",
        "correlationId": action.id,
        "causationId": action.id,
        "traceparent": f"00-{trace_id}-{trace_id[16:]}-01",
    }

    def event_of(basket: ErasableBasket, version: int) -> NewEvent:
        event = BasketPersonalDataForgotten(
            originator_id=basket.basket_id,
            originator_version=version,
            timestamp=action.occurred_at,
            action_id=action.id,
        )
        return NewEvent(event.TOPIC, encode(event), to_json({"partner": basket.partner, **said}))

    return event_of
