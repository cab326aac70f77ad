"""Cases about versions: ETag, If-Match and If-None-Match, and writers at the same time."""

from __future__ import annotations

import asyncio

from cli.conformance.answer import CallAnswer
from cli.conformance.case import case
from cli.conformance.context import CaseContext, add, line

HEADING = "Concurrency and retries"
_ETAG = "`ETag` is the basket's version."
_IF_MATCH = "`If-Match` that does not match: 412 with the current version."
_LISTS = "Lists may hold empty elements (RFC 9110 5.6.1)."
_CONFLICTS = (
    "Without `If-Match`, a conflict with another writer is retried on the server against the fresh basket; retries run "
    "out: 409 with the current version and order."
)
_WRITERS = 8
_TRIES = 20


def tag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def _expect_tag(answer: CallAnswer, version: int) -> None:
    answer.expect_status(200).expect_header("ETag", tag(version))


@case("etag.version", "Every answer with an order has its version as ETag", heading=HEADING, line=_ETAG)
async def etag_is_the_version(context: CaseContext) -> None:
    begun = await context.initiate({"external_id": context.name(), "orderItems": [line("o-1")]})
    basket_id = begun.expect_status(200).json["id"]
    found = await context.get(basket_id)
    _expect_tag(found, found.version)
    _expect_tag(begun, found.version)
    updated = await context.update(basket_id, add("o-2"))
    _expect_tag(updated, updated.version)
    cancelled = await context.cancel(basket_id)
    _expect_tag(cancelled, cancelled.version)


@case("etag.after-validate", "A validation's ETag is the basket's version after it", heading=HEADING, line=_ETAG)
async def a_validation_has_an_etag(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    validated = (await context.validate(basket_id)).expect_status(200)
    version = (await context.get(basket_id)).expect_status(200).version
    _expect_tag(validated, version)


@case(
    "etag.not-modified",
    "If-None-Match with the current version is a 304 without a body",
    heading="Partner API",
    line="resume, with `ETag`; `If-None-Match` answers 304 (2)",
)
async def unchanged_orders_are_not_sent_again(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    version = (await context.get(basket_id)).expect_status(200).version
    for condition in (tag(version), f"W/{tag(version)}", f'"0", {tag(version)}', "*"):
        answer = (await context.get(basket_id, {"If-None-Match": condition})).expect_status(304)
        answer.expect_equal(answer.text, "", "the body")
        answer.expect_header("ETag", tag(version))


@case(
    "etag.modified",
    "If-None-Match with another version is answered",
    heading="Partner API",
    line="`If-None-Match` answers 304 (2)",
)
async def changed_orders_are_sent(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    before = (await context.get(basket_id)).expect_status(200).version
    (await context.update(basket_id, add("o-2"))).expect_status(200)
    answer = (await context.get(basket_id, {"If-None-Match": tag(before)})).expect_status(200)
    answer.expect(answer.version > before, "a later version", f"version {answer.version}")


@case(
    "if-match.stale", "A stale If-Match refuses every change, with the current version", heading=HEADING, line=_IF_MATCH
)
async def a_stale_version_is_refused(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    stale = {"If-Match": tag((await context.get(basket_id)).expect_status(200).version)}
    before = (await context.update(basket_id, add("o-2"))).expect_status(200).json["order"]
    for answer in (
        await context.update(basket_id, add("o-3"), headers=stale),
        await context.initiate({"checkoutId": basket_id, "orderItems": []}, stale),
        await context.validate(basket_id, stale),
        await context.cancel(basket_id, headers=stale),
    ):
        answer.expect_status(412)
        answer.expect_equal(answer.json["version"], before["version"], "`version` of the problem")
    after = (await context.get(basket_id)).expect_status(200)
    after.expect_equal(after.json["order"], before, "the order, as before,")


@case("if-match.current", "The current version, and *, let a change pass", heading=HEADING, line=_IF_MATCH)
async def the_current_version_passes(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    version = (await context.get(basket_id)).expect_status(200).version
    answer = (await context.update(basket_id, add("o-2"), headers={"If-Match": tag(version)})).expect_status(200)
    (await context.update(basket_id, add("o-3"), headers={"If-Match": "*"})).expect_status(200)
    answer.expect(answer.version > version, "a later version", f"version {answer.version}")


@case("if-match.lists", "A list of versions may hold empty elements", heading=HEADING, line=_LISTS)
async def lists_may_hold_empty_elements(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    for number, written in enumerate(("{},", ', , "0",{} ,,', '"0" , {}')):
        version = (await context.get(basket_id)).expect_status(200).version
        condition = {"If-Match": written.format(tag(version))}
        (await context.update(basket_id, add(f"o-2{number}"), headers=condition)).expect_status(200)
    answer = await context.update(basket_id, add("o-3"), headers={"If-Match": '"0", ,'})
    answer.expect_status(412)


@case("if-match.one-of-many", "Of concurrent changes of one version one takes effect", heading=HEADING, line=_IF_MATCH)
async def one_of_many_takes_effect(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    condition = {"If-Match": tag((await context.get(basket_id)).expect_status(200).version)}
    answers = await asyncio.gather(
        *(context.update(basket_id, add(f"o-2{number}"), headers=condition) for number in range(_WRITERS))
    )
    statuses = sorted(answer.expect_status(200, 412).status for answer in answers)
    answers[0].expect_equal(statuses, [200, *[412] * (_WRITERS - 1)], "the statuses of all")
    after = (await context.get(basket_id)).expect_status(200)
    after.expect_equal(len(after.json["order"]["orderItems"]), 2, "the number of lines")


@case("conflicts.none-lost", "Concurrent changes without If-Match lose nothing", heading=HEADING, line=_CONFLICTS)
async def concurrent_changes_lose_nothing(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))

    async def change(number: int) -> None:
        for _ in range(_TRIES):
            answer = (await context.update(basket_id, add(f"o-2{number}"))).expect_status(200, 409)
            if answer.status == 200:
                return
            answer.expect(answer.json["version"] and answer.json["order"], "the current version and order", answer.text)
        raise answer.deviation(f"that it takes effect within {_TRIES} tries", "409 each time")

    await asyncio.gather(*(change(number) for number in range(_WRITERS)))
    after = (await context.get(basket_id)).expect_status(200)
    after.expect_equal(len(after.json["order"]["orderItems"]), 1 + _WRITERS, "the number of lines")
