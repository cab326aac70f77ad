"""Cases about update: its actions, all of them or none, and their results."""

from __future__ import annotations

from uuid import uuid4

from cli.conformance.answer import CallAnswer, JsonObject
from cli.conformance.case import case
from cli.conformance.context import CaseContext, action, add, line

HEADING = "Update"
_ACTIONS = '{"orderItemActions": [{"orderItemActionType": "add" … "remove" … "change_quantity" …}]}'
_MORE = "More actions (2): "
_ALL = "All or nothing: one bad action refuses the request (422) and nothing changes."
_QUANTITY = "Quantity is an integer from 1 to a setting (default 9999); `change_quantity` to 0 removes."
_RAISES = "Adding an offer version that the basket already holds (same type and parent) raises that line's quantity."
_RESULTS = (
    "`actionResults[i]`: `{index, orderItemActionType, status, orderItemId, before, after}`; status is `applied` or "
    "`unchanged`."
)


def _lines(answer: CallAnswer) -> list[tuple[str, int]]:
    """Offer and quantity of each line."""
    return [(item["offer"]["id"], item["quantity"]) for item in answer.json["order"]["orderItems"]]


def _result(answer: CallAnswer, at: int = 0) -> JsonObject:
    found: JsonObject = answer.json["actionResults"][at]
    return found


async def _basket_with_line(context: CaseContext, quantity: int = 2) -> tuple[str, str]:
    """The ids of a basket and of its only line."""
    basket_id = await context.begin(line("o-1", quantity))
    return basket_id, str((await context.order(basket_id))["orderItems"][0]["id"])


async def _expect_unchanged(context: CaseContext, basket_id: str, before: object) -> None:
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["order"], before, "the order, as before,")


@case("update.add", "add puts a line into the basket", heading=HEADING, line=_ACTIONS)
async def add_adds_a_line(context: CaseContext) -> None:
    basket_id, _ = await _basket_with_line(context)
    answer = (await context.update(basket_id, add("o-2", 3, type="offer"))).expect_status(200)
    answer.expect_equal(_lines(answer), [["o-1", 2], ["o-2", 3]], "the lines")
    added = answer.json["order"]["orderItems"][1]["id"]
    result = _result(answer)
    answer.expect_equal([result["orderItemId"], result["before"], result["after"]], [added, 0, 3], "the result")


@case("update.remove", "remove takes a line out of the basket", heading=HEADING, line=_ACTIONS)
async def remove_removes_a_line(context: CaseContext) -> None:
    basket_id, line_id = await _basket_with_line(context)
    answer = (await context.update(basket_id, action("remove", id=line_id))).expect_status(200)
    answer.expect_equal(_lines(answer), [], "the lines")
    result = _result(answer)
    answer.expect_equal([result["orderItemId"], result["before"], result["after"]], [line_id, 2, 0], "the result")


@case("update.change-quantity", "change_quantity sets a line's quantity", heading=HEADING, line=_ACTIONS)
async def change_quantity_sets_it(context: CaseContext) -> None:
    basket_id, line_id = await _basket_with_line(context)
    answer = (await context.update(basket_id, action("change_quantity", id=line_id, quantity=5))).expect_status(200)
    answer.expect_equal(_lines(answer), [["o-1", 5]], "the lines")
    result = _result(answer)
    answer.expect_equal([result["orderItemId"], result["before"], result["after"]], [line_id, 2, 5], "the result")


@case("update.zero-removes", "change_quantity to 0 removes the line", heading=HEADING, line=_QUANTITY)
async def zero_removes(context: CaseContext) -> None:
    basket_id, line_id = await _basket_with_line(context)
    answer = (await context.update(basket_id, action("change_quantity", id=line_id, quantity=0))).expect_status(200)
    answer.expect_equal(_lines(answer), [], "the lines")


@case(
    "update.swap",
    "swap puts another offer into a line",
    heading=HEADING,
    line=f"{_MORE}`swap` puts another offer (or another version) into a line",
)
async def swap_changes_the_offer(context: CaseContext) -> None:
    basket_id, line_id = await _basket_with_line(context)
    offer = {"id": "o-9", "version": "v-3"}
    answer = (await context.update(basket_id, action("swap", id=line_id, offer=offer))).expect_status(200)
    item = answer.json["order"]["orderItems"][0]
    held = [item["id"], item["offer"]["id"], item["offer"]["version"], item["quantity"]]
    answer.expect_equal(held, [line_id, "o-9", "v-3", 2], "id, offer, version and quantity of the line")
    answer = await context.update(
        basket_id, action("swap", id=line_id, offer={"id": "o-8", "version": "v-1"}, quantity=7)
    )
    answer.expect_equal(_lines(answer.expect_status(200)), [["o-8", 7]], "the lines")


@case("update.clear", "clear removes all lines", heading=HEADING, line=f"{_MORE}`clear` removes all lines")
async def clear_removes_everything(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1", 2), line("o-2"), source="shop")
    answer = (await context.update(basket_id, action("clear"))).expect_status(200)
    answer.expect_equal(_lines(answer), [], "the lines")
    answer.expect_equal(answer.json["order"]["source"], "shop", "`order.source`, a detail,")


@case(
    "update.details",
    "update_details sets what it names, null unsets, and the rest stays",
    heading=HEADING,
    line=f"{_MORE}`update_details` sets what it names (`null` unsets) and leaves the rest",
)
async def update_details_sets_what_it_names(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1", 2), source="shop", order_type="new", customFields={"a": 1})
    details = {"order_type": "renewal", "source": None, "tracking": {"b": 2}}
    answer = (await context.update(basket_id, action("update_details", order=details))).expect_status(200)
    order = answer.json["order"]
    said = [order["order_type"], order["source"], order["tracking"], order["customFields"]]
    answer.expect_equal(said, ["renewal", None, {"b": 2}, {"a": 1}], "order_type, source, tracking, customFields")
    answer.expect_equal(_lines(answer), [["o-1", 2]], "the lines")


@case(
    "update.expected-price",
    "An expected price is kept, whether the line has that price or not",
    heading=HEADING,
    line='on `add` and `change_quantity` an `expectedPrice`, on its own `{"…": "expect_price", "id", "expectedPrice"}`',
)
async def expected_prices_are_kept(context: CaseContext) -> None:
    basket_id, line_id = await _basket_with_line(context)
    first, second, third = ({"amount": f"{number}.50", "currency": "GBP"} for number in (1, 2, 3))
    for sent, expected in (
        (action("expect_price", id=line_id, expectedPrice=first), first),
        (action("change_quantity", id=line_id, quantity=3, expectedPrice=second), second),
        (add("o-1", expectedPrice=third), third),
    ):
        answer = (await context.update(basket_id, sent)).expect_status(200)
        kept = answer.json["order"]["orderItems"][0]["expectedPrice"]
        answer.expect_equal({name: kept[name] for name in expected}, expected, "`expectedPrice` of the line")


@case("update.all-or-nothing", "One bad action refuses all of them", heading=HEADING, line=_ALL)
async def one_bad_action_refuses_all(context: CaseContext) -> None:
    basket_id, line_id = await _basket_with_line(context)
    before = await context.order(basket_id)
    for wrong in (
        action("remove", id=str(uuid4())),
        action("change_quantity", id=str(uuid4()), quantity=1),
        add("o-3", type="add_on", parentId=str(uuid4())),
    ):
        good = [add("o-2", type="offer"), action("change_quantity", id=line_id, quantity=7)]
        answer = (await context.update(basket_id, *good, wrong)).expect_status(422)
        places = [error["pointer"] for error in answer.json["errors"]]
        named = [place for place in places if place.startswith("/orderItemActions/2")]
        answer.expect(named == places and places, "errors about /orderItemActions/2 only", f"pointers {places}")
        await _expect_unchanged(context, basket_id, before)


@case("update.quantity-limits", "A quantity outside 1 to the maximum is refused", heading=HEADING, line=_QUANTITY)
async def quantities_have_limits(context: CaseContext) -> None:
    most = context.options.limits.max_quantity
    basket_id, line_id = await _basket_with_line(context)
    before = await context.order(basket_id)
    for quantity in (0, -1, most + 1):
        answer = (await context.update(basket_id, add("o-2", quantity))).expect_status(422)
        answer.expect_pointers("/orderItemActions/0/quantity")
    for quantity in (-1, most + 1):
        answer = await context.update(basket_id, action("change_quantity", id=line_id, quantity=quantity))
        answer.expect_status(422).expect_pointers("/orderItemActions/0/quantity")
    await _expect_unchanged(context, basket_id, before)
    answer = await context.update(basket_id, action("change_quantity", id=line_id, quantity=most))
    answer.expect_equal(_lines(answer.expect_status(200)), [["o-1", most]], "the lines")


@case(
    "update.nothing-clamped",
    "Raising a line beyond the maximum is refused, not clamped",
    heading=HEADING,
    line="Nothing is clamped or dropped silently.",
)
async def nothing_is_clamped(context: CaseContext) -> None:
    most = context.options.limits.max_quantity
    basket_id, _ = await _basket_with_line(context, most)
    before = await context.order(basket_id)
    (await context.update(basket_id, add("o-1", 1))).expect_status(422)
    await _expect_unchanged(context, basket_id, before)


@case("update.raises", "Adding an offer version again raises its line", heading=HEADING, line=_RAISES)
async def adding_again_raises(context: CaseContext) -> None:
    basket_id, line_id = await _basket_with_line(context)
    answer = (await context.update(basket_id, add("o-1", 3))).expect_status(200)
    answer.expect_equal(_lines(answer), [["o-1", 5]], "the lines")
    result = _result(answer)
    answer.expect_equal([result["orderItemId"], result["before"], result["after"]], [line_id, 2, 5], "the result")


@case("update.raises-not", "Another version, type or parent makes a line of its own", heading=HEADING, line=_RAISES)
async def another_kind_of_line_is_its_own(context: CaseContext) -> None:
    basket_id, line_id = await _basket_with_line(context)
    other_version = action("add", offer={"id": "o-1", "version": "v-2"}, type="offer")
    add_on = add("o-1", type="add_on", parentId=line_id)
    answer = (await context.update(basket_id, other_version, add_on)).expect_status(200)
    answer.expect_equal(len(answer.json["order"]["orderItems"]), 3, "the number of lines")


@case(
    "update.remove.add-ons",
    "Removing an offer removes its add-ons, and says so",
    heading=HEADING,
    line="Removing an offer removes its add-ons, and says so.",
)
async def removing_takes_add_ons_along(context: CaseContext) -> None:
    parent = str(uuid4())
    basket_id = await context.begin(
        line("o-1", id=parent, type="offer"), line("a-1", type="add_on", parentId=parent), line("o-2", type="offer")
    )
    items = (await context.order(basket_id))["orderItems"]
    add_on = next(item["id"] for item in items if item["type"] == "add_on")
    answer = (await context.update(basket_id, action("remove", id=parent))).expect_status(200)
    answer.expect_equal(_lines(answer), [["o-2", 1]], "the lines")
    removed = sorted(_result(answer)["removedOrderItemIds"])
    answer.expect_equal(removed, sorted([parent, add_on]), "`removedOrderItemIds`")


@case("update.results", "Each action has its result, in the order of the request", heading=HEADING, line=_RESULTS)
async def results_are_in_the_order_of_the_request(context: CaseContext) -> None:
    basket_id, line_id = await _basket_with_line(context)
    sent = [
        add("o-2", 4),
        action("change_quantity", id=line_id, quantity=6),
        action("update_details", order={"source": "shop"}),
        action("remove", id=line_id),
        action("clear"),
    ]
    answer = (await context.update(basket_id, *sent)).expect_status(200)
    results = answer.json["actionResults"]
    told = [
        (each["index"], each["orderItemActionType"], each["status"], each["before"], each["after"]) for each in results
    ]
    wanted = [
        [0, "add", "applied", 0, 4],
        [1, "change_quantity", "applied", 2, 6],
        [2, "update_details", "applied", None, None],
        [3, "remove", "applied", 6, 0],
        [4, "clear", "applied", 1, 0],
    ]
    answer.expect_equal(told, wanted, "index, type, status, before and after of each")


@case(
    "update.unchanged", "An action that changes nothing says so, and makes no version", heading=HEADING, line=_RESULTS
)
async def an_action_without_effect_is_unchanged(context: CaseContext) -> None:
    basket_id, line_id = await _basket_with_line(context)
    before = await context.order(basket_id)
    answer = (await context.update(basket_id, action("change_quantity", id=line_id, quantity=2))).expect_status(200)
    result = _result(answer)
    answer.expect_equal([result["status"], result["before"], result["after"]], ["unchanged", 2, 2], "the result")
    await _expect_unchanged(context, basket_id, before)


@case(
    "update.unsellable",
    "An offer that the catalogue does not know is accepted, and blocks no other edit",
    heading=HEADING,
    line="An item that is unavailable, unpriced or unknown to the catalogue is still accepted: validation judges it, and a bad line never blocks other edits.",
)
async def unsellable_lines_block_nothing(context: CaseContext) -> None:
    unknown = context.name("unknown")
    basket_id = await context.begin(line(unknown))
    line_id = (await context.order(basket_id))["orderItems"][0]["id"]
    answer = await context.update(basket_id, add("o-2"), action("change_quantity", id=line_id, quantity=2))
    answer.expect_equal(_lines(answer.expect_status(200)), [[unknown, 2], ["o-2", 1]], "the lines")


@case("update.own-line", "An action may name a line that the same request added", heading=HEADING, line=_ACTIONS)
async def an_action_names_a_line_of_the_same_request(context: CaseContext) -> None:
    basket_id, _ = await _basket_with_line(context)
    own = str(uuid4())
    answer = await context.update(basket_id, add("o-2", 1, id=own), action("change_quantity", id=own, quantity=4))
    answer.expect_equal(_lines(answer.expect_status(200)), [["o-1", 2], ["o-2", 4]], "the lines")


@case(
    "update.finished",
    "A cancelled basket takes no update",
    heading="Partner API",
    line="`POST /partner/checkout/cancel/{id}` …: the basket is cancelled by an event",
)
async def finished_baskets_take_no_update(context: CaseContext) -> None:
    basket_id, _ = await _basket_with_line(context)
    (await context.cancel(basket_id)).expect_status(200)
    (await context.update(basket_id, add("o-2"))).expect_status(409)
