"""What the API counts of its requests, where it tells it, and what that costs."""

from __future__ import annotations

import time

import pytest
from prometheus_client import REGISTRY
from starlette.types import Message

from adapters.settings import Settings
from api.http.request_metrics import RequestMetrics
from tests.api.service import INITIATE, ApiCaller, Service, order, order_path, wanted

TURNS = 24
CALLS = 60
DEAREST = 1.25
"""Of what a read costs without it, which is the cheapest request there is. The counting
alone takes 1.5 µs of about 110."""


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def requests(method: str, route: str, status: str) -> float:
    return counted("checkout_http_requests_total", method=method, route=route, status=status)


def commands(kind: str, outcome: str) -> float:
    return counted("checkout_commands_total", kind=kind, way="http", outcome=outcome)


async def test_requests_are_counted_by_route_and_status_and_commands_by_outcome(shop: ApiCaller) -> None:
    initiated = requests("POST", INITIATE, "200"), commands("initiate", "done")
    refused = requests("POST", INITIATE, "400"), commands("initiate", "refused")
    took = counted("checkout_http_request_duration_seconds_count", method="POST", route=INITIATE)

    basket_id = await shop.begin(wanted())
    assert (await shop.initiate(b"{")).status_code == 400

    assert (requests("POST", INITIATE, "200"), commands("initiate", "done")) == (
        initiated[0] + 1,
        initiated[1] + 1,
    )
    assert (requests("POST", INITIATE, "400"), commands("initiate", "refused")) == (
        refused[0] + 1,
        refused[1] + 1,
    )
    assert counted("checkout_http_request_duration_seconds_count", method="POST", route=INITIATE) == took + 2

    by_template = requests("GET", "/partner/checkout/{id}", "200")
    await shop.order(basket_id)
    assert requests("GET", "/partner/checkout/{id}", "200") == by_template + 1


async def test_requests_of_strangers_create_no_metric_series(service: Service) -> None:
    stranger = service.stranger()
    before = requests("other", "none", "404")
    for number in range(3):
        await stranger.send(f"METHOD{number}", f"/no/such/path/{number}")
    assert requests("other", "none", "404") == before + 3


async def test_partners_cannot_read_operators_metrics(shop: ApiCaller) -> None:
    answer = await shop.send("GET", "/metrics")
    assert answer.status_code == 404
    assert "checkout_" not in answer.text


class Blind(RequestMetrics):
    """Counts nothing."""

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        pass


async def order_read(service: Service, path: str, authorization: str) -> int:
    """The status of one read on the bare application: a client would cost more than what is measured."""
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"authorization", authorization.encode())],
    }
    await service.app(scope, receive, send)
    return statuses[0]


async def test_counting_adds_almost_no_time_to_a_request(settings: Settings) -> None:
    services = [Service(settings, requests=RequestMetrics()), Service(settings, requests=Blind())]
    asked = [
        (service, order_path(await service.caller().begin(wanted())), f"Bearer {service.token()}")
        for service in services
    ]
    took: list[list[float]] = [[], []]
    for _ in range(TURNS):
        for each, arguments in zip(took, asked, strict=True):
            began = time.process_time()
            for _ in range(CALLS):
                assert await order_read(*arguments) == 200
            each.append(time.process_time() - began)
    # The least of each: what disturbs a turn only ever makes it longer.
    ratio = min(took[0]) / min(took[1])
    assert ratio < DEAREST
    assert services[0].requests.answered > TURNS * CALLS


@pytest.mark.parametrize("body", [order(wanted()), order()])
async def test_every_response_is_counted_once(service: Service, shop: ApiCaller, body: object) -> None:
    before = service.requests.answered
    await shop.initiate(body)
    assert service.requests.answered == before + 1
