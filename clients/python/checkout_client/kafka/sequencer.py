"""Puts events into the order of their baskets: each once, without gaps, a request's together. No input or output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from checkout_client.errors import CheckoutClientError
from checkout_client.kafka.messages import EventContext, Record

Group = tuple[EventContext, ...]
"""The events that one request made, in order. Some are missing at its begin if they were handled before."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Versions of a basket that did not come, although a later one did."""

    basket_id: str
    first: int
    last: int
    next: EventContext
    """The event after the gap."""

    def __str__(self) -> str:
        versions = f"version {self.first}" if self.first == self.last else f"versions {self.first} to {self.last}"
        return (
            f"{versions} of {self.basket_id} did not come, but version {self.next.sequence} did"
            f" ({self.next.record.place})"
        )


class GapDetected(CheckoutClientError):
    """Events of a basket are missing. `gap` names them. Nothing after the gap was handed over or committed."""

    def __init__(self, gap: Gap) -> None:
        super().__init__(str(gap))
        self.gap = gap


@dataclass(slots=True)
class Sequenced:
    """What messages led to: groups to hand over, and duplicates that need no handling."""

    groups: list[Group] = field(default_factory=list)
    duplicates: list[Record] = field(default_factory=list)


@dataclass(slots=True)
class _Basket:
    """The versions up to `finished` were handled, and up to `taken` they came in order. None: any may come first."""

    finished: int | None
    taken: int | None
    pending: list[EventContext] = field(default_factory=list)
    """The events of a request that is not complete yet."""
    held: dict[int, EventContext] = field(default_factory=dict)
    """Events after a gap."""
    held_since: float = 0.0
    duplicates: list[tuple[int, Record]] = field(default_factory=list)
    """Messages of events that are being handled. They are finished once those are."""
    running: int = 0
    """Groups that were handed over and are not finished."""

    @property
    def is_idle(self) -> bool:
        return not (self.pending or self.held or self.duplicates or self.running)

    def begins_anew(self, context: EventContext) -> bool:
        return self.taken is None and context.request_index in {None, 1}


class Sequencer:
    """Keeps what it must know of the baskets that have events underway; the caller says what is known of others."""

    def __init__(self, *, hold_seconds: float, max_held: int) -> None:
        """Events after a gap are held for `hold_seconds`, at most `max_held` of all baskets."""
        self._hold_seconds = hold_seconds
        self._max_held = max_held
        self._open: dict[str, _Basket] = {}

    def unknown(self, contexts: Iterable[EventContext]) -> set[str]:
        """The baskets of these events whose version the caller must look up."""
        return {context.basket_id for context in contexts if context.basket_id not in self._open}

    def receive(self, contexts: Iterable[EventContext], versions: Mapping[str, int], now: float) -> Sequenced:
        """Takes events, in the order in which they came. `versions` are those of the `unknown` baskets up to which all
        was handled; a basket that is missing there may begin with any request."""
        out = Sequenced()
        for context in contexts:
            basket = self._open.get(context.basket_id)
            if basket is None:
                version = versions.get(context.basket_id)
                basket = self._open[context.basket_id] = _Basket(version, version)
            self._receive(basket, context, now, out)
            self._forget_idle(context.basket_id)
        return out

    def finished(self, group: Group) -> list[Record]:
        """A group was handled. Returns duplicates that are finished by that."""
        basket = self._open.get(group[0].basket_id)
        if basket is None:
            return []
        basket.running -= 1
        released = self._release(basket, _version(group[-1]))
        self._forget_idle(group[0].basket_id)
        return released

    def revoked(self, running: Iterable[Group] = ()) -> None:
        """All messages that are not finished may come again, also those of the groups that are still `running`."""
        left = {group[0].basket_id: group for group in running}
        for basket_id, basket in [*self._open.items()]:
            group = left.get(basket_id)
            if group is None:
                del self._open[basket_id]
            else:
                self._open[basket_id] = _Basket(basket.finished, _version(group[-1]), running=1)

    def overdue(self, now: float) -> list[Gap]:
        """The gaps that did not close in time, and the oldest ones if too many events are held."""
        gaps = sorted(
            ((basket.held_since, id, basket) for id, basket in self._open.items() if basket.held),
            key=lambda entry: entry[0],
        )
        surplus = sum(len(basket.held) for _, _, basket in gaps) - self._max_held
        found = []
        for since, id, basket in gaps:
            if surplus > 0 or now - since >= self._hold_seconds:
                found.append(_gap(id, basket))
                surplus -= len(basket.held)
        return found

    def learn(self, basket_id: str, version: int) -> Sequenced:
        """All events of the basket up to this version were handled, perhaps by another process."""
        out = Sequenced()
        basket = self._open.get(basket_id)
        if basket is None or (basket.taken is not None and version <= basket.taken):
            return out
        basket.taken = version
        out.duplicates += self._release(basket, version)
        out.duplicates += [context.record for context in basket.pending]
        basket.pending = []
        out.duplicates += [basket.held.pop(held).record for held in [*basket.held] if held <= version]
        self._drain(basket, out)
        self._forget_idle(basket_id)
        return out

    def wait(self, basket_id: str, now: float) -> None:
        """Holds the events after a gap for as long again."""
        if (basket := self._open.get(basket_id)) is not None:
            basket.held_since = now

    def accept(self, basket_id: str) -> Sequenced:
        """Goes on after a gap, without the missing events."""
        out = Sequenced()
        basket = self._open.get(basket_id)
        if basket is not None and basket.held:
            self._close(basket, out)
            basket.taken = min(basket.held) - 1
            self._drain(basket, out)
        return out

    def _receive(self, basket: _Basket, context: EventContext, now: float, out: Sequenced) -> None:
        version = _version(context)
        if basket.finished is not None and version <= basket.finished:
            out.duplicates.append(context.record)
        elif (basket.taken is not None and version <= basket.taken) or version in basket.held:
            basket.duplicates.append((version, context.record))
        elif basket.begins_anew(context) or (basket.taken is not None and version == basket.taken + 1):
            self._take(basket, context, out)
            self._drain(basket, out)
        else:
            if not basket.held:
                basket.held_since = now
            basket.held[version] = context

    def _take(self, basket: _Basket, context: EventContext, out: Sequenced) -> None:
        """The event is the basket's next."""
        if basket.pending and not _same_request(basket.pending[-1], context):
            self._close(basket, out)
        basket.pending.append(context)
        basket.taken = _version(context)
        if context.request_index == context.request_count:
            self._close(basket, out)

    def _drain(self, basket: _Basket, out: Sequenced) -> None:
        while basket.taken is not None and basket.taken + 1 in basket.held:
            self._take(basket, basket.held.pop(basket.taken + 1), out)

    @staticmethod
    def _close(basket: _Basket, out: Sequenced) -> None:
        """Hands over what there is of the current request."""
        if basket.pending:
            out.groups.append(tuple(basket.pending))
            basket.pending = []
            basket.running += 1

    @staticmethod
    def _release(basket: _Basket, version: int) -> list[Record]:
        basket.finished = max(version, basket.finished or 0)
        released = [record for known, record in basket.duplicates if known <= basket.finished]
        basket.duplicates = [(known, record) for known, record in basket.duplicates if known > basket.finished]
        return released

    def _forget_idle(self, basket_id: str) -> None:
        if self._open[basket_id].is_idle:
            del self._open[basket_id]


def _version(context: EventContext) -> int:
    assert context.sequence is not None  # noqa: S101 - the reader refuses events without one
    return context.sequence


def _same_request(before: EventContext, context: EventContext) -> bool:
    """Whether both are of one request, given that they follow each other."""
    return before.request_count == context.request_count and context.request_index == (before.request_index or 0) + 1


def _gap(basket_id: str, basket: _Basket) -> Gap:
    following = basket.held[min(basket.held)]
    last = _version(following) - 1
    begin = _version(following) - (following.request_index or 1) + 1
    return Gap(basket_id, begin if basket.taken is None else basket.taken + 1, last, following)
