"""What goes wrong apart from the request itself, and what is no call at all."""

from __future__ import annotations

import json
from typing import NoReturn

import pytest

from adapters.http.limit_problems import LimitProblems
from adapters.settings import Settings
from api.operators.problems import RebuildNotFound, operator_problem
from api.partner.openapi.examples import problem_samples
from domain.basket.command_executor import VersionConflict
from domain.shared.errors import StoreUnavailable
from tests.api.conftest import LogLines
from tests.api.failures import FailingHandlers
from tests.api.service import (
    INITIATE,
    UPDATE,
    ApiCaller,
    Service,
    actions,
    add,
    cookie_header,
    order,
    order_path,
    problem,
    validate_path,
    wanted,
)
from tests.builders import InMemoryCheckout, basket, basket_id, line
from tests.fakes.event_store import InMemoryEventStore

CALLS: list[tuple[str, str, object]] = [
    ("POST", INITIATE, order()),
    ("PUT", UPDATE, actions(add())),
    ("POST", validate_path(basket_id()), None),
    ("GET", order_path(basket_id()), None),
]


class UnavailableEventStore(InMemoryEventStore):
    """A store that cannot look up responses."""

    async def find_response(self, scope: str, key: str) -> NoReturn:
        raise StoreUnavailable("10.1.2.3:5432 refused")


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_a_store_that_is_away_is_told_with_when_to_try_again(
    service: Service, method: str, path: str, body: object
) -> None:
    failing = Service(service.settings, handlers=FailingHandlers(StoreUnavailable("10.1.2.3:5432 refused")))
    answer = await failing.caller().send(method, path, body, cookie_header(basket_id()))
    assert problem(answer) == (503, "store_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert "10.1.2.3" not in answer.text


@pytest.mark.parametrize(("method", "path", "body"), CALLS[:3])
async def test_a_store_that_is_away_is_told_of_keyed_calls_too(
    service: Service, method: str, path: str, body: object
) -> None:
    failing = Service(service.settings, InMemoryCheckout(make_store=UnavailableEventStore))
    headers = {**cookie_header(basket_id()), "idempotency-key": "k"}
    answer = await failing.caller().send(method, path, body, headers)
    assert problem(answer) == (503, "store_unavailable")
    assert "retry-after" in answer.headers


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_an_error_of_ours_says_nothing_of_itself_and_is_logged_with_the_trace(
    service: Service, log_lines: LogLines, method: str, path: str, body: object
) -> None:
    failing = Service(service.settings, handlers=FailingHandlers(RuntimeError("the inside")))
    answer = await failing.caller().send(method, path, body, cookie_header(basket_id()))
    assert problem(answer) == (500, "internal_error")
    assert "inside" not in answer.text
    assert "Traceback" not in answer.text
    (failure,) = [line for line in log_lines() if line["event"] == "unexpected_failure"]
    assert failure["trace"] == answer.headers["x-correlation-id"]
    assert "RuntimeError: the inside" in failure["exception"]


async def test_a_conflict_that_does_not_end_is_told_with_the_order_as_it_is(service: Service) -> None:
    held = basket(line(), id=basket_id())
    failing = Service(service.settings, handlers=FailingHandlers(VersionConflict(held)))
    for method, path, body in CALLS[:3]:
        answer = await failing.caller().send(method, path, body, cookie_header(basket_id()))
        assert problem(answer) == (409, "conflict")
        assert answer.json()["version"] == held.version
        assert [item["id"] for item in answer.json()["order"]["orderItems"]] == ["line-1"]
        assert answer.headers["etag"] == f'"{held.version}"'


@pytest.mark.parametrize(
    "path",
    ["/", "/partner", "/partner/checkout/", f"{INITIATE}/", "/partner/checkout/a/b"],
)
async def test_an_unknown_path_is_told_as_a_problem(shop: ApiCaller, path: str) -> None:
    assert problem(await shop.send("GET", path)) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", INITIATE, "POST"),
        ("DELETE", INITIATE, "POST"),
        ("POST", UPDATE, "PUT"),
        ("GET", UPDATE, "PUT"),
        ("GET", validate_path(basket_id()), "POST"),
        ("PUT", order_path(basket_id()), "GET, HEAD"),
        ("OPTIONS", order_path(basket_id()), "GET, HEAD"),
        ("POST", "/health/live", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_path_does_not_take_is_told_with_those_it_does(
    shop: ApiCaller, method: str, path: str, allowed: str
) -> None:
    answer = await shop.send(method, path)
    assert problem(answer) == (405, "method_not_allowed")
    assert sorted(answer.headers["allow"].split(", ")) == sorted(allowed.split(", "))


async def test_every_answer_bears_the_conversations_id(service: Service, shop: ApiCaller) -> None:
    given = await shop.send("GET", "/nowhere", headers={"x-correlation-id": "order-12"})
    assert given.headers["x-correlation-id"] == "order-12"
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    traced = await shop.order(basket_id(), traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    assert traced.headers["x-correlation-id"] == trace


async def test_a_trace_of_a_later_version_is_taken_up(shop: ApiCaller) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    traced = await shop.order(basket_id(), traceparent=f"cc-{trace}-00f067aa0ba902b7-01-what-the-future")
    assert traced.headers["x-correlation-id"] == trace


@pytest.mark.parametrize("id", ["", "x" * 129, "tab\there"])
async def test_a_correlation_id_that_is_none_gives_way_to_the_trace_id(shop: ApiCaller, id: str) -> None:
    answer = await shop.send("GET", "/nowhere", headers={"x-correlation-id": id})
    assert len(answer.headers["x-correlation-id"]) == 32


def test_every_problem_has_its_detail_as_message_too(settings: Settings) -> None:
    problems = [
        *problem_samples().values(),
        *(each.problem for each in vars(LimitProblems(settings)).values()),
        operator_problem(RebuildNotFound("r-1")),
    ]
    for each in problems:
        document = json.loads(each.render())
        assert document["message"] == document["detail"]
        assert document["message"]


@pytest.mark.parametrize(
    "traceparent",
    [
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "garbage",
    ],
)
async def test_a_trace_that_is_none_gives_way_to_a_new_one(shop: ApiCaller, traceparent: str) -> None:
    answer = await shop.order(basket_id(), traceparent=traceparent)
    assert answer.headers["x-correlation-id"] not in traceparent


async def test_the_process_lives_and_says_whether_it_is_ready(service: Service) -> None:
    async def raises() -> bool:
        raise StoreUnavailable("away")

    async def says_no() -> bool:
        return False

    assert (await service.stranger().send("GET", "/health/live")).status_code == 200
    assert (await service.stranger().send("GET", "/health/ready")).status_code == 200
    for unready in (raises, says_no):
        stranger = Service(service.settings, InMemoryCheckout(), ready=unready).stranger()
        answer = await stranger.send("GET", "/health/ready")
        assert problem(answer) == (503, "unavailable")
        assert "retry-after" in answer.headers
        assert (await stranger.send("GET", "/health/live")).status_code == 200


@pytest.mark.parametrize("key", [{}, {"idempotency_key": "k"}], ids=["no key", "a key"])
async def test_the_line_of_a_refused_initiate_names_no_basket_that_never_was(
    shop: ApiCaller, log_lines: LogLines, key: dict[str, str]
) -> None:
    await shop.initiate(order(external_id="E-1"))
    log_lines()
    answer = await shop.initiate(order(external_id="E-1"), if_none_match="*", **key)
    assert answer.status_code == 412
    assert [line["basket"] for line in log_lines() if line["event"] == "request"] == [None]


async def test_a_request_leaves_one_line_that_tells_no_secret(shop: ApiCaller, log_lines: LogLines) -> None:
    secret = {"customFields": {"email": "jane@example.org"}}
    answer = await shop.initiate(order(wanted(), **secret))
    lines = log_lines()
    (written,) = [each for each in lines if each["event"] == "request"]
    assert written["route"] == INITIATE
    assert (written["method"], written["status"]) == ("POST", 200)
    assert (written["basket"], written["organisation"]) == (answer.json()["id"], "shop")
    assert len(written["trace"]) == 32
    assert written["duration_ms"] >= 0
    told = json.dumps(lines)
    assert "jane" not in told
    assert "eyJ" not in told
