"""Cases about Idempotency-Key: a retry has no second effect, and gets the first answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from cli.conformance.answer import CallAnswer
from cli.conformance.case import Need, case
from cli.conformance.cases.preconditions import tag
from cli.conformance.context import INITIATE, CaseContext, action, add, line
from cli.conformance.failures import CaseSkipped

HEADING = "Concurrency and retries"
_REPLAYS = "same key and body replays the first answer with `Idempotent-Replayed: true`"
_OTHER = "same key, other body: 422"
_SCOPE = "`Idempotency-Key` on initiate, update and validate, scoped to organisation + route"
_RUNNING = "still running: 409 with `Retry-After`"
_FIRST = (
    "A stored answer is looked up before any precondition: a retry whose first try took effect is never told 412 or "
    "409 for the version that it made itself"
)
_REPLAYED = "Idempotent-Replayed"
_TWINS = 8
_TRIES = 40
_SERVER_ERROR = 500


def _key(context: CaseContext) -> dict[str, str]:
    return {"Idempotency-Key": context.name("key")}


def _expect_replayed(answer: CallAnswer, first: CallAnswer) -> None:
    """The same status and body as the first answer's, and the header that says so."""
    answer.expect_status(first.status)
    answer.expect_equal(_content(answer), _content(first), "the body, that of the first answer,")
    answer.expect_header(_REPLAYED, "true")


def _content(answer: CallAnswer) -> object:
    try:
        return json.loads(answer.text)
    except ValueError:
        return answer.text


@case(
    "idempotency.initiate",
    "A retried initiate gets the first answer and makes no second basket",
    heading=HEADING,
    line=_REPLAYS,
)
async def initiate_is_replayed(context: CaseContext) -> None:
    key, order = _key(context), {"orderItems": [line("o-1")]}
    first = (await context.initiate(order, key)).expect_status(200)
    first.expect(first.headers.get(_REPLAYED) != "true", f"no `{_REPLAYED}: true` at first", "that header")
    _expect_replayed(await context.initiate(order, key), first)


@case(
    "idempotency.update",
    "A retried update gets the first answer and has no second effect",
    heading=HEADING,
    line=_REPLAYS,
)
async def update_is_replayed(context: CaseContext) -> None:
    basket_id, key = await context.begin(line("o-1")), _key(context)
    first = (await context.update(basket_id, add("o-1", 2), headers=key)).expect_status(200)
    _expect_replayed(await context.update(basket_id, add("o-1", 2), headers=key), first)
    after = (await context.get(basket_id)).expect_status(200)
    after.expect_equal([item["quantity"] for item in after.json["order"]["orderItems"]], [3], "the quantities")


@case("idempotency.validate", "A retried validation gets the first verdict", heading=HEADING, line=_REPLAYS)
async def validate_is_replayed(context: CaseContext) -> None:
    basket_id, key = await context.begin(line("o-1")), _key(context)
    first = (await context.validate(basket_id, key)).expect_status(200)
    (await context.update(basket_id, add("o-2"))).expect_status(200)
    _expect_replayed(await context.validate(basket_id, key), first)


@case(
    "idempotency.later",
    "A retry gets the first answer although the basket has changed since",
    heading=HEADING,
    line=_REPLAYS,
)
async def later_changes_do_not_matter(context: CaseContext) -> None:
    basket_id, key = await context.begin(line("o-1")), _key(context)
    first = (await context.update(basket_id, add("o-2"), headers=key)).expect_status(200)
    (await context.update(basket_id, action("clear"))).expect_status(200)
    _expect_replayed(await context.update(basket_id, add("o-2"), headers=key), first)


@case("idempotency.refusal", "A retry of a refused update is refused alike", heading=HEADING, line=_REPLAYS)
async def refusals_are_replayed(context: CaseContext) -> None:
    basket_id, key = await context.begin(line("o-1")), _key(context)
    wrong = action("remove", id="00000000-0000-4000-8000-000000000000")
    first = (await context.update(basket_id, wrong, headers=key)).expect_status(422)
    again = (await context.update(basket_id, wrong, headers=key)).expect_status(422)
    again.expect_equal(_content(again), _content(first), "the body, that of the first answer,")


@case("idempotency.other-body", "A key with another body is refused, and has no effect", heading=HEADING, line=_OTHER)
async def a_key_stands_for_one_body(context: CaseContext) -> None:
    basket_id, key = await context.begin(line("o-1")), _key(context)
    before = (await context.update(basket_id, add("o-2"), headers=key)).expect_status(200).json["order"]
    (await context.update(basket_id, add("o-3"), headers=key)).expect_status(422)
    after = (await context.get(basket_id)).expect_status(200)
    after.expect_equal(after.json["order"], before, "the order, as before,")
    key = _key(context)
    (await context.initiate({"orderItems": [line("o-1")]}, key)).expect_status(200)
    (await context.initiate({"orderItems": [line("o-2")]}, key)).expect_status(422)


@case("idempotency.route", "A key is another one on another route", heading=HEADING, line=_SCOPE)
async def a_key_belongs_to_a_route(context: CaseContext) -> None:
    key = _key(context)
    basket_id = (await context.initiate({"orderItems": [line("o-1")]}, key)).expect_status(200).json["id"]
    for answer in (await context.update(basket_id, add("o-2"), headers=key), await context.validate(basket_id, key)):
        answer.expect_status(200)
        answer.expect(answer.headers.get(_REPLAYED) != "true", f"no `{_REPLAYED}: true`", "that header")


@case(
    "idempotency.organisation",
    "A key is another one for another organisation",
    heading=HEADING,
    line=_SCOPE,
    needs=(Need.OTHER_TOKEN,),
)
async def a_key_belongs_to_an_organisation(context: CaseContext) -> None:
    key, order = _key(context), {"orderItems": [line("o-1")]}
    first = (await context.initiate(order, key)).expect_status(200)
    other = (await context.initiate(order, key, token=context.other_token)).expect_status(200)
    other.expect(other.headers.get(_REPLAYED) != "true", f"no `{_REPLAYED}: true`", "that header")
    other.expect(other.json["id"] != first.json["id"], "a basket of the other organisation", "the first one's")


@case("idempotency.twins", "Concurrent tries with one key have one effect", heading=HEADING, line=_RUNNING)
async def concurrent_tries_have_one_effect(context: CaseContext) -> None:
    basket_id, key = await context.begin(line("o-1")), _key(context)
    answers = await asyncio.gather(*(_insist(context, basket_id, key) for _ in range(_TWINS)))
    await _expect_one_effect(context, basket_id, answers)


@case(
    "idempotency.twins-with-if-match",
    "Concurrent tries with one key and one If-Match are never told 412",
    heading=HEADING,
    line="while the first try is undecided it is told 409 in progress (2).",
)
async def concurrent_tries_are_never_told_412(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    version = (await context.get(basket_id)).expect_status(200).version
    conditions = {**_key(context), "If-Match": tag(version)}
    answers = await asyncio.gather(*(_insist(context, basket_id, conditions) for _ in range(_TWINS)))
    await _expect_one_effect(context, basket_id, answers)


async def _insist(context: CaseContext, basket_id: str, headers: dict[str, str]) -> CallAnswer:
    """The answer to an update, once it is not in progress any more."""
    for _ in range(_TRIES):
        answer = (await context.update(basket_id, add("o-1", 2), headers=headers)).expect_status(200, 409)
        if answer.status == 200:
            return answer
        said = answer.headers.get("retry-after", "")
        answer.expect(said.isdecimal(), "`Retry-After` with a 409", said or "no such header")
        await asyncio.sleep(min(float(said), 0.2))
    raise answer.deviation(f"an answer within {_TRIES} tries", "409 each time")


async def _expect_one_effect(context: CaseContext, basket_id: str, answers: Sequence[CallAnswer]) -> None:
    for answer in answers[1:]:
        answer.expect_equal(_content(answer), _content(answers[0]), "the body, the same for all,")
    after = (await context.get(basket_id)).expect_status(200)
    after.expect_equal([item["quantity"] for item in after.json["order"]["orderItems"]], [3], "the quantities")


@case(
    "idempotency.quoted",
    "A quoted key and a bare one are the same",
    heading=HEADING,
    line='A quoted key (`"k"`, a structured field) and a bare one (`k`) are the same key (2).',
)
async def quotes_do_not_matter(context: CaseContext) -> None:
    order = {"orderItems": [line("o-1")]}
    for first_quoted in (True, False):
        key = context.name("key")
        written = (f'"{key}"', key) if first_quoted else (key, f'"{key}"')
        first = (await context.initiate(order, {"Idempotency-Key": written[0]})).expect_status(200)
        again = (await context.initiate(order, {"Idempotency-Key": written[1]})).expect_status(200)
        again.expect_equal(again.json["id"], first.json["id"], "`id`, that of the first answer,")


@case(
    "idempotency.before-if-match",
    "A retry is never told 412 for the version that it made",
    heading=HEADING,
    line=_FIRST,
)
async def the_key_comes_before_if_match(context: CaseContext) -> None:
    basket_id = await context.begin(line("o-1"))
    version = (await context.get(basket_id)).expect_status(200).version
    conditions = {**_key(context), "If-Match": tag(version)}
    first = (await context.update(basket_id, add("o-2"), headers=conditions)).expect_status(200)
    again = (await context.update(basket_id, add("o-2"), headers=conditions)).expect_status(200)
    again.expect_equal(_content(again), _content(first), "the body, that of the first answer,")


@case(
    "idempotency.before-if-none-match",
    "A retried create is never told that its basket exists",
    heading=HEADING,
    line=_FIRST,
)
async def the_key_comes_before_if_none_match(context: CaseContext) -> None:
    conditions, order = {**_key(context), "If-None-Match": "*"}, {"external_id": context.name(), "orderItems": []}
    first = (await context.initiate(order, conditions)).expect_status(200)
    again = (await context.initiate(order, conditions)).expect_status(200)
    again.expect_equal(again.json["id"], first.json["id"], "`id`, that of the first answer,")


@case(
    "idempotency.server-errors",
    "A server's error is never stored under a key",
    heading=HEADING,
    line="5xx answers are never stored.",
)
async def server_errors_are_not_stored(context: CaseContext) -> None:
    key, order = _key(context), {"orderItems": [line("o-1")]}
    first = await context.send("POST", INITIATE, {"order": order}, key, patient=False)
    if first.status < _SERVER_ERROR:
        raise CaseSkipped("no call was answered with a server's error")
    again = await context.send("POST", INITIATE, {"order": order}, key, patient=False)
    again.expect(again.headers.get(_REPLAYED) != "true", "a new try after a server's error", "the same error, replayed")
    if again.status >= _SERVER_ERROR:
        raise CaseSkipped(f"every try is answered with {again.status}")
