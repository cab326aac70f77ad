"""Cases about the calls: what each answers, and which members each needs."""

from __future__ import annotations

from uuid import uuid4

from adapters.wire.response_schemas import (
    BasketListAnswer,
    CancelAnswer,
    InitiateAnswer,
    OrderAnswer,
    UpdateAnswer,
    ValidateAnswer,
)
from cli.conformance.case import case
from cli.conformance.context import (
    INITIATE,
    LIST,
    UPDATE,
    Body,
    CaseContext,
    action,
    add,
    line,
    order_path,
    validate_path,
)
from cli.conformance.shapes import expect_problem, expect_shape

HEADING = "Partner API"


@case("calls.initiate", "Initiate answers 200 with the basket's id", heading=HEADING, line="200 `{id}` + `Set-Cookie`")
async def initiate_answers_an_id(context: CaseContext) -> None:
    answer = (await context.initiate({"orderItems": [line("o-1", 1)], **context.market})).expect_status(200)
    expect_shape(answer, InitiateAnswer)
    answer.expect("set-cookie" in answer.headers, "a header `Set-Cookie`", "none")


@case(
    "calls.update",
    "Update answers 200 with id, order and actionResults",
    heading=HEADING,
    line="200 `{id, order, actionResults}`",
)
async def update_answers_the_order(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    answer = (await context.update(basket_id, add("o-2"))).expect_status(200)
    expect_shape(answer, UpdateAnswer)
    answer.expect_equal(answer.json["id"], basket_id, "`id`")
    answer.expect_equal(answer.json["order"]["id"], basket_id, "`order.id`")


@case(
    "calls.validate",
    "Validate answers 200 with a verdict",
    heading=HEADING,
    line="200 `{id, checkout, ready, blockedProducts, validationErrors}`",
)
async def validate_answers_a_verdict(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    answer = (await context.validate(basket_id)).expect_status(200)
    expect_shape(answer, ValidateAnswer)
    answer.expect_equal(answer.json["id"], basket_id, "`id`")


@case(
    "calls.get", "GET answers 200 with the order", heading=HEADING, line="200 `{id, order}`; ours: resume, with `ETag`"
)
async def get_answers_the_order(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    answer = (await context.get(basket_id)).expect_status(200)
    expect_shape(answer, OrderAnswer)
    answer.expect_equal(answer.json["id"], basket_id, "`id`")


@case("calls.list", "The list answers 200 with baskets", heading=HEADING, line="200 `{baskets: [...], next}`")
async def list_answers_baskets(context: CaseContext) -> None:
    answer = (await context.send("GET", f"{LIST}?limit=1")).expect_status(200)
    expect_shape(answer, BasketListAnswer)


@case("calls.cancel", "Cancel answers 200 with the order", heading=HEADING, line="200 `{id, order}`")
async def cancel_answers_the_order(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    answer = (await context.cancel(basket_id, {"code": "conformance", "text": "a try"})).expect_status(200)
    expect_shape(answer, CancelAnswer)
    answer.expect_equal(answer.json["id"], basket_id, "`id`")


@case(
    "calls.basket-id",
    "The id of a new basket has the published pattern, and each is new",
    heading=HEADING,
    line="`id` matches `^basket-[A-Za-z0-9\\-_]{32,36}$`",
)
async def basket_ids_are_new(context: CaseContext) -> None:
    ids = set()
    for _ in range(2):
        answer = (await context.initiate({"orderItems": []})).expect_status(200)
        expect_shape(answer, InitiateAnswer)
        ids.add(answer.json["id"])
    answer.expect(len(ids) == 2, "another id for the second basket", "the same id")


@case(
    "calls.malformed-id",
    "An id that cannot be a basket's is refused",
    heading=HEADING,
    line="`id` matches `^basket-[A-Za-z0-9\\-_]{32,36}$`",
)
async def malformed_ids_are_refused(context: CaseContext) -> None:
    for wrong in ("basket-1", "order-00000000-0000-7000-8000-000000000000", f"basket-{'x' * 37}"):
        for method, path in (("GET", order_path(wrong)), ("POST", validate_path(wrong))):
            (await context.send(method, path)).expect_status(400, 404, 422)


@case(
    "calls.unknown-basket",
    "A basket that does not exist is a 404",
    heading=HEADING,
    line="one that does not exist: 404",
)
async def unknown_baskets_are_not_found(context: CaseContext) -> None:
    nobodys = f"basket-{uuid4()}"
    (await context.get(nobodys)).expect_status(404)
    (await context.validate(nobodys)).expect_status(404)
    (await context.update(nobodys, add("o-1"))).expect_status(404)
    (await context.cancel(nobodys)).expect_status(404)
    (await context.initiate({"checkoutId": nobodys, "orderItems": []})).expect_status(404)


_INITIATE_FAULTS: tuple[tuple[Body, str], ...] = (
    ({}, "/order"),
    ({"order": {"orderItems": [{"quantity": 1}]}}, "/order/orderItems/0/offer"),
    ({"order": {"orderItems": [{"offer": {"version": "v-1"}}]}}, "/order/orderItems/0/offer/id"),
    ({"order": {"orderItems": [{"offer": {"id": "o-1"}}]}}, "/order/orderItems/0/offer/version"),
)


@case(
    "calls.initiate.required",
    "An initiate without a required member is refused with its place",
    heading="Initiate",
    line="{order: {orderItems: [{offer: {id, version}}]}}: required fields never change",
)
async def initiate_needs_its_members(context: CaseContext) -> None:
    for body, pointer in _INITIATE_FAULTS:
        (await context.send("POST", INITIATE, body)).expect_status(422).expect_pointers(pointer)


@case(
    "calls.update.required",
    "An update without a required member is refused with its place",
    heading="Update",
    line="{orderItemActions: [{orderItemActionType, …}]}: required fields never change",
)
async def update_needs_its_members(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    cookie = context.landing_state(basket_id)
    (await context.send("PUT", UPDATE, {}, cookie)).expect_status(422).expect_pointers("/orderItemActions")
    for wrong, member in (
        ({"offer": {"id": "o-1", "version": "v-1"}}, "orderItemActionType"),
        (action("add", quantity=1), "offer"),
        (action("remove"), "id"),
        (action("change_quantity", id=str(uuid4())), "quantity"),
        (action("swap", id=str(uuid4())), "offer"),
        (action("update_details"), "order"),
        (action("expect_price", id=str(uuid4())), "expectedPrice"),
    ):
        answer = (await context.update(basket_id, wrong)).expect_status(422)
        answer.expect_pointers(f"/orderItemActions/0/{member}")


@case(
    "calls.update.unknown-action",
    "An action that is not known refuses the update",
    heading="Update",
    line="All or nothing: one bad action refuses the request (422) and nothing changes.",
)
async def unknown_actions_are_refused(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    answer = await context.update(basket_id, action("redeem_promo_code", code="X"))
    answer.expect_status(422).expect_pointers("/orderItemActions/0/orderItemActionType")


@case(
    "calls.method",
    "Another method of a path is refused",
    heading=HEADING,
    line="| call | success | (methods and paths of the published API)",
)
async def other_methods_are_refused(context: CaseContext) -> None:
    expect_problem(await context.send("DELETE", INITIATE), 405)
    expect_problem(await context.send("POST", UPDATE, {"orderItemActions": []}), 405)
