"""Facts as messages of the topics that the catalogue and the policies are said on."""

from __future__ import annotations

from collections.abc import Collection

from adapters.contract.facts import Kind, parse_fact
from adapters.kafka import topics
from adapters.kafka.messages import Message
from domain.catalogue.facts import Fact

KINDS: dict[str, Kind] = {
    topics.OFFERS: "offer",
    topics.PRICES: "price",
    topics.AVAILABILITY: "availability",
    topics.POLICIES: "policy",
}
_TOPICS = {kind: topic for topic, kind in KINDS.items()}

CATALOGUE_TOPICS = tuple(KINDS)


def fact_message(fact: Fact) -> Message:
    """The message that says this fact."""
    return Message(
        _TOPICS[fact.kind],
        fact.message_key.encode(),
        fact.model_dump_json().encode(),
        (("content-type", b"application/json"),),
    )


def fact_of(message: Message, ignored: Collection[str] = ()) -> Fact | None:
    """The fact that a message of a catalogue topic says; None for a tombstone. `ignored` are names of unknown members
    that are passed over. Raises NotAFact.

    The topic says the `kind`; where the message says it too they must agree.
    """
    return None if message.value is None else parse_fact(message.value, KINDS[message.topic], ignored)
