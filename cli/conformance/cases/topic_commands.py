"""Cases about commands that a gateway queues, and their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.kafka import topics
from cli.conformance.case import Need, case
from cli.conformance.cloud_event_rules import CloudEventRules
from cli.conformance.context import Body, CaseContext, add, line
from cli.conformance.failures import Deviation
from cli.conformance.published_basket import log_messages, read_published
from cli.conformance.topic_reader import SuiteMessage

HEADING = "Events (Kafka)"
_COMMANDS = "the same commands as HTTP, for gateways that queue"
_RESULTS = (
    "Results of commands: `ce_source` `/partner/checkout/commands/<organisation>`, an id that no other result has."
)
_HANDLING = "Commands on Kafka alike (header `prefer`, `ignored` in the result)."
_COMPRESSION = "Any compression that Kafka knows (gzip, snappy, lz4, zstd) is read."
_NEEDS = (Need.KAFKA, Need.ORGANISATION)


def _headers(
    context: CaseContext, type: str, id: str, basket_id: str | None, more: Mapping[str, str]
) -> dict[str, str]:
    subject = {} if basket_id is None else {"ce_subject": basket_id}
    return {
        "ce_specversion": "1.0",
        "ce_id": id,
        "ce_source": "/conformance",
        "ce_type": f"checkout.{type}-basket.v1",
        "ce_partnerorg": context.options.organisation or "",
        **subject,
        **more,
    }


async def _results(
    context: CaseContext,
    type: str,
    body: Body | None,
    basket_id: str | None = None,
    *,
    times: int = 1,
    **more: str,
) -> Sequence[SuiteMessage]:
    """The results of a command that is sent so many times."""
    id = context.name("command")
    headers = _headers(context, type, id, basket_id, more)
    for _ in range(times):
        context.log.exchanges.append(await context.kafka.send(topics.COMMANDS, basket_id or id, body, headers))
    found = await context.kafka.reader.answers(topics.COMMAND_RESULTS, id, times)
    exchange = log_messages(context, topics.COMMAND_RESULTS, id, found)
    if len(found) != times:
        raise Deviation(f"{times} results with `ce_correlationid: {id}`", f"{len(found)} results", exchange)
    context.log.expected.append(f"{times} results of the command")
    return found


def _expect_status(message: SuiteMessage, status: int) -> Body:
    """The body of the result."""
    came = message.json["status"]
    if came != status:
        raise message.deviation(f"status {status}", f"status {came}")
    body: Body = message.json["body"]
    return body


@case(
    "topics.command",
    "A queued command does what the call does",
    heading=HEADING,
    line=_COMMANDS,
    needs=_NEEDS,
)
async def a_command_does_what_the_call_does(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    (updated,) = await _results(context, "update", {"orderItemActions": [add("o-2")]}, basket_id)
    body = _expect_status(updated, 200)
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["order"], body["order"], "the order of the result")
    (judged,) = await _results(context, "validate", None, basket_id)
    verdict = _expect_status(judged, 200)
    basket = await read_published(context, basket_id)
    answer.expect_equal(basket.verdicts[-1].json, verdict, "the verdict of the result")
    (cancelled,) = await _results(context, "cancel", {"reason": {"code": "conformance"}}, basket_id)
    if (came := _expect_status(cancelled, 200)["order"]["status"]) != "cancelled":
        raise cancelled.deviation("a cancelled order", f"an order that is {came}")


@case("topics.command-refused", "A refused command gets its problem", heading=HEADING, line=_COMMANDS, needs=_NEEDS)
async def a_refused_command_gets_its_problem(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    body: Body = {"orderItemActions": [{"orderItemActionType": "remove", "id": "0b6f5d3c-1111-7000-8000-0000000000ff"}]}
    (result,) = await _results(context, "update", body, basket_id)
    refused = _expect_status(result, 422)
    answer = await context.update(basket_id, *body["orderItemActions"])
    answer.expect_status(422).expect_equal(refused["code"], answer.json["code"], "the code of the refusal")


@case(
    "topics.command-results",
    "Each result is an event of its own, by its source and id",
    heading=HEADING,
    line=_RESULTS,
    needs=_NEEDS,
)
async def each_result_is_its_own(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    version = (await context.get(basket_id)).expect_status(200).version
    results = await _results(context, "update", {"orderItemActions": [add("o-2")]}, basket_id, times=2)
    rules = CloudEventRules()
    for result in results:
        if faults := rules.broken_by(result.wire):
            raise result.deviation("a conformant CloudEvent with an id of its own", "; ".join(faults))
        if not (source := result.header("ce_source") or "").startswith("/partner/checkout/commands/"):
            raise result.deviation("a `ce_source` below /partner/checkout/commands", source)
    first, second = (_expect_status(result, 200) for result in results)
    if first != second:
        raise results[1].deviation("the same body for the same command", "another")
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect(answer.version == version + 1, "one effect of the command", f"version {answer.version}")


@case(
    "topics.command-handling",
    "Unknown members of a command are named, or refused",
    heading="What a partner may send",
    line=_HANDLING,
    needs=_NEEDS,
)
async def unknown_members_are_named(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    body: Body = {"orderItemActions": [add("o-2", colour="red")]}
    (lenient,) = await _results(context, "update", body, basket_id, prefer="handling=lenient")
    ignored = _expect_status(lenient, 200).get("ignored")
    if ignored != ["/orderItemActions/0/colour"]:
        raise lenient.deviation("`ignored: [/orderItemActions/0/colour]`", f"{ignored}")
    (strict,) = await _results(context, "update", body, basket_id, prefer="handling=strict")
    _expect_status(strict, 422)


@case("topics.compression", "Every compression is read", heading=HEADING, line=_COMPRESSION, needs=_NEEDS)
async def every_compression_is_read(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        id = context.name(codec)
        headers = _headers(context, "validate", id, basket_id, {})
        body = {"padding": "x" * 500}  # what is too small is not compressed
        sent = await context.kafka.send(topics.COMMANDS, basket_id, body, headers, compression=codec)
        context.log.exchanges.append(sent)
        found = await context.kafka.reader.answers(topics.COMMAND_RESULTS, id)
        exchange = log_messages(context, topics.COMMAND_RESULTS, id, found)
        if not found:
            raise Deviation(f"a result of a command that was sent with {codec}", "none", exchange)
        _expect_status(found[0], 200)
        context.log.expected.append(f"a command with {codec} is read")


@case(
    "topics.dead-letter",
    "What cannot be understood becomes a dead letter that says why",
    heading=HEADING,
    line="what could not be understood, with why",
    needs=(Need.KAFKA, Need.DEAD_LETTERS),
)
async def nonsense_becomes_a_dead_letter(context: CaseContext) -> None:
    key = context.name("nonsense")
    context.log.exchanges.append(await context.kafka.send(topics.ORDERS, key, {}, {"content-type": "application/json"}))
    found = await context.kafka.reader.about(topics.DEAD_LETTERS, key, lambda letters: len(letters) > 0)
    exchange = log_messages(context, topics.DEAD_LETTERS, key, found)
    if not found:
        raise Deviation("a dead letter with the key of the message", "none", exchange)
    letter = found[0]
    if faults := CloudEventRules().broken_by(letter.wire):
        raise letter.deviation("a conformant CloudEvent", "; ".join(faults))
    if letter.wire.value != b"{}" or letter.header("original_content-type") != "application/json":
        raise letter.deviation("the value and headers of the message", "others")
    for name in ("dead_letter_code", "dead_letter_error", "dead_letter_topic"):
        if not letter.header(name):
            raise letter.deviation(f"a header `{name}`", "none")
    context.log.expected.append("a dead letter with its reason and the message")
