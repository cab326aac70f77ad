"""Cases about the attributes of basket messages, and their order."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from adapters.kafka import topics
from cli.conformance.case import Need, case
from cli.conformance.cloud_event_rules import CloudEventRules
from cli.conformance.context import CaseContext, add, line
from cli.conformance.published_basket import expect_of, publish_basket, read_published
from cli.conformance.topic_reader import SuiteMessage

HEADING = "Events (Kafka)"
_CONFORMANT = "CloudEvents 1.0, binary mode, conformant"
_SOURCE = (
    "`ce_source` is `/partner/checkout/baskets/<basket id>`; `ce_id` is `<basket id>/<version>` for a basket event and "
    "`<basket id>/<version>/verdict` for a verdict, so that source and id name one event"
)
_SEQUENCE = "`ce_sequence` is the basket version in ten digits with leading zeros, which sorts as text"
_REQUEST = (
    "`ce_requestindex` / `ce_requestcount`: this is event 2 of the 3 that one request made, so that a reader can apply "
    "them together"
)
_CAUSES = "`ce_correlationid`, `ce_causationid`, `ce_recordedtime`, `ce_partnerorg`, … `traceparent`"
_KEY = "Key = basket id, so that a basket's events stay in order in one partition."
_EVENTS = "every basket event, in order per basket"


@case(
    "topics.cloudevents",
    "Every message is a conformant CloudEvent",
    heading=HEADING,
    line=_CONFORMANT,
    needs=(Need.KAFKA,),
)
async def every_message_is_conformant(context: CaseContext) -> None:
    rules = CloudEventRules(repeats_allowed=True)
    for message in (await publish_basket(context)).all:
        faults = rules.broken_by(message.wire)
        expect_of(context, message, not faults, "no rule of CloudEvents is broken", "; ".join(faults))


@case("topics.source-and-id", "Source and id name one event", heading=HEADING, line=_SOURCE, needs=(Need.KAFKA,))
async def source_and_id_name_one_event(context: CaseContext) -> None:
    basket = await publish_basket(context)
    source = f"/partner/checkout/baskets/{basket.id}"
    for suffix, messages in (("", basket.events), ("/state", basket.states), ("/verdict", basket.verdicts)):
        for message in messages:
            named = (message.header("ce_source"), message.header("ce_id"))
            expected = (source, f"{basket.id}/{message.version}{suffix}")
            expect_of(context, message, named == expected, "`ce_source` and `ce_id` of the contract", named)


@case(
    "topics.sequence",
    "The sequence is the version and sorts as text",
    heading=HEADING,
    line=_SEQUENCE,
    needs=(Need.KAFKA,),
)
async def the_sequence_sorts_as_text(context: CaseContext) -> None:
    for message in (await publish_basket(context)).all:
        sequence = message.header("ce_sequence") or ""
        digits = len(sequence) == 10 and sequence.isascii() and sequence.isdigit()
        expect_of(context, message, digits, "a `ce_sequence` of ten digits", repr(sequence))
        said = _version_in(message)
        expect_of(context, message, message.version == said, "the version that the value names", f"{sequence}, {said}")


def _version_in(message: SuiteMessage) -> Any:
    match message.topic:
        case topics.BASKET_EVENTS:
            return message.json["version"]
        case topics.BASKETS:
            return message.json["order"]["version"]
    return message.json["basketVersion"] + 1


@case(
    "topics.in-order",
    "Every event comes once, in order, without a gap, in one partition",
    heading=HEADING,
    line=_EVENTS,
    needs=(Need.KAFKA,),
)
async def every_event_comes_once_and_in_order(context: CaseContext) -> None:
    basket = await publish_basket(context)
    for index, message in enumerate(basket.events[: basket.version], start=1):
        expect_of(
            context, message, message.version == index, "versions from 1, each once", f"{message.version} as {index}."
        )
    for message in basket.events:
        same = message.partition == basket.events[0].partition
        expect_of(context, message, same, "one partition for all events", f"partition {message.partition}")


@case("topics.key", "Key, subject and partition key are the basket id", heading=HEADING, line=_KEY, needs=(Need.KAFKA,))
async def the_key_is_the_basket(context: CaseContext) -> None:
    basket = await publish_basket(context)
    for message in basket.all:
        named = (message.key, message.header("ce_subject"), message.header("ce_partitionkey"))
        expect_of(context, message, set(named) == {basket.id}, f"the key, subject and partition key {basket.id}", named)


@case(
    "topics.requests",
    "Events of one request are numbered and counted",
    heading=HEADING,
    line=_REQUEST,
    needs=(Need.KAFKA,),
)
async def requests_are_counted(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"), line("o-2"))
    first = (await context.get(basket_id)).expect_status(200).version
    second = (await context.update(basket_id, add("o-3"), add("o-4"))).expect_status(200).version
    basket = await read_published(context, basket_id)
    expected = [(n, first) for n in range(1, first + 1)]
    expected += [(n, second - first) for n in range(1, second - first + 1)]
    for message, place in zip(basket.events, expected, strict=False):
        told = (message.header("ce_requestindex"), message.header("ce_requestcount"))
        expect_of(context, message, told == tuple(map(str, place)), f"event {place[0]} of {place[1]}", told)
    causes = [event.header("ce_causationid") for event in basket.events]
    context.expect(
        len(set(causes[:first])) == len(set(causes[first:])) == 1 and causes[0] != causes[-1],
        "one `ce_causationid` for each request",
        f"{causes}",
    )


@case(
    "topics.causes",
    "Events name the conversation, the cause and the trace",
    heading=HEADING,
    line=_CAUSES,
    needs=(Need.KAFKA,),
)
async def events_name_their_cause(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    trace, correlation = "4bf92f3577b34da6a3ce929d0e0e4736", context.name("conversation")[:128]
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "x-correlation-id": correlation}
    (await context.update(basket_id, add("o-2"), headers=headers)).expect_status(200)
    message = (await read_published(context, basket_id)).events[-1]
    came = message.header("ce_correlationid")
    expect_of(context, message, came == correlation, "the caller's `x-correlation-id` as `ce_correlationid`", came)
    came = message.header("traceparent")
    expect_of(context, message, trace in (came or ""), "the caller's trace in `traceparent`", came)
    for name in ("ce_causationid", "ce_recordedtime", "ce_partnerorg"):
        expect_of(context, message, message.header(name), f"a header `{name}`", "none")
    times = [datetime.fromisoformat(message.header(name) or "") for name in ("ce_time", "ce_recordedtime")]
    expect_of(context, message, times[1] >= times[0], "recorded after it happened", times)
    if (organisation := context.options.organisation) is not None:
        came = message.header("ce_partnerorg")
        expect_of(context, message, came == organisation, f"`ce_partnerorg: {organisation}`", came)
