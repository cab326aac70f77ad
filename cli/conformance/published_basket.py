"""What the topics say of one basket of a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.kafka import topics
from cli.conformance.context import CaseContext, action, add, line
from cli.conformance.exchange import Exchange
from cli.conformance.failures import Deviation
from cli.conformance.topic_reader import SuiteMessage

VALIDATED = "checkout.basket-validated.v1"


@dataclass(frozen=True, slots=True)
class PublishedBasket:
    """The messages about a basket, up to `version`, the last of the order as it was read."""

    id: str
    version: int
    events: Sequence[SuiteMessage]
    states: Sequence[SuiteMessage]
    verdicts: Sequence[SuiteMessage]

    @property
    def all(self) -> Sequence[SuiteMessage]:
        return (*self.events, *self.states, *self.verdicts)


async def read_published(context: CaseContext, basket_id: str) -> PublishedBasket:
    """Waits until the topics have what GET answers. Raises Deviation if they do not come to have it."""
    version = (await context.get(basket_id)).expect_status(200).version
    events = await _up_to(context, topics.BASKET_EVENTS, basket_id, version)
    states = await _up_to(context, topics.BASKETS, basket_id, version)
    count = sum(event.header("ce_type") == VALIDATED for event in events)
    verdicts = await context.kafka.reader.about(topics.VALIDATION_RESULTS, basket_id, lambda found: len(found) >= count)
    log_messages(context, topics.VALIDATION_RESULTS, basket_id, verdicts)
    return PublishedBasket(basket_id, version, events, states, verdicts)


def log_messages(context: CaseContext, topic: str, key: str, messages: Sequence[SuiteMessage]) -> Exchange:
    """Writes down what was read."""
    came = tuple(line for message in messages for line in (*message.lines(), ""))
    exchange = Exchange((f"read {topic}, key {key}",), came or ("nothing",))
    context.log.exchanges.append(exchange)
    return exchange


async def _up_to(context: CaseContext, topic: str, basket_id: str, version: int) -> Sequence[SuiteMessage]:
    found = await context.kafka.reader.about(
        topic, basket_id, lambda messages: any(message.version >= version for message in messages)
    )
    exchange = log_messages(context, topic, basket_id, found)
    last = max((message.version for message in found), default=0)
    if last < version:
        raise Deviation(f"messages on {topic} up to version {version}", f"messages up to {last}", exchange)
    return found


async def publish_basket(context: CaseContext) -> PublishedBasket:
    """A basket to which several things happened: requests with one event and with more, and a validation."""
    basket_id = await context.begin(line("o-1"), line("o-2", 2))
    details = action("update_details", order={"source": "conformance"})
    (await context.update(basket_id, add("o-3"), add("o-4"), details)).expect_status(200)
    (await context.validate(basket_id)).expect_status(200)
    (await context.update(basket_id, add("o-5"))).expect_status(200)
    return await read_published(context, basket_id)


def expect_of(context: CaseContext, message: SuiteMessage, holds: object, expected: str, came: object) -> None:
    if not holds:
        raise message.deviation(expected, str(came))
    if expected not in context.log.expected:
        context.log.expected.append(expected)
