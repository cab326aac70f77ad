"""Every topic: who writes and reads it, its key, and what is promised of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from adapters.asyncapi import messages
from adapters.asyncapi.messages import MessageSpec
from adapters.asyncapi.schemas import Document
from adapters.kafka import topics
from adapters.kafka.catalogue_messages import CATALOGUE_GROUP
from adapters.kafka.command_stream import GROUP as COMMAND_GROUP
from adapters.kafka.topics import Topic
from domain.shared.values import BASKET_ID_PATTERN

Ordering = Literal["by_key", "none"]
"""`by_key`: messages of one key are in their order, in one partition."""

Delivery = Literal["exactly_once", "at_least_once"]
"""`exactly_once`: for readers with `isolation.level=read_committed`."""


Tag = Literal["baskets", "verdicts", "commands", "orders", "catalogue", "operations"]


@dataclass(frozen=True, slots=True)
class KeySpec:
    """The key of a topic's messages. `name` is a promise; `constraints` are JSON Schema of its text."""

    name: str
    description: str
    constraints: Document = field(default_factory=dict)

    def schema(self) -> Document:
        return {"type": "string", **self.constraints, "description": self.description}


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """A topic. `action` is what this service does; `ordering_note` and `delivery_note` say it in words."""

    topic: Topic
    tag: Tag
    title: str
    about: str
    action: Literal["send", "receive"]
    writers: str
    readers: str
    key: KeySpec
    ordering: Ordering
    ordering_note: str
    delivery: Delivery
    delivery_note: str
    messages: Sequence[MessageSpec]
    group: str | None = None
    """The consumer group or transactional id of the reader here."""
    reply: str | None = None
    """The topic of the results."""

    @property
    def name(self) -> str:
        return self.topic.name

    @property
    def is_compacted(self) -> bool:
        return "compact" in self.topic.settings["cleanup.policy"]

    @property
    def retention_milliseconds(self) -> int | None:
        """-1 for ever; None where compaction alone removes messages."""
        kept = self.topic.settings.get("retention.ms")
        return None if kept is None else int(kept)


_TOPICS = {topic.name: topic for topic in topics.TOPICS}
_BASKET_ID = KeySpec("basketId", "The basket's id.", {"pattern": BASKET_ID_PATTERN})
_READ_COMMITTED = "exactly once for readers with `isolation.level=read_committed`"
_TRANSACTION = (
    f"Each message is there {_READ_COMMITTED}, however often the publisher crashes. The messages of one request are"
    " in one Kafka transaction."
)
_RESULTS = (
    f"Each result is there {_READ_COMMITTED}: results and the position in the commands and reports are one Kafka"
    " transaction. A message that was sent twice has two results, each with an id of its own; `ce_correlationid` names"
    " the message that both answer."
)
_READ_AT_LEAST_ONCE = "The service reads each message at least once. A second time has no effect."


def _facts(name: str, about: str, key: KeySpec, specs: Sequence[MessageSpec], writers: str) -> TopicSpec:
    return TopicSpec(
        topic=_TOPICS[name],
        tag="catalogue",
        title=specs[0].title,
        about=about,
        action="receive",
        writers=writers,
        readers="catalogue worker",
        key=key,
        ordering="none",
        ordering_note="The `sequence` in the message decides which of two facts is newer, not their order here.",
        delivery="at_least_once",
        delivery_note=_READ_AT_LEAST_ONCE,
        messages=specs,
        group=CATALOGUE_GROUP,
    )


def _fact_key(what: str) -> KeySpec:
    return KeySpec(
        "fact",
        f"Any key is taken. `checkout catalogue load` writes one for each {what}, so that compaction keeps all of them.",
    )


PUBLISHED_TOPICS: tuple[TopicSpec, ...] = (
    TopicSpec(
        topic=_TOPICS[topics.BASKET_EVENTS],
        tag="baskets",
        title="Basket events",
        about="Every event of every basket, from the first one on. Folding a basket's events gives what GET answers.",
        action="send",
        writers="publisher",
        readers="order services, projector",
        key=_BASKET_ID,
        ordering="by_key",
        ordering_note="A basket's events are in one partition, in the order of `ce_sequence`, without a gap. Where partitions"
        " were added later, only `ce_sequence` tells the order across the change. Baskets are independent.",
        delivery="exactly_once",
        delivery_note=_TRANSACTION,
        messages=messages.EVENTS,
    ),
    TopicSpec(
        topic=_TOPICS[topics.BASKETS],
        tag="baskets",
        title="Baskets",
        about="Every basket as a whole, as GET answers it, once for each request that changed it. A tombstone follows"
        " when the basket is over and its retention has passed.",
        action="send",
        writers="publisher",
        readers="order services that want state and not history",
        key=_BASKET_ID,
        ordering="by_key",
        ordering_note="A basket's states are in the order of `ce_sequence`. Compaction leaves the last of each basket. One"
        " that an operator published again (`ce_replay`) may repeat a version, or come before a newer one.",
        delivery="exactly_once",
        delivery_note=_TRANSACTION + " The state is in the same transaction as the events that led to it.",
        messages=[messages.STATE, messages.STATE_TOMBSTONE],
    ),
    TopicSpec(
        topic=_TOPICS[topics.VALIDATION_RESULTS],
        tag="verdicts",
        title="Verdicts",
        about="Each verdict on a basket, whole, with its promise if the basket is ready.",
        action="send",
        writers="publisher",
        readers="order services",
        key=_BASKET_ID,
        ordering="by_key",
        ordering_note="A basket's verdicts are in the order of `ce_sequence`. One that an operator published again"
        " after a fault comes late; `ce_sequence` tells.",
        delivery="exactly_once",
        delivery_note=_TRANSACTION,
        messages=[messages.VERDICT],
    ),
    TopicSpec(
        topic=_TOPICS[topics.COMMANDS],
        tag="commands",
        title="Commands",
        about="The same commands as over HTTP, for gateways that queue.",
        action="receive",
        writers="partner gateways",
        readers="command worker",
        key=KeySpec("basketIdOrExternalId", "The basket's id if it is known, else the external id."),
        ordering="by_key",
        ordering_note="Commands of one basket or external id are executed in their order in the partition.",
        delivery="at_least_once",
        delivery_note="A command takes effect once: its `ce_id` is its idempotency key for 24 hours (a setting).",
        messages=messages.COMMANDS,
        group=COMMAND_GROUP,
        reply=topics.COMMAND_RESULTS,
    ),
    TopicSpec(
        topic=_TOPICS[topics.COMMAND_RESULTS],
        tag="commands",
        title="Results of commands",
        about="What became of each command: the HTTP response that the same call would get.",
        action="send",
        writers="command worker",
        readers="partner gateways",
        key=KeySpec("basketIdOrCommandId", "The basket's id, or the command's where there is no basket."),
        ordering="none",
        ordering_note="Results of commands on one basket are in the order in which the commands were executed.",
        delivery="exactly_once",
        delivery_note=_RESULTS,
        messages=[messages.COMMAND_RESULT],
    ),
    TopicSpec(
        topic=_TOPICS[topics.ORDERS],
        tag="orders",
        title="Reports of orders",
        about="An order service says that an order was placed from a basket, or that it was rejected.",
        action="receive",
        writers="order services",
        readers="command worker",
        key=_BASKET_ID,
        ordering="by_key",
        ordering_note="Reports about one basket are settled in their order in the partition.",
        delivery="at_least_once",
        delivery_note="A report takes effect once: `ce_source`, `ce_id` and its content name it.",
        messages=[messages.ORDER_REPORT],
        group=COMMAND_GROUP,
        reply=topics.ORDER_RESULTS,
    ),
    TopicSpec(
        topic=_TOPICS[topics.ORDER_RESULTS],
        tag="orders",
        title="Results of orders",
        about="What became of each report: the basket is completed, open again, or the report was refused.",
        action="send",
        writers="command worker",
        readers="order services",
        key=_BASKET_ID,
        ordering="by_key",
        ordering_note="Results about one basket are in the order of its reports.",
        delivery="exactly_once",
        delivery_note=_RESULTS,
        messages=[messages.ORDER_RESULT],
    ),
    _facts(topics.OFFERS, "The offers that are sold.", _fact_key("offer's version"), messages.OFFERS, "the catalogue"),
    _facts(
        topics.PRICES,
        "The prices of offers.",
        _fact_key("offer's version, partner, country, currency and beginning"),
        messages.PRICES,
        "the catalogue",
    ),
    _facts(
        topics.AVAILABILITY,
        "How many of a product can be had.",
        _fact_key("product, partner, country and beginning"),
        messages.AVAILABILITY,
        "the catalogue",
    ),
    _facts(
        topics.POLICIES,
        "How strictly baskets of an organisation are validated.",
        _fact_key("organisation"),
        messages.POLICIES,
        "operators",
    ),
    TopicSpec(
        topic=_TOPICS[topics.DEAD_LETTERS],
        tag="operations",
        title="Dead letters",
        about="Messages that a worker could not understand, with the reason. Their own headers follow as `original_…`.",
        action="send",
        writers="all workers",
        readers="operators",
        key=KeySpec("originalKey", "The key of the message that was not understood."),
        ordering="none",
        ordering_note="Letters are in no order.",
        delivery="at_least_once",
        delivery_note="A letter that was sent twice has the same `ce_id`.",
        messages=[messages.DEAD_LETTER],
    ),
)
"""In the order of the contract."""

INTERNAL_TOPICS = (topics.PUBLISHER_POSITIONS,)
"""The service's own: nobody else reads or writes them, and nothing is promised of them."""
