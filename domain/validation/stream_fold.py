"""Folds the stored events of one basket, and makes what is published beside them: whole verdicts, and the basket as of
an event. It uses stored events only, so that every run gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence

from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.basket.commands import Validated
from domain.basket.event_structs import LINE_EVENT_TYPES, read_line_event
from domain.basket.events import ENDING_TYPES, BasketReopened, BasketValidated
from domain.basket.serialization import state_json, verdict_json
from domain.ports.event_store import StoredEvent
from domain.shared.eventsourcing import DomainEvent, fold
from domain.shared.findings import Verdict

BASKET_VALIDATED: str = BasketValidated.TOPIC


class UnfoldableBasket(Exception):
    """The stored events of a basket cannot be folded, so what is made of them cannot be published."""


PublishedDocument = bytes | UnfoldableBasket
"""A document as JSON, or why there is none."""


class StreamFold:
    """One basket as of the events that it was given. From an event on that cannot be folded there is no basket."""

    def __init__(self, stream_id: str) -> None:
        self.basket: Basket | None = None
        self.version = 0
        """The version of the last event."""
        self.ended: StoredEvent | None = None
        """The event since which the basket is over; None while it is open."""
        self._stream_id = stream_id
        self._error: UnfoldableBasket | None = None

    def advance(self, events: Sequence[StoredEvent], *, verdicts: bool = False) -> dict[int, PublishedDocument]:
        """Folds the next events of the stream. Returns the whole verdict of each basket-validated event, by its
        version, if `verdicts` are wanted."""
        found: dict[int, PublishedDocument] = {}
        try:
            for stored in events if self._error is None else ():
                if self._apply_struct(stored):
                    continue
                (event,) = decode_all(b"[%b]" % stored.data)
                if verdicts and isinstance(event, BasketValidated) and self.basket is not None:
                    before = self.basket.fork()
                    self._apply(stored, event)
                    found[stored.version] = _assemble_verdict(before, self.basket, event)
                else:
                    self._apply(stored, event)
        except Exception as error:  # noqa: BLE001  (broken events may fail in any way)
            self._fail(error)
        if self._error is not None and verdicts:
            validated = (event.version for event in events if event.type == BASKET_VALIDATED)
            found |= {version: self._error for version in validated if version not in found}
        self.version = events[-1].version if events else self.version
        return found

    def state(self) -> PublishedDocument:
        """The basket, as GET answers it."""
        if self._error is None and self.basket is not None:
            try:
                return state_json(self.basket)
            except Exception as error:  # noqa: BLE001  (likewise)
                self._fail(error)
        return self._error or UnfoldableBasket(f"{self._stream_id} has no events")

    def _apply_struct(self, stored: StoredEvent) -> bool:
        """Folds an event about lines; False if its model must: another event, or one that a struct does not take."""
        basket = self.basket
        if basket is None or stored.type not in LINE_EVENT_TYPES:
            return False
        event = read_line_event(stored.data)
        if event is None or (event.originator_id, event.originator_version) != (basket.id, basket.version + 1):
            return False
        event.apply(basket)
        basket.version, basket.modified_on = event.originator_version, event.timestamp
        return True

    def _apply(self, stored: StoredEvent, event: DomainEvent) -> None:
        self.basket = fold(self.basket, [event])
        if stored.type in ENDING_TYPES:
            self.ended = stored
        elif isinstance(event, BasketReopened):
            self.ended = None

    def _fail(self, error: Exception) -> None:
        self.basket = None
        self._error = UnfoldableBasket(f"{self._stream_id} cannot be folded: {type(error).__name__}: {error}")


def _assemble_verdict(validated: Basket, basket: Basket, event: BasketValidated) -> bytes:
    # As in the response to the caller, the basket's status is that of the moment of validation.
    as_validated = validated.as_seen_at(event.timestamp)
    verdict = recorded_verdict(event)
    return verdict_json(Validated(as_validated, basket, verdict, event.promise, event.remedy))


def recorded_verdict(event: BasketValidated) -> Verdict:
    return Verdict(
        blocked_products=event.blocked_products,
        validation_errors=event.validation_errors,
        evidence=event.evidence,
        passed=event.passed,
    )
