"""Whether a topic holds what was published to it: each event once, in order per basket, byte for byte. Pure.

A whole topic is compared by a tally, in memory that grows with the baskets and not with the events: both sides of
each basket are rolled into one figure. Where the figures differ, or for a few baskets, `message_drifts` says exactly
what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from domain.operators.verify.inconsistencies import Inconsistency, InconsistencyKind


@dataclass(frozen=True, slots=True)
class TopicMessage:
    """A message of a topic: the basket and the version that it says (None: it says none), a digest of its content,
    and where it lay. A `replay` says that it is sent again: it may come at any time, and may fill a hole."""

    basket_id: str | None
    version: int | None
    digest: bytes
    partition: int
    offset: int
    replay: bool = False

    @property
    def place(self) -> str:
        return f"{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class ExpectedMessage:
    """A message that there should be: of which event, and the digest of its content, which leaves out what a person
    may have had forgotten."""

    basket_id: str
    version: int
    position: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class ComparableRange:
    """From which position on each partition can be compared: what was before is gone by retention. 0: from the
    first event on; None: nothing of it."""

    positions: Mapping[int, int | None]
    partition_of: Callable[[str], int]

    def comparable(self, basket_id: str, position: int) -> bool:
        begins = self.positions.get(self.partition_of(basket_id))
        return begins is not None and position >= begins

    @property
    def whole_from(self) -> int | None:
        """The position from which on the topic can be compared as a whole; None: some partition cannot be."""
        known = [position for position in self.positions.values() if position is not None]
        return max(known, default=0) if len(known) == len(self.positions) else None


@dataclass(slots=True)
class _BasketTally:
    """One basket: the first and last version found, and what was found, rolled together and counted; the same of the
    store's side, and whether it has come to the last."""

    first: int
    last: int
    rolled: bytes
    found: int = 1
    expected: int = 0
    expected_rolled: bytes = b""
    reached: bool = False

    @property
    def same(self) -> bool:
        return self.rolled == self.expected_rolled


class TopicTally:
    """First is told all that was found, then all that was expected, each in order; then `suspects` are the baskets
    that are to be looked at exactly, and perhaps some more."""

    def __init__(
        self, topic: str, beginnings: ComparableRange, published_up_to: int, *, repeats_allowed: bool
    ) -> None:
        """Events up to the position `published_up_to` must be there; later ones may be."""
        self._topic = topic
        self._beginnings = beginnings
        self._published_up_to = published_up_to
        self._repeats_allowed = repeats_allowed
        self._baskets: dict[str, _BasketTally] = {}
        self._suspects: set[str] = set()
        self.not_understood: list[Inconsistency] = []
        self.messages = 0

    def found(self, messages: Iterable[TopicMessage]) -> None:
        for message in messages:
            self.messages += 1
            basket_id, version = message.basket_id, message.version
            if basket_id is None or version is None:
                self.not_understood.append(unreadable_message(self._topic, message))
                continue
            if message.replay:
                continue  # where one fills a hole, the rest shows the hole, and all is looked at exactly
            basket = self._baskets.get(basket_id)
            if basket is None:
                rolled = _rolled(b"", version, message.digest)
                self._baskets[basket_id] = _BasketTally(version, version, rolled)
            elif version > basket.last:
                basket.last, basket.rolled = version, _rolled(basket.rolled, version, message.digest)
                basket.found += 1
            elif not self._repeats_allowed or version < basket.first:
                self._suspects.add(basket_id)

    def expected(self, messages: Iterable[ExpectedMessage]) -> None:
        for message in messages:
            basket_id, version = message.basket_id, message.version
            basket = self._baskets.get(basket_id)
            if basket is not None and basket.first <= version <= basket.last:
                basket.expected += 1
                basket.expected_rolled = _rolled(basket.expected_rolled, version, message.digest)
                basket.reached |= version == basket.last
            elif message.position <= self._published_up_to and self._beginnings.comparable(
                basket_id, message.position
            ):
                self._suspects.add(basket_id)

    def suspects(self) -> set[str]:
        unlike = {id for id, basket in self._baskets.items() if not (basket.reached and basket.same)}
        return self._suspects | unlike


def check_messages(
    topic: str,
    basket_id: str,
    found: Sequence[TopicMessage],
    expected: Sequence[ExpectedMessage],
    beginnings: ComparableRange,
    published_up_to: int,
    *,
    repeats_allowed: bool,
) -> list[Inconsistency]:
    """What is wrong with one basket's messages, which lie in the order of their partition. `expected` are all that
    the store has of it."""
    wanted = {message.version: message for message in expected}
    drifts: list[Inconsistency] = []
    first_told: set[int] = set()
    replayed: set[int] = set()
    newest = 0

    def drift(kind: InconsistencyKind, version: int | None, words: str) -> None:
        position = wanted[version].position if version in wanted else None
        drifts.append(
            Inconsistency(
                kind=kind, subject=basket_id, version=version, position=position, topic=topic, words=words
            )
        )

    for message in found:
        version = message.version
        if version is None:
            drifts.append(unreadable_message(topic, message))
            continue
        if version not in wanted:
            drift(
                "message_without_event", version, f"the message at {message.place} has no event in the store"
            )
            continue
        if message.replay:
            pass  # at any time
        elif version in first_told:
            if not repeats_allowed:
                drift("message_repeated", version, f"version {version} comes again at {message.place}")
        elif version < newest:
            drift(
                "message_out_of_order", version, f"version {version} comes after {newest}, at {message.place}"
            )
        if message.digest != wanted[version].digest:
            drift("message_differs", version, f"the message at {message.place} is not what the store says")
        if message.replay:
            replayed.add(version)
        else:
            first_told.add(version)
            newest = max(newest, version)
    there = first_told | replayed
    for version, missed in wanted.items():
        required = missed.position <= published_up_to
        if required and version not in there and beginnings.comparable(basket_id, missed.position):
            drift(
                "message_missing", version, f"version {version}, at position {missed.position}, is not there"
            )
    return drifts


def unreadable_message(topic: str, message: TopicMessage) -> Inconsistency:
    words = f"the message at {message.place} says no basket, or no version"
    subject = message.basket_id or message.place
    return Inconsistency(kind="message_not_understood", subject=subject, topic=topic, words=words)


def _rolled(so_far: bytes, version: int, digest: bytes) -> bytes:
    return blake2b(b"%b %d %b" % (so_far, version, digest), digest_size=12).digest()
