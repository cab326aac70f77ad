"""Cases about errors: problem documents, limits, and what an error never shows."""

from __future__ import annotations

import json
from uuid import uuid4

from cli.conformance.answer import CallAnswer
from cli.conformance.case import case
from cli.conformance.context import INITIATE, LIST, UPDATE, CaseContext, action, add, line
from cli.conformance.failures import CaseSkipped
from cli.conformance.shapes import expect_problem

HEADING = "Errors"
_DOCUMENT = (
    "`application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail`, a stable `code`, `message` (the "
    "same as `detail` …), and `errors[{pointer, code, message}]` for bodies."
)
_LIMITS = "More than 500 items or 200 actions: 422."
_BODY = "Body over the limit (default 256 KiB): 413."
_TRACES = (
    "Traceback (most recent call last)",
    'File "/',
    "\tat ",
    "\n   at ",
    "Exception in thread",
    "goroutine ",
    "node_modules/",
)
_NO_TRACE = "Never a stack trace, never another partner's data."


@case("problems.400", "A body that is no JSON is a whole problem", heading=HEADING, line=_DOCUMENT)
async def malformed_bodies(context: CaseContext) -> None:
    for body in (b"{", b"", b"\xff\xfe", b'{"order": NaN}'):
        expect_problem(await context.send("POST", INITIATE, body), 400)


@case("problems.401", "A missing token is a whole problem", heading=HEADING, line=_DOCUMENT)
async def missing_tokens(context: CaseContext) -> None:
    expect_problem(await context.send("GET", LIST, anonymous=True), 401)


@case("problems.404", "A missing basket, and an unknown path, are whole problems", heading=HEADING, line=_DOCUMENT)
async def missing_baskets(context: CaseContext) -> None:
    expect_problem(await context.get(f"basket-{uuid4()}"), 404)
    expect_problem(await context.send("GET", "/partner/checkout/no/such/path"), 404)


@case("problems.409", "A finished basket is a whole problem", heading=HEADING, line=_DOCUMENT)
async def finished_baskets(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    (await context.cancel(basket_id)).expect_status(200)
    expect_problem(await context.update(basket_id, add("o-2")), 409)


@case("problems.412", "A failed condition is a whole problem", heading=HEADING, line=_DOCUMENT)
async def failed_conditions(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    expect_problem(await context.update(basket_id, add("o-2"), headers={"If-Match": '"0"'}), 412)


@case("problems.415", "Another media type is a whole problem", heading=HEADING, line=_DOCUMENT)
async def other_media_types(context: CaseContext) -> None:
    expect_problem(await context.send("POST", INITIATE, b"x", {"Content-Type": "text/plain"}), 415)


@case(
    "problems.422",
    "All that is wrong with a body is told at once, each with its place",
    heading=HEADING,
    line=_DOCUMENT,
)
async def wrong_bodies(context: CaseContext) -> None:
    order = {"orderItems": [line("o-1", -1), {"quantity": 1}], "country": "UK"}
    answer = await context.initiate(order)
    expect_problem(answer, 422)
    answer.expect_pointers("/order/orderItems/0/quantity", "/order/orderItems/1/offer", "/order/country")
    for error in answer.json["errors"]:
        whole = all(isinstance(error[name], str) and error[name] for name in ("pointer", "code", "message"))
        answer.expect(whole, "pointer, code and message in each of `errors`", json.dumps(error))


@case(
    "problems.stable-code",
    "The same fault has the same code and type, and another one others",
    heading=HEADING,
    line="a stable `code`",
)
async def codes_are_stable(context: CaseContext) -> None:
    first, again = [await context.get(f"basket-{uuid4()}") for _ in range(2)]
    other = await context.send("POST", INITIATE, b"{")
    names = [[answer.json["code"], answer.json["type"]] for answer in (first, again, other)]
    again.expect_equal(names[1], names[0], "`code` and `type`, those of the same fault before,")
    other.expect(names[2][0] != names[0][0], "another `code` for another fault", str(names[2]))


@case("problems.413", "A body over the limit is a 413, a whole problem", heading=HEADING, line=_BODY)
async def large_bodies_are_refused(context: CaseContext) -> None:
    limit = context.options.limits.max_body_bytes
    expect_problem(await context.send("POST", INITIATE, _padded(limit + 1)), 413)
    basket_id = await context.begin(line("o-1"))
    padded = b'{"orderItemActions": []' + b" " * limit + b"}"
    expect_problem(await context.send("PUT", UPDATE, padded, context.landing_state(basket_id)), 413)


@case("limits.body", "A body of the limit is taken", heading=HEADING, line=_BODY)
async def bodies_of_the_limit_are_taken(context: CaseContext) -> None:
    (await context.send("POST", INITIATE, _padded(context.options.limits.max_body_bytes))).expect_status(200)


@case("limits.items", "More items than the limit are refused, and as many are taken", heading=HEADING, line=_LIMITS)
async def items_have_a_limit(context: CaseContext) -> None:
    limit = context.options.limits.max_items
    items = [line(f"o-{number}") for number in range(limit + 1)]
    expect_problem(await context.initiate({"orderItems": items}), 422)
    basket_id = await context.begin(*items[:limit])
    before = await context.order(basket_id)
    (await context.update(basket_id, add("one-more"))).expect_status(422)
    after = (await context.get(basket_id)).expect_status(200)
    after.expect(len(after.json["order"]["orderItems"]) == limit, f"{limit} lines", "another number of lines")
    after.expect(after.version == before["version"], "the version as before", f"version {after.version}")


@case("limits.actions", "More actions than the limit are refused, and as many are taken", heading=HEADING, line=_LIMITS)
async def actions_have_a_limit(context: CaseContext) -> None:
    limit = context.options.limits.max_actions
    basket_id = await context.begin(line("o-1"))
    actions = [action("update_details", order={"source": f"try {number}"}) for number in range(limit + 1)]
    expect_problem(await context.update(basket_id, *actions), 422)
    answer = (await context.update(basket_id, *actions[:limit])).expect_status(200)
    answer.expect_equal(len(answer.json["actionResults"]), limit, "the number of results")
    answer.expect_equal(answer.json["order"]["source"], f"try {limit - 1}", "`order.source`")


def _padded(size: int) -> bytes:
    """An initiate of so many bytes."""
    body = b'{"order": {"orderItems": []}'
    return body + b" " * (size - len(body) - 1) + b"}"


@case("problems.no-stack-trace", "No error shows a stack trace", heading=HEADING, line=_NO_TRACE)
async def no_error_shows_a_stack_trace(context: CaseContext) -> None:
    deep = b'{"order": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    odd: list[tuple[str, str, object]] = [
        ("POST", INITIATE, deep),
        ("POST", INITIATE, b'{"order": {"orderItems": [{"offer": 7, "quantity": 1e400}]}}'),
        ("POST", INITIATE, b'"text"'),
        ("POST", INITIATE, b"null"),
        ("POST", INITIATE, b'{"order": {"external_id": "\\u0000", "orderItems": []}}'),
        ("POST", INITIATE, b'{"order": {"source": "\\ud800", "orderItems": []}}'),
        ("GET", "/partner/checkout/%00", None),
        ("GET", "/partner/checkout/basket-%27%20OR%201=1--", None),
        ("GET", f"{LIST}?cursor=nonsense&limit=x&created_after=y", None),
        ("GET", "/partner/checkout/no/such/path", None),
    ]
    for method, path, body in odd:
        _expect_no_trace(await context.send(method, path, body))


def _expect_no_trace(answer: CallAnswer) -> None:
    answer.expect(400 <= answer.status < 500, "a status from 400 to 499", f"status {answer.status}")
    shown = [trace for trace in _TRACES if trace in answer.text.replace("\\n", "\n").replace("\\t", "\t")]
    answer.expect(not shown, "no stack trace", f"a body with {shown}")


@case(
    "problems.429",
    "Too many calls are told when to come back",
    heading=HEADING,
    line="Too many calls of one organisation: 429 with `Retry-After` and `RateLimit` fields",
    last=True,
)
async def too_many_calls(context: CaseContext) -> None:
    _expect_told_when(context, 429, "ratelimit")


@case(
    "problems.503",
    "A service that is down or full says when to come back",
    heading=HEADING,
    line="The store is down: 503 with `Retry-After`. … more than the service can do: 503 with `Retry-After` (2).",
    last=True,
)
async def services_away(context: CaseContext) -> None:
    _expect_told_when(context, 503, "retry-after")


def _expect_told_when(context: CaseContext, status: int, field: str) -> None:
    """Judges the answers of this status in the whole run: none is provoked, because others use the service too."""
    met = [answer for answer in context.overload_answers if answer.status == status]
    if not met:
        raise CaseSkipped(f"no call of this run was answered {status}")
    for answer in met:
        expect_problem(answer, status)
        said = answer.headers.get("retry-after", "")
        answer.expect(said.isdecimal(), "`Retry-After` in seconds", said or "no such header")
        named = any(name.lower().startswith(field) for name in answer.headers)
        answer.expect(named, f"a header `{field}…`", f"headers {[*answer.headers]}")
