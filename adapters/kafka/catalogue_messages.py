"""Facts as messages of the topics that the catalogue and the policies are said on."""

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


def fact_message(fact: Fact) -> Message:
    """The message that says this fact. Its key is the fact's name, so that compaction keeps the newest of each fact and
    drops no other, and all that is said of one fact stays in order."""
    return Message(
        _TOPICS[fact.kind],
        fact.subject.encode(),
        fact.model_dump_json().encode(),
        (("content-type", b"application/json"),),
    )


def parse_catalogue_message(received: Received, ignored: Collection[str] = ()) -> CatalogueMessage:
    """What a message of a catalogue topic says; one without a value is a tombstone. `ignored` are names of unknown
    members that are passed over. Raises NotAFact.

    The topic says the `kind`; where the message says it too they must agree.
    """
    message, source = received.message, received.source
    kind = KINDS[message.topic]
    if message.value is None:
        return Tombstone(kind, message.key, source, received.at)
    return FactMessage(parse_fact(message.value, kind, ignored), source, message.key, received.at)
