"""Cases about the list of own baskets and about cancelling."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from cli.conformance.answer import CallAnswer
from cli.conformance.case import Need, case
from cli.conformance.context import LIST, CaseContext, add, line

HEADING = "Partner API"
_LIST = (
    "the organisation's own baskets by `status`, `external_id`, `created_after`, `modified_after`, `abandoned=true` …; "
    "`limit`, opaque `cursor`"
)
_CANCEL = "`{reason}` (a code and optional text); the basket is cancelled by an event; a second cancel answers the same"
_FOUND_WITHIN = 40
_EVERY_SECONDS = 0.25
_SUMMARY = ("id", "external_id", "status", "version", "created", "modified", "expiresAt")


async def _page(context: CaseContext, **query: str) -> CallAnswer:
    return (await context.send("GET", f"{LIST}?{urlencode(query)}")).expect_status(200)


async def _until_listed(context: CaseContext, wanted: set[str], **query: str) -> CallAnswer:
    """The first page that lists exactly these baskets. Lists follow changes by moments, so it is asked for again."""
    for _ in range(_FOUND_WITHIN):
        answer = await _page(context, **query)
        found = {basket["id"] for basket in answer.json["baskets"]}
        if found == wanted:
            break
        await asyncio.sleep(_EVERY_SECONDS)
    answer.expect(found == wanted, f"a list of {sorted(wanted)}", f"{sorted(found)}")
    return answer


@case("list.own", "The list shows the organisation's basket by its external_id", heading=HEADING, line=_LIST)
async def the_list_shows_own_baskets(context: CaseContext) -> None:
    external_id = context.name()
    basket_id = await context.begin(line("o-1"), external_id=external_id)
    answer = await _until_listed(context, {basket_id}, external_id=external_id)
    basket = answer.json["baskets"][0]
    missing = [name for name in _SUMMARY if name not in basket]
    answer.expect(not missing, f"{', '.join(_SUMMARY)} in an entry", f"no {', '.join(missing)}")
    order = await context.order(basket_id)
    wanted = {name: order[name] for name in _SUMMARY}
    answer.expect_equal({name: basket[name] for name in _SUMMARY}, wanted, "the entry, as the order says,")
    answer.expect_equal(answer.json["next"], None, "`next` of the only page")


@case("list.status", "The list filters by status", heading=HEADING, line=_LIST)
async def the_list_filters_by_status(context: CaseContext) -> None:
    external_id = context.name()
    finished = await context.begin(line("o-1"), external_id=external_id)
    (await context.cancel(finished)).expect_status(200)
    opened = await context.begin(line("o-1"), external_id=external_id)
    for status, wanted in (("cancelled", {finished}), ("open", {opened}), ("completed", set()), ("expired", set())):
        await _until_listed(context, wanted, external_id=external_id, status=status)


@case("list.times", "The list filters by created_after and modified_after", heading=HEADING, line=_LIST)
async def the_list_filters_by_times(context: CaseContext) -> None:
    external_id = context.name()
    basket_id = await context.begin(line("o-1"), external_id=external_id)
    order = await context.order(basket_id)
    for parameter, member in (("created_after", "created"), ("modified_after", "modified")):
        moment = datetime.fromisoformat(order[member])
        for shift, wanted in ((-1, {basket_id}), (1, set())):
            after = (moment + timedelta(seconds=shift)).isoformat()
            await _until_listed(context, wanted, external_id=external_id, **{parameter: after})


@case(
    "list.abandoned",
    "A basket that was just touched is not abandoned",
    heading=HEADING,
    line="`abandoned=true` (open, untouched for a setting)",
)
async def a_fresh_basket_is_not_abandoned(context: CaseContext) -> None:
    external_id = context.name()
    basket_id = await context.begin(line("o-1"), external_id=external_id)
    await _until_listed(context, {basket_id}, external_id=external_id)
    await _until_listed(context, set(), external_id=external_id, abandoned="true")


@case("list.pages", "Pages lead to every basket once", heading=HEADING, line=_LIST)
async def pages_lead_to_every_basket_once(context: CaseContext) -> None:
    external_id = context.name()
    baskets = []
    for _ in range(3):
        baskets.append(await context.begin(line("o-1"), external_id=external_id))
        (await context.cancel(baskets[-1])).expect_status(200)
    await _until_listed(context, {*baskets}, external_id=external_id)
    found: list[Any] = []
    query: dict[str, str] = {"external_id": external_id, "limit": "1"}
    for _ in range(10):
        answer = await _page(context, **query)
        page = answer.json["baskets"]
        answer.expect(len(page) <= 1, "at most 1 basket in a page of 1", f"{len(page)}")
        found += [basket["id"] for basket in page]
        if answer.json["next"] is None:
            break
        query["cursor"] = answer.json["next"]
    answer.expect(sorted(found) == sorted(baskets), f"each of {sorted(baskets)} once", f"{sorted(found)}")


@case("list.parameters", "A parameter that cannot be read is refused", heading=HEADING, line=_LIST)
async def wrong_parameters_are_refused(context: CaseContext) -> None:
    for name, value in (("status", "lost"), ("limit", "0"), ("created_after", "yesterday"), ("cursor", "nonsense")):
        (await context.send("GET", f"{LIST}?{urlencode({name: value})}")).expect_status(400, 422)


@case(
    "list.other-organisation",
    "The list shows no basket of another organisation",
    heading=HEADING,
    line="the organisation's own baskets",
    needs=(Need.OTHER_TOKEN,),
)
async def the_list_shows_no_other_baskets(context: CaseContext) -> None:
    external_id = context.name()
    basket_id = await context.begin(line("o-1"), external_id=external_id)
    await _until_listed(context, {basket_id}, external_id=external_id)
    query = urlencode({"external_id": external_id})
    answer = (await context.send("GET", f"{LIST}?{query}", token=context.other_token)).expect_status(200)
    answer.expect_equal(answer.json["baskets"], [], "`baskets`")


@case("cancel.cancels", "Cancel makes a basket cancelled", heading=HEADING, line=_CANCEL)
async def cancel_cancels(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    version = (await context.get(basket_id)).expect_status(200).version
    answer = (await context.cancel(basket_id, {"code": "customer_left", "text": "a try"})).expect_status(200)
    answer.expect_equal(answer.json["order"]["status"], "cancelled", "`order.status`")
    answer.expect(answer.version > version, "a later version: it was an event", f"version {answer.version}")
    after = (await context.get(basket_id)).expect_status(200)
    after.expect_equal(after.json["order"], answer.json["order"], "the order, as cancel answered it,")


@case("cancel.twice", "A second cancel answers the same", heading=HEADING, line=_CANCEL)
async def a_second_cancel_answers_the_same(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    first = (await context.cancel(basket_id)).expect_status(200)
    again = (await context.cancel(basket_id)).expect_status(200)
    again.expect_equal(again.json, first.json, "the body, that of the first answer,")


@case("cancel.reason", "A reason is a code, with or without a text", heading=HEADING, line=_CANCEL)
async def a_reason_is_needed(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    (await context.send("POST", f"/partner/checkout/cancel/{basket_id}", {})).expect_status(422)
    (await context.cancel(basket_id, {"text": "no code"})).expect_status(422)
    (await context.update(basket_id, add("o-2"))).expect_status(200)
    (await context.cancel(basket_id, {"code": "customer_left"})).expect_status(200)
