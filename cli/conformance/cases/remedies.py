"""Cases about remedies: what is proposed, and that it leads to what it says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from cli.conformance.answer import CallAnswer
from cli.conformance.case import Need, case
from cli.conformance.cases.validations import codes_of
from cli.conformance.catalogue_probe import eventually
from cli.conformance.context import CaseContext, line
from cli.conformance.options import OfferVersion

HEADING = "Validate, Remedy (2)"
_LEADS = (
    "They are judged before they are proposed, on the same facts: sent as they stand they lead to exactly what "
    "`leadsTo` says."
)
_NULL = "`null` where nothing is wrong or only the seller can help."
_QUANTITY = "Least change first: a quantity to the nearest that is allowed and there"
_SWAP = "a superseded version swapped for its successor"
_PRICE = "a changed price accepted (`expect_price`)"
_REMOVED = "else the line removed (with its add-ons)."


async def _apply(context: CaseContext, basket_id: str) -> CallAnswer:
    """Sends the remedy of a validation as it stands, and returns the next verdict, which says what was promised."""
    judged = (await context.validate(basket_id)).expect_status(200)
    remedy = judged.json["remedy"]
    judged.expect(remedy is not None, "a remedy", "none")
    condition = {"If-Match": remedy["ifMatch"]}
    (await context.update(basket_id, *remedy["orderItemActions"], headers=condition)).expect_status(200)
    after = (await context.validate(basket_id)).expect_status(200)
    told, leads_to = after.json, remedy["leadsTo"]
    came = {"ready": told["ready"], "total": told["checkout"]["total"], "remaining": codes_of(after)}
    wanted = {"ready": leads_to["ready"], "total": leads_to["total"], "remaining": sorted(leads_to["remaining"])}
    after.expect_equal(came, wanted, "what the next verdict says, as `leadsTo` does,")
    return judged


async def _remedy_of(context: CaseContext, *items: Any) -> list[Any]:
    """The actions that are proposed for a basket of these lines: applied, they led to what was said."""
    actions: list[Any] = (await _apply(context, await context.begin(*items))).json["remedy"]["orderItemActions"]
    return actions


@case("remedy.leads-to", "A remedy leads to what it says", heading=HEADING, line=_LEADS)
async def a_remedy_leads_to_what_it_says(context: CaseContext) -> None:
    await _remedy_of(context, line(context.name("unknown")), line(context.name("unknown"), 2))


@case(
    "remedy.leads-to.mixed",
    "A remedy of several kinds leads to what it says",
    heading=HEADING,
    line=_LEADS,
    needs=(Need.CATALOGUE,),
)
async def a_mixed_remedy_leads_to_what_it_says(context: CaseContext) -> None:
    own = context.own_catalogue
    items = (line(own.plain), line(own.limited, 11), line(own.superseded), line(own.elsewhere), line(own.scarce, 9))
    judged = await _apply(context, await context.begin(*items))
    kinds = sorted(action["orderItemActionType"] for action in judged.json["remedy"]["orderItemActions"])
    judged.expect_equal(kinds, ["change_quantity", "change_quantity", "remove", "swap"], "the kinds of actions")
    judged.expect_equal(judged.json["remedy"]["leadsTo"]["ready"], True, "`leadsTo.ready`")


@case("remedy.none-needed", "A ready basket has no remedy", heading=HEADING, line=_NULL, needs=(Need.OFFER,))
async def a_ready_basket_has_no_remedy(context: CaseContext) -> None:
    basket_id = await context.begin(line(context.offers.sellable[0]))
    answer = (await context.validate(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["remedy"], None, "`remedy`")


@case(
    "remedy.seller",
    "Where only the seller can help there is no remedy",
    heading=HEADING,
    line=_NULL,
    needs=(Need.CATALOGUE,),
)
async def the_seller_has_to_help(context: CaseContext) -> None:
    basket_id = await context.begin(line(context.own_catalogue.blocked))
    answer = (await context.validate(basket_id)).expect_status(200)
    answer.expect_equal([answer.json["ready"], answer.json["remedy"]], [False, None], "`ready` and `remedy`")


@case(
    "remedy.quantity",
    "A quantity goes to the nearest that is allowed and there",
    heading=HEADING,
    line=_QUANTITY,
    needs=(Need.CATALOGUE,),
)
async def quantities_are_mended(context: CaseContext) -> None:
    own = context.own_catalogue
    for offer, requested, mended in ((own.limited, 13, 10), (own.limited, 1, 2), (own.scarce, 9, 3)):
        actions = await _remedy_of(context, line(offer, requested))
        told = [(action["orderItemActionType"], action.get("quantity")) for action in actions]
        context.expect(told == [("change_quantity", mended)], f"{requested} changed to {mended}", str(actions))


@case(
    "remedy.swap",
    "A superseded version is swapped for its successor",
    heading=HEADING,
    line=_SWAP,
    needs=(Need.CATALOGUE,),
)
async def superseded_versions_are_swapped(context: CaseContext) -> None:
    own = context.own_catalogue
    actions = await _remedy_of(context, line(own.superseded, 2))
    told = [(action["orderItemActionType"], action.get("offer")) for action in actions]
    wanted = {"id": own.successor.id, "version": own.successor.version}
    context.expect(told == [("swap", wanted)], f"a swap to {wanted}", str(actions))


@case(
    "remedy.remove",
    "A line that nothing else mends is removed",
    heading=HEADING,
    line=_REMOVED,
    needs=(Need.CATALOGUE,),
)
async def other_lines_are_removed(context: CaseContext) -> None:
    own = context.own_catalogue
    basket_id = await context.begin(line(own.plain), line(own.elsewhere))
    bad = (await context.order(basket_id))["orderItems"][1]["id"]
    judged = await _apply(context, basket_id)
    actions = judged.json["remedy"]["orderItemActions"]
    judged.expect_equal(actions, [{"orderItemActionType": "remove", "id": bad}], "the actions")


@case("remedy.price", "A changed price is accepted", heading=HEADING, line=_PRICE, needs=(Need.CATALOGUE,))
async def changed_prices_are_accepted(context: CaseContext) -> None:
    own, offer = context.own_catalogue, OfferVersion(context.name("moving"), "v-1")
    await own.publish(*own.facts(offer, "5.00"))

    async def is_ready() -> bool:
        basket_id = await context.begin(line(offer))
        return bool((await context.validate(basket_id)).expect_status(200).json["ready"])

    await eventually(is_ready, "an offer")
    basket_id = await context.begin(line(offer))
    await own.publish(own.price(offer, "6.00", sequence=2))

    async def has_changed() -> bool:
        return not (await context.validate(basket_id)).expect_status(200).json["ready"]

    await eventually(has_changed, "a changed price")
    judged = await _apply(context, basket_id)
    actions = judged.json["remedy"]["orderItemActions"]
    told = [(action["orderItemActionType"], Decimal(action["expectedPrice"]["amount"])) for action in actions]
    judged.expect(told == [("expect_price", Decimal(6))], "expect_price with 6.00", str(actions))
