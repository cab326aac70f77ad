"""Facts as messages of the topics that the catalogue and the policies are said on."""

from __future__ import annotations

from pydantic import ValidationError

from adapters.contract.words import in_words
from adapters.kafka import topics
from adapters.kafka.messages import Message
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact

_TYPES: dict[str, type[Fact]] = {
    topics.OFFERS: OfferFact,
    topics.PRICES: PriceFact,
    topics.AVAILABILITY: AvailabilityFact,
    topics.POLICIES: PolicyFact,
}
_TOPICS = {type: topic for topic, type in _TYPES.items()}

CATALOGUE_TOPICS = tuple(_TYPES)


class NotAFact(ValueError):
    """A message of a catalogue topic that says nothing the catalogue could learn; in words why."""


def fact_message(fact: Fact) -> Message:
    """The message that says this fact."""
    return Message(
        _TOPICS[type(fact)],
        fact.message_key.encode(),
        fact.model_dump_json().encode(),
        (("content-type", b"application/json"),),
    )


def fact_of(message: Message) -> Fact | None:
    """The fact that a message of a catalogue topic says; None where it has no value: facts are taken back
    by newer ones, not by tombstones. Fields that we do not know are passed over. Raises NotAFact.

    The topic says the `kind`; where the message says it too they must agree.
    """
    if message.value is None:
        return None
    try:
        return _TYPES[message.topic].model_validate_json(message.value)
    except ValidationError as error:
        raise NotAFact(in_words(error)) from error
