"""Cases about initiate: which basket it means, and what becomes of it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from cli.conformance.answer import CallAnswer
from cli.conformance.case import case
from cli.conformance.context import Body, CaseContext, line

HEADING = "Initiate"
_WHICH = (
    "Which basket: `order.checkoutId`, else the cookie's, else the open basket of this organisation with this "
    "`external_id`, else a new one."
)
_FINISHED = "A finished one (completed, expired): 409 if `checkoutId` named it, else a new basket."
_BROUGHT = "An open basket is brought to what the request says (its items and details become the request's)"
_CREATE_ONLY = "`If-None-Match: *` creates only: 412 where the request means a basket that is there (2)."
_TWINS = 8


def _basket_of(answer: CallAnswer) -> str:
    return str(answer.expect_status(200).json["id"])


@case(
    "initiate.checkout-id", "checkoutId names the basket, before cookie and external_id", heading=HEADING, line=_WHICH
)
async def checkout_id_comes_first(context: CaseContext) -> None:
    external_id = context.name()
    named, by_cookie = await context.begin(line("o-1")), await context.begin(line("o-1"))
    await context.begin(line("o-1"), external_id=external_id)
    order = {"checkoutId": named, "source": "tried"}
    answer = await context.initiate(order, context.landing_state(by_cookie))
    answer.expect_equal(_basket_of(answer), named, "`id`")
    order = {"checkoutId": named, "external_id": context.name()}
    answer = await context.initiate(order)
    answer.expect_equal(_basket_of(answer), named, "`id`")


@case("initiate.cookie", "Without checkoutId the cookie names the basket", heading=HEADING, line=_WHICH)
async def the_cookie_comes_second(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    answer = await context.initiate({"external_id": context.name()}, context.landing_state(basket_id))
    answer.expect_equal(_basket_of(answer), basket_id, "`id`")


@case(
    "initiate.external-id", "Without both the open basket with this external_id is meant", heading=HEADING, line=_WHICH
)
async def the_external_id_comes_third(context: CaseContext) -> None:
    external_id = context.name()
    basket_id = await context.begin(line("o-1"), external_id=external_id)
    answer = await context.initiate({"external_id": external_id})
    answer.expect_equal(_basket_of(answer), basket_id, "`id`")


@case("initiate.new", "Without any of them a new basket begins", heading=HEADING, line=_WHICH)
async def else_a_basket_is_new(context: CaseContext) -> None:
    ids = [_basket_of(await context.initiate({"orderItems": [line("o-1")]})) for _ in range(2)]
    answer = (await context.get(ids[1])).expect_status(200)
    answer.expect(ids[0] != ids[1], "a basket of its own for each request", "the same basket")
    answer.expect_equal(answer.json["order"]["status"], "open", "`order.status`")


@case("initiate.external-id-taken", "No two open baskets have one external_id", heading=HEADING, line=_WHICH)
async def an_external_id_in_another_basket_is_refused(context: CaseContext) -> None:
    external_id = context.name()
    holder = await context.begin(line("o-1"), external_id=external_id)
    other = await context.begin(line("o-1"))
    before = await context.order(other)
    answer = await context.initiate({"checkoutId": other, "external_id": external_id})
    answer.expect_status(409, 422)
    after = (await context.get(other)).expect_status(200)
    after.expect_equal(after.json["order"], before, "the order, as before,")
    answer = await context.initiate({"external_id": external_id})
    answer.expect_equal(_basket_of(answer), holder, "`id`")


@case("initiate.brings", "An open basket gets the items and details of the request", heading=HEADING, line=_BROUGHT)
async def an_open_basket_becomes_the_request(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1", 2), line("o-2"), source="before", tracking={"a": 1})
    wanted: Body = {"orderItems": [line("o-2", 5), line("o-3")], "order_type": "renewal", **context.market}
    (await context.initiate({"checkoutId": basket_id, **wanted})).expect_status(200)
    answer = (await context.get(basket_id)).expect_status(200)
    order = answer.json["order"]
    held = sorted((item["offer"]["id"], item["quantity"]) for item in order["orderItems"])
    answer.expect_equal(held, [["o-2", 5], ["o-3", 1]], "the lines, offer and quantity,")
    details = [order["source"], order["order_type"], order["tracking"]]
    answer.expect_equal(details, [None, "renewal", {}], "source, order_type and tracking")


@case(
    "initiate.only-differences",
    "The same request again changes nothing",
    heading=HEADING,
    line=f"{_BROUGHT[:-1]}; only the differences become events).",
)
async def only_differences_become_events(context: CaseContext) -> None:
    order = {"external_id": context.name(), "orderItems": [line("o-1", 2), line("o-2")], **context.market}
    basket_id = _basket_of(await context.initiate(order))
    before = await context.order(basket_id)
    (await context.initiate(order)).expect_status(200)
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["order"], before, "the order, as before,")


@case("initiate.if-none-match", "If-None-Match: * only creates", heading=HEADING, line=_CREATE_ONLY)
async def if_none_match_only_creates(context: CaseContext) -> None:
    order, only_new = {"external_id": context.name(), "orderItems": [line("o-1")]}, {"If-None-Match": "*"}
    basket_id = _basket_of(await context.initiate(order, only_new))
    before = await context.order(basket_id)
    (await context.initiate({**order, "orderItems": []}, only_new)).expect_status(412)
    (await context.initiate({"checkoutId": basket_id, "orderItems": []}, only_new)).expect_status(412)
    cookie = {**only_new, **context.landing_state(basket_id)}
    (await context.initiate({"orderItems": []}, cookie)).expect_status(412)
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["order"], before, "the order, as before,")


@case("initiate.finished.named", "checkoutId of a finished basket is a 409", heading=HEADING, line=_FINISHED)
async def a_finished_basket_that_is_named_is_refused(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    (await context.cancel(basket_id)).expect_status(200)
    (await context.initiate({"checkoutId": basket_id, "orderItems": []})).expect_status(409)


@case(
    "initiate.finished.pointed-to",
    "A finished basket's cookie or external_id makes a new one",
    heading=HEADING,
    line=_FINISHED,
)
async def a_finished_basket_gives_way_to_a_new_one(context: CaseContext) -> None:
    external_id = context.name()
    finished = await context.begin(line("o-1"), external_id=external_id)
    (await context.cancel(finished)).expect_status(200)
    answer = await context.initiate({"orderItems": []}, context.landing_state(finished))
    answer.expect(_basket_of(answer) != finished, "a new basket", "the finished one")
    answer = await context.initiate({"orderItems": [], "external_id": external_id})
    answer.expect(_basket_of(answer) != finished, "a new basket", "the finished one")


@case(
    "initiate.concurrent",
    "Concurrent initiates with one external_id make one basket",
    heading=HEADING,
    line="Two concurrent initiates with one `external_id` make one basket.",
)
async def concurrent_initiates_make_one_basket(context: CaseContext) -> None:
    order = {"external_id": context.name(), "orderItems": [line("o-1", 2)]}
    answers = await asyncio.gather(*(context.initiate(order) for _ in range(_TWINS)))
    ids = {_basket_of(answer) for answer in answers if answer.expect_status(200, 409).status == 200}
    answers[0].expect(len(ids) == 1, "one basket for all", f"{len(ids)} baskets")
    answer = (await context.get(ids.pop())).expect_status(200)
    answer.expect_equal([item["quantity"] for item in answer.json["order"]["orderItems"]], [2], "the quantities")


@case(
    "initiate.type-optional",
    "type may be left out without add-ons",
    heading=HEADING,
    line="`type` may be left out when the basket holds no add-ons.",
)
async def type_is_optional(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect_equal([item["type"] for item in answer.json["order"]["orderItems"]], ["offer"], "the types")


@case(
    "initiate.own-ids",
    "An add-on names its parent by the id that the parent brings",
    heading=HEADING,
    line="An item may bring its own `id` (a UUID) so that an add-on in the same request can name its parent.",
)
async def add_ons_name_their_parents(context: CaseContext) -> None:
    parent = str(uuid4())
    basket_id = await context.begin(
        line("o-1", id=parent, type="offer"), line("a-7", 2, type="add_on", parentId=parent)
    )
    answer = (await context.get(basket_id)).expect_status(200)
    held = [(item["type"], item["parentId"]) for item in answer.json["order"]["orderItems"]]
    answer.expect_equal(held, [["offer", None], ["add_on", parent]], "the types and parents")
    wrong = await context.initiate({"orderItems": [line("a-7", type="add_on", parentId=str(uuid4()))]})
    wrong.expect_status(422)


@case(
    "initiate.members",
    "What an initiate says is answered in the order",
    heading=HEADING,
    line="{external_id, country, currency, source, order_type, tracking, customFields}",
)
async def what_was_said_is_answered(context: CaseContext) -> None:
    said = {
        "external_id": context.name(),
        "country": "GB",
        "currency": "GBP",
        "source": "shop",
        "order_type": "new",
        "tracking": {"offers": ["/offers/x"], "purchaseCountryCode": "GB"},
        "customFields": {"note": "x"},
    }
    basket_id = _basket_of(await context.initiate({"orderItems": [line("o-1", 3)], **said}))
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect_equal({name: answer.json["order"][name] for name in said}, said, "what the order says")
