"""Members that a model does not know are separated from those that it knows."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from adapters.wire.action_requests import UpdateRequest
from adapters.wire.known_members import MAX_IGNORED, keep_known
from adapters.wire.prefer_header import Handling
from adapters.wire.request_errors import InvalidRequest
from adapters.wire.request_parser import parse_initiate
from adapters.wire.requests import CancelRequest, InitiateRequest, RequestLimits
from adapters.wire.strict_json import MAX_POINTER_LENGTH, pointer
from tests.work_counter import calls_of

LINE = {"offer": {"id": "o-1", "version": "v-1"}}
CASES: list[tuple[type[BaseModel], Any, Any, list[str]]] = [
    (InitiateRequest, {"order": {"orderItems": [LINE]}}, {"order": {"orderItems": [LINE]}}, []),
    (
        InitiateRequest,
        {
            "order": {
                "orderItems": [{"offer": {**LINE["offer"], "data": {"a": {"b": 1}}}, "name": "x"}, LINE],
                "user": 1,
            }
        },
        {"order": {"orderItems": [LINE, LINE]}},
        ["/order/orderItems/0/offer/data", "/order/orderItems/0/name", "/order/user"],
    ),
    (
        InitiateRequest,
        {"order": {"tracking": {"any": {"thing": 1}}, "deliveryDetails": {"x": 1}}, "a~/b": 1, "": 2},
        {"order": {"tracking": {"any": {"thing": 1}}, "deliveryDetails": {"x": 1}}},
        ["/a~0~1b", "/"],
    ),
    (InitiateRequest, [1], [1], []),
    (InitiateRequest, {"order": [{"a": 1}]}, {"order": [{"a": 1}]}, []),
    (
        UpdateRequest,
        {"orderItemActions": [{"orderItemActionType": "remove", "id": "x", "offer": {}}, 3]},
        {"orderItemActions": [{"orderItemActionType": "remove", "id": "x"}, 3]},
        ["/orderItemActions/0/offer"],
    ),
    (
        UpdateRequest,
        {"orderItemActions": [{"orderItemActionType": "dance", "id": "x"}, {"orderItemActionType": ["add"]}]},
        {"orderItemActions": [{"orderItemActionType": "dance", "id": "x"}, {"orderItemActionType": ["add"]}]},
        [],
    ),
    (
        CancelRequest,
        {"reason": {"code": "left", "by": 1}, "x": None},
        {"reason": {"code": "left"}},
        ["/reason/by", "/x"],
    ),
]


@pytest.mark.parametrize(("model", "content", "known", "pointers"), CASES)
def test_unknown_members_are_named_by_their_topmost_pointer_and_not_kept(
    model: type[BaseModel], content: Any, known: Any, pointers: list[str]
) -> None:
    before = json.dumps(content)
    kept, ignored = keep_known(model, content)
    assert (kept, ignored.pointers, ignored.more) == (known, pointers, 0)
    assert json.dumps(content) == before


def test_a_body_without_unknown_members_is_not_copied() -> None:
    content: Any = {"order": {"orderItems": [LINE], "tracking": {"a": 1}}}
    assert keep_known(InitiateRequest, content)[0] is content


def test_a_hundred_are_named_and_the_others_counted() -> None:
    _, ignored = keep_known(InitiateRequest, {"order": {f"k{i}": i for i in range(22_000)}})
    assert (len(ignored.pointers), ignored.more) == (MAX_IGNORED, 22_000 - MAX_IGNORED)


def test_a_pointer_is_cut() -> None:
    _, ignored = keep_known(InitiateRequest, {"order": {"x" * 5_000: 1}})
    assert [len(each) for each in ignored.pointers] == [MAX_POINTER_LENGTH]


def test_a_deep_unknown_member_is_not_entered() -> None:
    deep: Any = 1
    for _ in range(190):
        deep = {"a": deep}
    assert keep_known(InitiateRequest, {"order": {"deep": deep}})[1].pointers == ["/order/deep"]


def test_ignored_members_cost_no_errors_of_the_model() -> None:
    content: Any = {"order": {f"k{i}": i for i in range(22_000)}}
    assert calls_of(partial(parse_initiate, content, RequestLimits()), InvalidRequest)["_violation"] == 0


_NAMES = st.sampled_from(["order", "orderItems", "offer", "id", "version", "quantity", "tracking", "data", "x"])
_BODIES = st.recursive(
    st.none() | st.integers(0, 3) | st.just("o-1"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=20,
)


def unknown_fields(body: Any) -> set[str]:
    """What strict handling refuses as unknown."""
    try:
        parse_initiate(body, RequestLimits(), handling=Handling("strict"))
    except InvalidRequest as refused:
        return {pointer(each.location) for each in refused.violations if each.code == "unknown_field"}
    return set()


@given(_BODIES)
def test_lenient_and_strict_handling_agree_on_what_is_known(body: Any) -> None:
    known, ignored = keep_known(InitiateRequest, body)
    assert bool(ignored) == (known != body)
    assert unknown_fields(known) == set()
    assert unknown_fields(body) == set(ignored.pointers)
