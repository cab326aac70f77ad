"""Cases about what a partner may send: quantities, lines and details, and members that are not known."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from cli.conformance.case import case
from cli.conformance.context import INITIATE, UPDATE, CaseContext, action, add, line

HEADING = "What a partner may send (2)"
_NUMBERS = 'A JSON number that equals an integer (`2`, `2.0`, `2e0`) is that integer; `true`, `"2"`, `1.5` are refused.'
_ITEMS = "`orderItems` left out leaves the lines of an open basket alone (an empty list removes them)."

_PERSON = {
    "firstName": "Ada",
    "lastName": "Lovelace",
    "email": "ada@example.com",
    "phone": "+44 20 7946 0000",
    "company": "Engines Ltd",
    "address1": "1 Example Street",
    "address2": "Floor 2",
    "city": "London",
    "state": "London",
    "postalCode": "EC1A 1BB",
    "country": "GB",
    "loyalty": {"tier": 3},
}
_DETAILS = ("customerDetails", "billingDetails", "deliveryDetails")


def _raw_line(quantity: str) -> bytes:
    """An initiate whose quantity is written in this way."""
    text = '{"order": {"orderItems": [{"offer": {"id": "o-1", "version": "v-1"}, "quantity": %s}]}}'
    return (text % quantity).encode()


@case(
    "bodies.whole-offers",
    "Whole offer objects, as Limio's SDK sends them, are taken",
    heading=HEADING,
    line="whole offer objects (`{id, version, name, path, data, …}`) … All of that works",
)
async def whole_offers_are_taken(context: CaseContext) -> None:
    offer = {
        "id": "o-1",
        "version": "v-1",
        "name": "Weekly",
        "path": "/offers/weekly",
        "data": {"attributes": {"a": 1}},
    }
    order = {"orderItems": [{"offer": offer}], "external_id": context.name(), "customerDetails": _PERSON}
    answer = (await context.initiate(order, {"Prefer": "handling=lenient"})).expect_status(200)
    items = (await context.order(answer.json["id"]))["orderItems"]
    answer.expect_equal(
        [(item["offer"]["id"], item["offer"]["version"]) for item in items], [["o-1", "v-1"]], "the line"
    )


@case("bodies.quantity-left-out", "A quantity that is left out is 1", heading=HEADING, line="`quantity` left out is 1.")
async def a_quantity_left_out_is_one(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    answer = (await context.update(basket_id, add("o-2"))).expect_status(200)
    answer.expect_equal([item["quantity"] for item in answer.json["order"]["orderItems"]], [1, 1], "the quantities")


@case("bodies.quantity-integers", "2, 2.0 and 2e0 are the integer 2", heading=HEADING, line=_NUMBERS)
async def numbers_that_equal_an_integer_are_taken(context: CaseContext) -> None:
    for written in ("2", "2.0", "2e0"):
        begun = (await context.send("POST", INITIATE, _raw_line(written))).expect_status(200)
        answer = (await context.get(begun.json["id"])).expect_status(200)
        answer.expect('"quantity":2,' in answer.text.replace(" ", ""), "`quantity: 2`", "another quantity")


@case("bodies.quantity-refused", 'true, "2" and 1.5 are no quantities', heading=HEADING, line=_NUMBERS)
async def other_quantities_are_refused(context: CaseContext) -> None:
    for written in ("true", '"2"', "1.5", "[2]"):
        answer = (await context.send("POST", INITIATE, _raw_line(written))).expect_status(422)
        answer.expect_pointers("/order/orderItems/0/quantity")


@case("bodies.items-left-out", "Without orderItems the lines stay", heading=HEADING, line=_ITEMS)
async def lines_stay_without_order_items(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1", 2))
    lines = (await context.order(basket_id))["orderItems"]
    (await context.initiate({"checkoutId": basket_id, "source": "shop"})).expect_status(200)
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["order"]["orderItems"], lines, "`order.orderItems`")
    answer.expect_equal(answer.json["order"]["source"], "shop", "`order.source`")


@case("bodies.items-empty", "An empty orderItems removes the lines", heading=HEADING, line=_ITEMS)
async def an_empty_list_removes_the_lines(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1", 2))
    (await context.initiate({"checkoutId": basket_id, "orderItems": []})).expect_status(200)
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["order"]["orderItems"], [], "`order.orderItems`")


@case(
    "bodies.details",
    "Details of persons are answered in the order, whatever they hold",
    heading=HEADING,
    line="`customerDetails`, `billingDetails`, `deliveryDetails` (… and whatever else they hold) are … answered in the order.",
)
async def details_are_answered(context: CaseContext) -> None:
    details: dict[str, Any] = dict.fromkeys(_DETAILS, _PERSON)
    basket_id = await context.begin(**details)
    answer = (await context.get(basket_id)).expect_status(200)
    for name in _DETAILS:
        answer.expect_equal(answer.json["order"][name], _PERSON, f"`order.{name}`")


@case(
    "bodies.unknown.lenient",
    "Lenient handling ignores what is not known, and names it",
    heading=HEADING,
    line='`Prefer: handling=lenient`: it is not kept, and the answer names it: `ignored: ["/order/orderItems/0/offer/data"]`',
)
async def lenient_handling_names_what_it_ignores(context: CaseContext) -> None:
    item = {**line("o-1"), "colour": "red"}
    item["offer"]["data"] = {"deep": [1]}
    lenient = {"Prefer": "handling=lenient"}
    answer = (await context.initiate({"orderItems": [item], "journey": {"x": 1}}, lenient)).expect_status(200)
    named = sorted(answer.json["ignored"])
    wanted = ["/order/journey", "/order/orderItems/0/colour", "/order/orderItems/0/offer/data"]
    answer.expect_equal(named, wanted, "`ignored`, the topmost unknown members,")
    order = (await context.get(answer.json["id"])).expect_status(200)
    order.expect("journey" not in order.json["order"], "nothing of `journey` in the order", "a member `journey`")
    updated = await context.update(answer.json["id"], {**add("o-2"), "colour": "red"}, headers=lenient)
    updated.expect_status(200)
    updated.expect_equal(updated.json["ignored"], ["/orderItemActions/0/colour"], "`ignored` of the update")


@case(
    "bodies.unknown.strict",
    "Strict handling refuses what is not known, with its pointer",
    heading=HEADING,
    line="`Prefer: handling=strict` (RFC 7240): 422 with its pointer.",
)
async def strict_handling_refuses(context: CaseContext) -> None:
    strict = {"Prefer": "handling=strict"}
    answer = await context.initiate({"orderItems": [], "journey": 1}, strict)
    answer.expect_status(422).expect_pointers("/order/journey")
    basket_id = await context.begin(line("o-1"))
    before = await context.order(basket_id)
    refused = await context.update(basket_id, {**add("o-2"), "colour": "red"}, headers=strict)
    refused.expect_status(422).expect_pointers("/orderItemActions/0/colour")
    after = (await context.get(basket_id)).expect_status(200)
    after.expect_equal(after.json["order"], before, "the order, as before,")


@case(
    "bodies.unknown.default",
    "Without a preference a member that is not known is named or refused",
    heading=HEADING,
    line="A member that this page does not know is never dropped in silence. … Without the header a setting decides",
)
async def nothing_is_dropped_in_silence(context: CaseContext) -> None:
    answer = (await context.initiate({"orderItems": [], "journey": 1})).expect_status(200, 422)
    if answer.status == 422:
        answer.expect_pointers("/order/journey")
    else:
        answer.expect_equal(answer.json["ignored"], ["/order/journey"], "`ignored`")


@case(
    "bodies.unknown.more",
    "At most 100 unknown members are named, and the others counted",
    heading=HEADING,
    line="(the topmost unknown member, at most 100, then `ignoredMore: N`)",
)
async def the_others_are_counted(context: CaseContext) -> None:
    unknown = {f"unknown{number}": number for number in range(107)}
    answer = await context.initiate({"orderItems": [], **unknown}, {"Prefer": "handling=lenient"})
    answer.expect_status(200)
    answer.expect_equal(len(answer.json["ignored"]), 100, "the number of pointers in `ignored`")
    answer.expect_equal(answer.json["ignoredMore"], 7, "`ignoredMore`")


@case(
    "bodies.unknown.preference-applied",
    "Preference-Applied says what was done",
    heading=HEADING,
    line="`Preference-Applied` says what was done.",
)
async def the_preference_is_acknowledged(context: CaseContext) -> None:
    for handling in ("lenient", "strict"):
        answer = await context.initiate({"orderItems": []}, {"Prefer": f"handling={handling}"})
        answer.expect_status(200).expect_header("Preference-Applied", f"handling={handling}")


@case(
    "bodies.repeated-member",
    "A member that stands twice in one object is refused with its pointer",
    heading=HEADING,
    line="A member name that stands twice in one object: 400 `repeated_member` with its pointer.",
)
async def repeated_members_are_refused(context: CaseContext) -> None:
    twice = b'{"order": {"orderItems": [{"offer": {"id": "o-1", "id": "o-2", "version": "v-1"}}]}}'
    answer = (await context.send("POST", INITIATE, twice)).expect_status(400)
    answer.expect_equal(answer.json["code"], "repeated_member", "`code`")
    answer.expect_pointers("/order/orderItems/0/offer/id")


@case(
    "bodies.uuid-case",
    "Ids that are UUIDs are the same in either case, and answered in lower case",
    heading=HEADING,
    line="Ids that are UUIDs are the same in either case, and are answered in lower case.",
)
async def uuids_are_the_same_in_either_case(context: CaseContext) -> None:
    own = str(uuid4())
    basket_id = await context.begin(line("o-1", id=own.upper(), type="offer"))
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect_equal([item["id"] for item in answer.json["order"]["orderItems"]], [own], "the line's id")
    changed = await context.update(basket_id, action("change_quantity", id=own.upper(), quantity=4))
    changed.expect_status(200)
    changed.expect_equal(changed.json["actionResults"][0]["orderItemId"], own, "`actionResults[0].orderItemId`")


@case(
    "bodies.content-encoding",
    "An encoded body is refused, and identity is taken",
    heading=HEADING,
    line="`Content-Encoding` other than `identity`: 415 with `Accept-Encoding: identity`.",
)
async def encoded_bodies_are_refused(context: CaseContext) -> None:
    body: dict[str, Any] = {"order": {"orderItems": []}}
    for coding in ("gzip", "br"):
        answer = (await context.send("POST", INITIATE, body, {"Content-Encoding": coding})).expect_status(415)
        answer.expect_header("Accept-Encoding", "identity")
    (await context.send("POST", INITIATE, body, {"Content-Encoding": "identity"})).expect_status(200)


@case(
    "bodies.open-maps",
    "tracking and customFields are answered as they were sent",
    heading="Initiate",
    line="`tracking` and `customFields` are open maps.",
)
async def open_maps_are_answered(context: CaseContext) -> None:
    fields = {"a": {"b": [1, 2.5, None, True, "ü 🎁"]}, "": "empty name", "offers": ["/offers/x"]}
    basket_id = await context.begin(tracking=fields, customFields=fields)
    answer = (await context.get(basket_id)).expect_status(200)
    for name in ("tracking", "customFields"):
        answer.expect_equal(answer.json["order"][name], fields, f"`order.{name}`")


@case(
    "bodies.media-type",
    "A body that says it is no JSON is refused",
    heading="Partner API",
    line="Partner API (HTTP, JSON)",
)
async def other_media_types_are_refused(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    for content_type in ("text/plain", "application/xml"):
        answer = await context.send("POST", INITIATE, b"<order/>", {"Content-Type": content_type})
        answer.expect_status(415)
        headers = {**context.landing_state(basket_id), "Content-Type": content_type}
        (await context.send("PUT", UPDATE, b"<order/>", headers)).expect_status(415)
