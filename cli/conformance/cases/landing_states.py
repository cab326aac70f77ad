"""Cases about the landing state cookie."""

from __future__ import annotations

import json
from datetime import datetime
from urllib.parse import quote, unquote, urlsplit

from cli.conformance.answer import CallAnswer
from cli.conformance.case import case
from cli.conformance.context import INITIATE, UPDATE, CaseContext, add, line
from cli.conformance.failures import CaseSkipped

HEADING = "Landing state cookie"
_ATTRIBUTES = (
    "`HttpOnly; SameSite=Lax; Path=/`, `Secure` unless the setting for local use says otherwise, `Max-Age` to the "
    "basket's expiry."
)
_BAD = "Missing, unreadable or oversized: 400."
_POINTER = "It is a pointer, never a credential: the token decides who may touch the basket."
_OVERSIZED = 4500
"""Characters. Browsers keep at most 4096 bytes."""

_TOLERANCE_SECONDS = 60.0


def _landing_cookie(context: CaseContext, answer: CallAnswer) -> tuple[str, dict[str, str]]:
    """The value of the cookie, and its attributes by their lower-case names."""
    name = context.options.landing_cookie
    for cookie in answer.headers.get_list("set-cookie"):
        first, *others = (part.strip() for part in cookie.split(";"))
        own, equals, value = first.partition("=")
        if own == name and equals:
            attributes = (other.partition("=") for other in others)
            return value, {attribute.lower(): said for attribute, _, said in attributes}
    raise answer.deviation(f"a header `Set-Cookie: {name}=…`", "none")


async def _initiate(context: CaseContext) -> CallAnswer:
    return (await context.initiate({"orderItems": [line("o-1")], "external_id": context.name()})).expect_status(200)


@case(
    "cookie.value",
    "The cookie's value is percent-encoded JSON with the basket's id",
    heading=HEADING,
    line='Value: percent-encoded JSON `{"basketId":"basket-…"}`',
)
async def the_value_is_a_pointer(context: CaseContext) -> None:
    answer = await _initiate(context)
    value, _ = _landing_cookie(context, answer)
    try:
        said = json.loads(unquote(value, errors="strict"))
    except ValueError:
        raise answer.deviation("percent-encoded JSON as the cookie's value", value) from None
    answer.expect_equal(said, {"basketId": answer.json["id"]}, "the cookie's value")
    updated = await context.send(
        "PUT", UPDATE, {"orderItemActions": []}, {"Cookie": f"{context.options.landing_cookie}={value}"}
    )
    updated.expect_status(200)
    updated.expect_equal(updated.json["id"], answer.json["id"], "`id` of an update with the cookie")


@case("cookie.attributes", "The cookie is HttpOnly, SameSite=Lax and for all paths", heading=HEADING, line=_ATTRIBUTES)
async def the_cookie_is_closed_to_scripts(context: CaseContext) -> None:
    answer = await _initiate(context)
    _, attributes = _landing_cookie(context, answer)
    answer.expect("httponly" in attributes, "the attribute HttpOnly", f"attributes {[*attributes]}")
    answer.expect_equal(attributes.get("samesite", "").lower(), "lax", "the attribute SameSite")
    answer.expect_equal(attributes.get("path"), "/", "the attribute Path")


@case("cookie.secure", "The cookie is Secure", heading=HEADING, line=_ATTRIBUTES)
async def the_cookie_is_secure(context: CaseContext) -> None:
    answer = await _initiate(context)
    _, attributes = _landing_cookie(context, answer)
    if "secure" not in attributes and urlsplit(context.options.url).scheme == "http":
        raise CaseSkipped("by plain HTTP a cookie without Secure may be the setting for local use")
    answer.expect("secure" in attributes, "the attribute Secure", f"attributes {[*attributes]}")


@case("cookie.max-age", "The cookie lives as long as the basket", heading=HEADING, line=_ATTRIBUTES)
async def the_cookie_lives_as_long_as_the_basket(context: CaseContext) -> None:
    answer = await _initiate(context)
    _, attributes = _landing_cookie(context, answer)
    order = await context.order(answer.json["id"])
    lifetime = (datetime.fromisoformat(order["expiresAt"]) - datetime.fromisoformat(order["created"])).total_seconds()
    seconds = attributes.get("max-age", "")
    near = seconds.isdecimal() and abs(int(seconds) - lifetime) <= _TOLERANCE_SECONDS
    answer.expect(near, f"Max-Age of about {lifetime:.0f}", f"Max-Age={seconds or '(none)'}")


@case("cookie.pointer", "The cookie is no credential", heading=HEADING, line=_POINTER)
async def the_cookie_is_no_credential(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    (await context.update(basket_id, add("o-2"), anonymous=True)).expect_status(401)


@case("cookie.missing", "An update without the cookie is a 400", heading=HEADING, line=_BAD)
async def an_update_needs_the_cookie(context: CaseContext) -> None:
    body = {"orderItemActions": [add("o-1")]}
    (await context.send("PUT", UPDATE, body)).expect_status(400)
    (await context.send("PUT", UPDATE, body, {"Cookie": "other=1"})).expect_status(400)


@case("cookie.unreadable", "A cookie that cannot be read is a 400", heading=HEADING, line=_BAD)
async def an_unreadable_cookie_is_refused(context: CaseContext) -> None:
    for value in ("nonsense", quote('{"basketId":1}'), quote('{"basketId":"x"}'), quote("{}"), "%ff%fe", quote("[1]")):
        await _expect_refused(context, value)


@case("cookie.oversized", "A cookie that is too large is a 400", heading=HEADING, line=_BAD)
async def an_oversized_cookie_is_refused(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    await _expect_refused(context, quote(json.dumps({"basketId": basket_id}) + " " * _OVERSIZED))


async def _expect_refused(context: CaseContext, value: str) -> None:
    cookie = {"Cookie": f"{context.options.landing_cookie}={value}"}
    (await context.send("PUT", UPDATE, {"orderItemActions": [add("o-1")]}, cookie)).expect_status(400)
    (await context.send("POST", INITIATE, {"order": {"orderItems": []}}, cookie)).expect_status(400)


@case("cookie.among-others", "The cookie is found among others", heading=HEADING, line=_POINTER)
async def the_cookie_is_found_among_others(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    own = context.landing_state(basket_id)["Cookie"]
    answer = await context.update(basket_id, add("o-2"), headers={"Cookie": f"a=1; {own}; session=x%20y"})
    answer.expect_status(200)
    answer.expect_equal(answer.json["id"], basket_id, "`id`")
