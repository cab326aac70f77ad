"""Cases about tokens: who may call, and whose baskets there are."""

from __future__ import annotations

import json

from cli.conformance.case import Need, case
from cli.conformance.context import (
    INITIATE,
    LIST,
    UPDATE,
    CaseContext,
    add,
    cancel_path,
    line,
    order_path,
    validate_path,
)

HEADING = "Partner API"
_MISSING = "Missing or bad token: 401 with `WWW-Authenticate`."

_NOBODY = "basket-00000000-0000-7000-8000-000000000000"


def _calls(context: CaseContext, basket_id: str) -> list[tuple[str, str, object, dict[str, str]]]:
    """Each call of the API about a basket: method, path, body and headers."""
    return [
        ("POST", INITIATE, {"order": {"orderItems": [], "checkoutId": basket_id}}, {}),
        ("PUT", UPDATE, {"orderItemActions": [add("o-1")]}, context.landing_state(basket_id)),
        ("POST", validate_path(basket_id), None, {}),
        ("GET", order_path(basket_id), None, {}),
        ("POST", cancel_path(basket_id), {"reason": "conformance"}, {}),
    ]


@case("tokens.missing", "Every call without a token is refused", heading=HEADING, line=_MISSING)
async def missing_token(context: CaseContext) -> None:
    for method, path, body, headers in [*_calls(context, _NOBODY), ("GET", LIST, None, {})]:
        answer = (await context.send(method, path, body, headers, anonymous=True)).expect_status(401)
        challenge = answer.headers.get("www-authenticate", "")
        answer.expect(challenge.lower().startswith("bearer"), "`WWW-Authenticate: Bearer …`", repr(challenge))


@case("tokens.bad", "A token that was tampered with is refused", heading=HEADING, line=_MISSING)
async def bad_token(context: CaseContext) -> None:
    head, dot, signature = context.options.token.get_secret_value().rpartition(".")
    spoiled = f"{head}{dot}{'B' if signature[:1] == 'A' else 'A'}{signature[1:]}"
    for bad in (f"Bearer {spoiled}", "Bearer nonsense", "Basic bm9ib2R5Og=="):
        headers = {"Authorization": bad}
        answer = (await context.send("GET", LIST, None, headers, anonymous=True)).expect_status(401)
        answer.expect("www-authenticate" in answer.headers, "a header `WWW-Authenticate`", "none")


@case(
    "tokens.wrong-scope",
    "A token without the scope `partner` is refused",
    heading=HEADING,
    line="Wrong scope: 403.",
    needs=(Need.OTHER_SCOPE_TOKEN,),
)
async def wrong_scope(context: CaseContext) -> None:
    for method, path, body, headers in [*_calls(context, _NOBODY), ("GET", LIST, None, {})]:
        (await context.send(method, path, body, headers, token=context.other_scope_token)).expect_status(403)


@case(
    "tokens.other-organisation",
    "A basket of another organisation answers like one that does not exist",
    heading=HEADING,
    line="A basket of another organisation answers exactly like one that does not exist: 404.",
    needs=(Need.OTHER_TOKEN,),
)
async def other_organisation(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    before = await context.order(basket_id)
    for theirs, nobodys in zip(_calls(context, basket_id), _calls(context, _NOBODY), strict=True):
        answers = []
        for method, path, body, headers in (theirs, nobodys):
            answer = await context.send(method, path, body, headers, token=context.other_token)
            answers.append(answer.expect_status(404))
        told, missing = (_without_id(answer.text, basket_id) for answer in answers)
        answers[0].expect_equal(told, missing, "the body, but for the id,")
    answer = (await context.get(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["order"], before, "the owner's order")


def _without_id(text: str, basket_id: str) -> object:
    text = text.replace(basket_id, "the basket").replace(_NOBODY, "the basket")
    try:
        return json.loads(text)
    except ValueError:
        return text
