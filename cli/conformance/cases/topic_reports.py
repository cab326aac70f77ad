"""Cases about the reports of order services, and their results."""

from __future__ import annotations

from adapters.kafka import topics
from cli.conformance.case import Need, case
from cli.conformance.cloud_event_rules import CloudEventRules
from cli.conformance.context import Body, CaseContext, add, line
from cli.conformance.failures import Deviation
from cli.conformance.published_basket import log_messages, read_published
from cli.conformance.topic_reader import SuiteMessage

HEADING = "Events (Kafka)"
_PLACED = (
    "an order service says that an order was placed from a basket (`basketVersion` or `promise` says from which "
    "version): the basket becomes completed"
)
_REJECTED = "or that it was rejected: the basket is open again (`basket-reopened`)"
_REFUSED = (
    "The result says what became of it: completed, reopened, or refused (`basket_changed` with both versions, "
    "`basket_expired`, `basket_cancelled`, `already_completed`)"
)


async def _result(context: CaseContext, basket_id: str, report: Body) -> SuiteMessage:
    id = context.name("report")
    headers = {"ce_specversion": "1.0", "ce_id": id, "ce_source": "/conformance", "ce_type": "conformance.order.v1"}
    context.log.exchanges.append(await context.kafka.send(topics.ORDERS, basket_id, report, headers))
    found = await context.kafka.reader.answers(topics.ORDER_RESULTS, id)
    exchange = log_messages(context, topics.ORDER_RESULTS, id, found)
    if len(found) != 1:
        raise Deviation(f"one result with `ce_correlationid: {id}`", f"{len(found)} results", exchange)
    return found[0]


def _expect(context: CaseContext, result: SuiteMessage, **members: object) -> None:
    """The result says this, and is a conformant event about the basket."""
    for name, value in members.items():
        if result.json[name] != value:
            raise result.deviation(f"`{name}` {value!r}", repr(result.json[name]))
        context.log.expected.append(f"`{name}` {value!r}")
    if faults := CloudEventRules().broken_by(result.wire):
        raise result.deviation("a conformant CloudEvent", "; ".join(faults))
    if not (source := result.header("ce_source") or "").startswith("/partner/checkout/orders/"):
        raise result.deviation("a `ce_source` below /partner/checkout/orders", source)


@case("topics.order-placed", "A placed order completes its basket", heading=HEADING, line=_PLACED, needs=(Need.KAFKA,))
async def a_placed_order_completes_its_basket(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    version = (await context.get(basket_id)).expect_status(200).version
    order = context.name("order-id")
    result = await _result(context, basket_id, {"orderId": order, "status": "placed", "basketVersion": version})
    _expect(context, result, outcome="completed", basketId=basket_id, orderId=order, currentVersion=version + 1)
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["order"]["status"], "completed", "`order.status`")
    last = (await read_published(context, basket_id)).events[-1]
    if last.header("ce_type") != "checkout.basket-completed.v1":
        raise last.deviation("`checkout.basket-completed.v1`", str(last.header("ce_type")))


@case(
    "topics.order-rejected",
    "A rejected order opens its basket again",
    heading=HEADING,
    line=_REJECTED,
    needs=(Need.KAFKA,),
)
async def a_rejected_order_opens_its_basket_again(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    order = context.name("order-id")
    _expect(context, await _result(context, basket_id, {"orderId": order}), outcome="completed")
    rejected = await _result(context, basket_id, {"orderId": order, "status": "rejected", "reason": "conformance"})
    _expect(context, rejected, outcome="reopened")
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["order"]["status"], "open", "`order.status`")
    last = (await read_published(context, basket_id)).events[-1]
    if last.header("ce_type") != "checkout.basket-reopened.v1":
        raise last.deviation("`checkout.basket-reopened.v1`", str(last.header("ce_type")))


@case(
    "topics.order-refused",
    "A report that does not fit the basket is refused with the reason",
    heading=HEADING,
    line=_REFUSED,
    needs=(Need.KAFKA,),
)
async def a_report_that_does_not_fit_is_refused(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    before = (await context.get(basket_id)).expect_status(200).version
    after = (await context.update(basket_id, add("o-2"))).expect_status(200).version
    changed = await _result(context, basket_id, {"orderId": context.name("order-id"), "basketVersion": before})
    said = {"outcome": "refused", "basketVersion": before, "currentVersion": after}
    _expect(context, changed, **said, code="basket_changed")
    placed = {"orderId": context.name("order-id"), "basketVersion": after}
    _expect(context, await _result(context, basket_id, placed), outcome="completed")
    other = {"orderId": context.name("order-id"), "basketVersion": after}
    _expect(context, await _result(context, basket_id, other), outcome="refused", code="already_completed")


@case(
    "topics.order-cancelled",
    "No order can be placed from a cancelled basket",
    heading=HEADING,
    line=_REFUSED,
    needs=(Need.KAFKA,),
)
async def no_order_from_a_cancelled_basket(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    (await context.cancel(basket_id)).expect_status(200)
    version = (await context.get(basket_id)).expect_status(200).version
    result = await _result(context, basket_id, {"orderId": context.name("order-id"), "basketVersion": version})
    _expect(context, result, outcome="refused", code="basket_cancelled")
