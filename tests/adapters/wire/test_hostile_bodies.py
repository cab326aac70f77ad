"""Hostile bodies: the work is linear in the body, and the problem stays small."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from adapters.wire.headers import read_idempotency_key, read_preconditions
from adapters.wire.prefer_header import Handling
from adapters.wire.problems import MAX_ERRORS, to_problem
from adapters.wire.request_errors import InvalidHeader, InvalidRequest
from adapters.wire.request_parser import fingerprint, parse_body, parse_initiate, parse_update
from adapters.wire.requests import RequestLimits
from domain.shared.errors import CheckoutError
from tests.builders import basket_id
from tests.work_counter import calls_of

LIMITS = RequestLimits()
STRICT = Handling("strict")
GOOD = {"offer": {"id": "o-1", "version": "v-1"}, "quantity": 1}


def order(**members: Any) -> bytes:
    return json.dumps({"order": {"orderItems": [], **members}}).encode()


def nested(depth: int) -> bytes:
    return b'{"order": {"orderItems": [], "tracking": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}}"


def initiate(body: bytes) -> object:
    return parse_initiate(parse_body(body), LIMITS, handling=STRICT)


def lenient(body: bytes) -> object:
    return parse_initiate(parse_body(body), LIMITS)


def update(body: bytes) -> object:
    return parse_update(parse_body(body), LIMITS, handling=STRICT, basket_id=basket_id())


def digest(body: bytes) -> bytes:
    return fingerprint(parse_body(body))


def initiate_with(items: list[Any]) -> bytes:
    return json.dumps({"order": {"orderItems": items}}).encode()


def update_with(actions: list[Any]) -> bytes:
    return json.dumps({"orderItemActions": actions}).encode()


def refused(parse: Callable[[bytes], object], body: bytes) -> Any:
    with pytest.raises(CheckoutError) as refusal:
        parse(body)
    return json.loads(to_problem(refusal.value).render())


TOO_MANY = [
    (initiate, initiate_with([{}] * 80_000), "too_many_items"),
    (initiate, initiate_with([GOOD] * 501), "too_many_items"),
    (initiate, initiate_with([None] * 50_000), "too_many_items"),
    (update, update_with([{}] * 80_000), "too_many_actions"),
    (update, update_with([[[]]] * 40_000), "too_many_actions"),
    (update, update_with([{"orderItemActionType": "remove", "id": "x"}] * 201), "too_many_actions"),
]


@pytest.mark.parametrize(("parse", "body", "code"), TOO_MANY, ids=range(len(TOO_MANY)))
def test_items_and_actions_are_counted_before_any_model_is_made(
    parse: Callable[[bytes], object], body: bytes, code: str
) -> None:
    problem = refused(parse, body)
    assert [error["code"] for error in problem["errors"]] == [code]
    assert calls_of(partial(parse, body), InvalidRequest)["model_validate_json"] == 0


@pytest.mark.parametrize(
    ("parse", "body", "count"),
    [
        (initiate, order(**{f"k{i}": i for i in range(22_000)}), 22_000),
        (initiate, initiate_with([{**GOOD, **{f"k{i}": i for i in range(40)}}] * 500), 20_000),
        (initiate, initiate_with([{"offer": 1, "quantity": "x", "id": 1, "type": 1}] * 500), 2_000),
        (
            update,
            json.dumps({"orderItemActions": [], **{f"k{i}": 1 for i in range(20_000)}}).encode(),
            20_000,
        ),
        (update, update_with([{"orderItemActionType": "add", "offer": []}] * 200), 200),
        (update, update_with([{"orderItemActionType": i} for i in range(200)]), 200),
    ],
    ids=range(6),
)
def test_the_first_mistakes_are_listed_and_all_are_counted(
    parse: Callable[[bytes], object], body: bytes, count: int
) -> None:
    problem = refused(parse, body)
    assert len(problem["errors"]) == MAX_ERRORS
    assert problem["detail"] == f"{count} things are wrong; the first {MAX_ERRORS} are told"
    assert calls_of(partial(parse, body), InvalidRequest)["_violation"] == MAX_ERRORS


@pytest.mark.parametrize(
    "body_of",
    [
        lambda n: order(**{f"k{i}": i for i in range(n)}),
        lambda n: order(tracking={f"k{i}": i for i in range(n)}),
        lambda n: order(customFields={"list": [{}] * n}),
        lambda n: order(tracking={"a": ["\u0000"] * n}),
        lambda n: order(customFields={"text": "é" * n}),
        lambda n: order(source="\\" * n),
        lambda n: initiate_with([{}] * n),
        lambda n: initiate_with([{"offer": {f"{i}": {} for i in range(n)}}]),
        lambda n: json.dumps([{}] * n).encode(),
        lambda n: b'{"order": {"orderItems": [' + b"1" * n + b"]}}",
        lambda n: b'{"order": ' * n,
        lambda n: b'{"order": "' + b"\\ud800" * n + b'"}',
    ],
    ids=range(12),
)
@pytest.mark.parametrize("parse", [initiate, lenient])
def test_twice_the_body_is_at_most_twice_the_work(
    parse: Callable[[bytes], object], body_of: Callable[[int], bytes]
) -> None:
    small, large = body_of(2_000), body_of(4_000)
    first, second = (calls_of(partial(parse, body), CheckoutError).total() for body in (small, large))
    assert second <= 2.1 * first + 50


@pytest.mark.parametrize(
    "body",
    [
        order(**{f"k{i}": i for i in range(22_000)}),
        initiate_with([{**GOOD, **{f"k{i}": i for i in range(40)}}] * 500),
        initiate_with([{"offer": {"id": "o", "version": "v", **{f"{i}": {} for i in range(20_000)}}}]),
        order(x=[{}] * 80_000),
    ],
    ids=["members", "members of items", "members of an offer", "entries of one member"],
)
def test_ignored_members_are_never_seen_by_a_model_and_the_answer_stays_small(body: bytes) -> None:
    parsed = parse_initiate(parse_body(body), LIMITS)
    assert len(json.dumps(parsed.members)) < 10_000
    assert calls_of(partial(lenient, body), CheckoutError)["_violation"] == 0


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b'{"order": {"orderItems": [], "customFields": {"n": ' + b"9" * 200_000 + b"}}}", 400),
        (b'{"order": {"orderItems": [], "customFields": {"n": ' + b"9" * 4300 + b"}}}", 200),
        (b'{"order": {"orderItems": [], "customFields": {"n": 1e999999}}}', 422),
        (b'{"order": {"orderItems": [], "customFields": {"n": -1e999999}}}', 422),
        (b'{"order": {"orderItems": [], "customFields": {"n": 1e-999999}}}', 200),
        (b'{"order": {"orderItems": [], "customFields": {"n": NaN}}}', 400),
        (b'{"order": {"orderItems": [], "customFields": {"n": Infinity}}}', 400),
        (b'{"order": {"orderItems": [], "source": "\\udc00"}}', 400),
        (b'\xef\xbb\xbf{"order": {"orderItems": []}}', 400),
        ('{"order": {"orderItems": []}}'.encode("utf-16"), 400),
        ('{"order": {"orderItems": [], "source": "é"}}'.encode("latin-1"), 400),
        (b'{"order": {"orderItems": []}} x', 400),
        (b"[" * 250_000, 400),
        (nested(31), 200),
        (nested(40), 422),
        (nested(190), 422),
        (nested(1000), 400),
        (initiate_with([{**GOOD, "quantity": 10**4000}]), 422),
        (order(source="\x00"), 422),
    ],
    ids=range(19),
)
def test_odd_values_are_kept_or_reported_and_never_quoted_at_length(text: bytes, status: int) -> None:
    told = answer_to(text)
    assert told["status"] == status
    assert len(json.dumps(told)) < 1000


def answer_to(body: bytes) -> dict[str, Any]:
    try:
        initiate(body)
    except CheckoutError as error:
        problem: dict[str, Any] = json.loads(to_problem(error).render())
        return problem
    return {"status": 200}


def test_long_names_and_values_are_cut() -> None:
    wrong = {"n" * 100_000: 1, "source": "x" * 100_000, "country": "y" * 10_000}
    assert len(json.dumps(answer_to(order(**wrong)))) < 9_000


def test_a_fingerprint_takes_linear_time_and_distinguishes_bodies() -> None:
    first, second = (
        calls_of(partial(digest, order(tracking={f"k{i}": [i] for i in range(n)}))).total() for n in (2_000, 4_000)
    )
    assert second <= 2.1 * first + 50
    large = [b'{"n": 12345678901234567890123}', b'{"n": 12345678901234567890124}', b'{"n": "1"}', b'{"n": 1}']
    assert len({digest(body) for body in large}) == len(large)
    assert digest(b'{"a": 1, "b": [2]}') == digest(b' {"b":[2],"a":1}')


@pytest.mark.parametrize(
    "value_of",
    [
        lambda n: ", ".join(['"7"'] * n),
        lambda n: ",".join(['W/"7"'] * n) + '"',
        lambda n: " \t" * n,
        lambda n: ", " * n,
        lambda n: '"' + "x" * n,
        lambda n: '"7"' + " " * n + "x",
        lambda n: '"k"' + ";a" * n + "!",
        lambda n: '"k"' + ";  " * n,
        lambda n: '"' + '\\"' * n,
        lambda n: '"k";a="' + "x" * n,
    ],
    ids=range(10),
)
def test_headers_are_read_in_linear_time(value_of: Callable[[int], str]) -> None:
    # A million characters: quadratic work would take minutes.
    value = value_of(500_000)
    for read in (
        lambda: read_preconditions({"if-match": value}),
        lambda: read_preconditions({"if-none-match": value}),
        lambda: read_idempotency_key({"idempotency-key": value}),
    ):
        with pytest.raises(InvalidHeader):
            read()
    small, large = (
        calls_of(partial(read_preconditions, {"if-match": value_of(n)}), InvalidHeader).total() for n in (400, 800)
    )
    assert large <= 2.1 * small + 50
