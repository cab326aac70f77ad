"""Facts as messages of the catalogue topics and the policy topic."""

from __future__ import annotations

from collections.abc import Collection

from adapters.kafka import topics
from adapters.kafka.messages import Message, Received
from adapters.wire.facts import parse_fact
from domain.catalogue.epochs import CatalogueMessage, FactMessage, Tombstone
from domain.catalogue.facts import Fact, FactKind

KINDS: dict[str, FactKind] = {
    topics.OFFERS: "offer",
    topics.PRICES: "price",
    topics.AVAILABILITY: "availability",
    topics.POLICIES: "policy",
}
_TOPICS = {kind: topic for topic, kind in KINDS.items()}

CATALOGUE_TOPICS = tuple(KINDS)
CATALOGUE_GROUP = "checkout-catalogue"
"""The consumer group of the worker that records facts."""


def fact_message(fact: Fact) -> Message:
    """The message that states this fact. Its key is the subject, so that compaction keeps the newest fact about each
    subject, and facts about one subject keep their order."""
    return Message(
        _TOPICS[fact.kind],
        fact.subject.encode(),
        fact.model_dump_json().encode(),
        (("content-type", b"application/json"),),
    )


def parse_catalogue_message(received: Received, ignored: Collection[str] = ()) -> CatalogueMessage:
    """A message without a value is a tombstone. `ignored` names unknown members to pass over. Raises InvalidFact.

    The topic determines the `kind`; if the message has a `kind`, it must be the same.
    """
    message, source = received.message, received.source
    kind = KINDS[message.topic]
    if message.value is None:
        return Tombstone(kind, message.key, source, received.at)
    return FactMessage(parse_fact(message.value, kind, ignored), source, message.key, received.at)
