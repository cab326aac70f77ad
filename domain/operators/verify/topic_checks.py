"""Checks whether a topic holds each published event once, in order per basket, byte for byte. Pure functions.

A basket's messages lie in one partition, or in several where partitions were added; the order holds in each.

`TopicTally` compares a whole topic by one digest a basket, so that its memory grows with the baskets and not with the
events. `check_messages` compares single baskets message by message, and names what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from domain.operators.verify.inconsistencies import Inconsistency, InconsistencyKind
from domain.operators.verify.published_topic import ExpectedMessage, TopicMessage


@dataclass(frozen=True, slots=True)
class ComparableRange:
    """The store position from which each partition can be compared: retention has deleted what was before. 0: from
    the first event; None: the partition cannot be compared."""

    positions: Mapping[int, int | None]
    partitions_of: Callable[[str], Collection[int]]
    """Those that may hold a basket's messages."""

    def contains(self, basket_id: str, position: int) -> bool:
        begins = [self.positions.get(partition) for partition in self.partitions_of(basket_id)]
        return all(begin is not None and position >= begin for begin in begins)

    @property
    def whole_from(self) -> int | None:
        """The position from which the whole topic can be compared; None: some partition cannot be."""
        known = [position for position in self.positions.values() if position is not None]
        return max(known, default=0) if len(known) == len(self.positions) else None


@dataclass(slots=True)
class _VersionRange:
    """The first and last version of a basket in one partition."""

    first: int
    last: int


@dataclass(slots=True)
class _BasketTally:
    """The first and last version on the topic, and the sum of each side's digests: messages of several partitions come
    in any order."""

    partition: int
    """The first partition with messages of the basket, and their versions."""
    versions: _VersionRange
    first: int
    last: int
    found: int
    expected: int = 0
    reached: bool = False
    """Whether the store's side has come to the last version."""


class TopicTally:
    """Compares a topic with the store. Give it all messages of the topic in order, then all expected ones; then ask
    for the `suspects`."""

    def __init__(self, topic: str, comparable: ComparableRange, published_up_to: int, *, repeats_allowed: bool) -> None:
        """Events up to position `published_up_to` must be on the topic; later ones may be."""
        self._topic = topic
        self._comparable = comparable
        self._published_up_to = published_up_to
        self._repeats_allowed = repeats_allowed
        self._baskets: dict[str, _BasketTally] = {}
        self._moved: dict[tuple[str, int], _VersionRange] = {}
        """Of baskets in further partitions."""
        self._suspects: set[str] = set()
        self.unreadable: list[Inconsistency] = []
        self.messages = 0

    def add_found(self, messages: Iterable[TopicMessage]) -> None:
        for message in messages:
            self.messages += 1
            basket_id, version = message.basket_id, message.version
            if basket_id is None or version is None:
                self.unreadable.append(unreadable_message(self._topic, message))
                continue
            if message.replay:
                continue  # where it fills a gap, the digests differ, and the basket becomes a suspect
            basket = self._baskets.get(basket_id)
            if basket is None:
                versions = _VersionRange(version, version)
                digest = _digest(version, message.digest)
                self._baskets[basket_id] = _BasketTally(message.partition, versions, version, version, digest)
                continue
            versions = self._versions(basket_id, basket, message)
            if version > versions.last:
                versions.last = version
                basket.first, basket.last = min(basket.first, version), max(basket.last, version)
                basket.found += _digest(version, message.digest)
            elif not self._repeats_allowed or version < versions.first:
                self._suspects.add(basket_id)

    def _versions(self, basket_id: str, basket: _BasketTally, message: TopicMessage) -> _VersionRange:
        """Those of the basket in the message's partition; up to now none, where partitions were added."""
        if message.partition == basket.partition:
            return basket.versions
        first = message.version or 0
        return self._moved.setdefault((basket_id, message.partition), _VersionRange(first, first - 1))

    def add_expected(self, messages: Iterable[ExpectedMessage]) -> None:
        for message in messages:
            basket_id, version = message.basket_id, message.version
            basket = self._baskets.get(basket_id)
            if basket is not None and basket.first <= version <= basket.last:
                basket.expected += _digest(version, message.digest)
                basket.reached |= version == basket.last
            elif message.position <= self._published_up_to and self._comparable.contains(basket_id, message.position):
                self._suspects.add(basket_id)

    def suspects(self) -> set[str]:
        """The baskets whose messages need an exact check, and perhaps some more."""
        differing = {
            id for id, basket in self._baskets.items() if not basket.reached or basket.found != basket.expected
        }
        return self._suspects | differing


def check_messages(
    topic: str,
    basket_id: str,
    found: Sequence[TopicMessage],
    expected: Sequence[ExpectedMessage],
    comparable: ComparableRange,
    published_up_to: int,
    *,
    repeats_allowed: bool,
) -> list[Inconsistency]:
    """Compares one basket's messages, in the order of their partition, with all that the store expects of it."""
    wanted = {message.version: message for message in expected}
    inconsistencies: list[Inconsistency] = []
    published: set[int] = set()
    replayed: set[int] = set()
    newest: dict[int, int] = {}
    """The newest version in each partition."""

    def report(kind: InconsistencyKind, version: int, words: str) -> None:
        position = wanted[version].position if version in wanted else None
        inconsistencies.append(
            Inconsistency(kind=kind, subject=basket_id, version=version, position=position, topic=topic, words=words)
        )

    for message in found:
        version, place = message.version, message.place
        if version is None:
            inconsistencies.append(unreadable_message(topic, message))
            continue
        if version not in wanted:
            report("message_without_event", version, f"the message at {place} has no event in the store")
            continue
        if not message.replay:
            if version in published and not repeats_allowed:
                report("message_repeated", version, f"version {version} comes again at {place}")
            elif version not in published and version < (last := newest.get(message.partition, 0)):
                report("message_out_of_order", version, f"version {version} comes after {last}, at {place}")
        if message.digest != wanted[version].digest:
            report("message_differs", version, f"the message at {place} is not what the store says")
        if message.replay:
            replayed.add(version)
        else:
            published.add(version)
            newest[message.partition] = max(newest.get(message.partition, 0), version)
    for version, missed in wanted.items():
        required = missed.position <= published_up_to
        missing = version not in published and version not in replayed
        if required and missing and comparable.contains(basket_id, missed.position):
            words = f"version {version}, at position {missed.position}, is not there"
            report("message_missing", version, words)
    return inconsistencies


def unreadable_message(topic: str, message: TopicMessage) -> Inconsistency:
    words = f"the message at {message.place} says no basket, or no version"
    subject = message.basket_id or message.place
    return Inconsistency(kind="message_not_understood", subject=subject, topic=topic, words=words)


def _digest(version: int, digest: bytes) -> int:
    return int.from_bytes(blake2b(b"%d %b" % (version, digest), digest_size=12).digest())
