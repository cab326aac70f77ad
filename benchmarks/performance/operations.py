"""The calls that are measured, as whole HTTP requests that are ready to be sent.

An update is one action on a basket of three lines that was initiated for this turn: in alternation, `add` of an offer
that the basket holds (its quantity rises by one) and `change_quantity` of another line. Each stores one event.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

from benchmarks.http_connection import HttpConnection

LINES = 3
UPDATES = 8
"""Of each basket; a stock basket and one of Emmett get as many."""

Requests = Sequence[bytes]
Prepare = Callable[["Requester", int], Awaitable[Requests]]

_run = uuid.uuid4().hex[:12]
_numbers = itertools.count(1)


class CallFailed(Exception):
    """A server did not answer 200. The message says what it answered."""


class Requester:
    """Makes requests with the caller's token, and makes the calls that come before the measured ones."""

    def __init__(self, connection: HttpConnection, token: str) -> None:
        self._connection = connection
        self._token = token

    def request(self, method: str, path: str, body: Any = None, *headers: str) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {self._token}",
            *(("Content-Type: application/json",) if content else ()),
            f"Content-Length: {len(content)}",
            *headers,
        ]
        return "\r\n".join([*lines, "", ""]).encode() + content

    async def call(self, request: bytes) -> dict[str, Any]:
        """Raises CallFailed."""
        answer = await self._connection.request(request)
        if answer.status != 200:
            raise CallFailed(f"{answer.status}: {answer.body[:500].decode(errors='replace')}")
        content: dict[str, Any] = json.loads(answer.body)
        return content


async def _hello(to: Requester, calls: int) -> Requests:
    return [to.request("GET", "/")] * calls


async def _initiate(to: Requester, calls: int) -> Requests:
    return [_initiate_request(to, 1) for _ in range(calls)]


async def _get(to: Requester, calls: int) -> Requests:
    paths = [f"/partner/checkout/{await _basket(to)}" for _ in range(_baskets(calls))]
    return [to.request("GET", path) for path in itertools.islice(itertools.cycle(paths), calls)]


async def _validate(to: Requester, calls: int) -> Requests:
    return [to.request("POST", f"/partner/checkout/validate/{await _basket(to)}") for _ in range(calls)]


async def _update(to: Requester, calls: int) -> Requests:
    return await _updates(to, calls, keyed=False)


async def _keyed_update(to: Requester, calls: int) -> Requests:
    return await _updates(to, calls, keyed=True)


async def _updates(to: Requester, calls: int, *, keyed: bool) -> Requests:
    made: list[list[bytes]] = []
    for _ in range(_baskets(calls)):
        id = await _basket(to)
        order = (await to.call(to.request("GET", f"/partner/checkout/{id}")))["order"]
        line = order["orderItems"][-1]["id"]
        landing = landing_cookie(id)
        requests = []
        for number in range(UPDATES):
            headers = (landing, f"Idempotency-Key: {uuid.uuid4()}") if keyed else (landing,)
            body = add_body() if number % 2 == 0 else change_body(line, 3 + number)
            requests.append(to.request("PUT", "/partner/checkout/update", body, *headers))
        made.append(requests)
    return [request for turn in zip(*made, strict=True) for request in turn][:calls]


def add_body() -> dict[str, Any]:
    """One more of an offer that the basket holds."""
    offer = {"id": "0-0", "version": "v-1"}
    return {"orderItemActions": [{"orderItemActionType": "add", "offer": offer, "quantity": 1, "type": "offer"}]}


def change_body(line: str, quantity: int) -> dict[str, Any]:
    return {"orderItemActions": [{"orderItemActionType": "change_quantity", "id": line, "quantity": quantity}]}


def landing_cookie(id: str) -> str:
    """The header."""
    return "Cookie: landing_state=" + quote(json.dumps({"basketId": id}, separators=(",", ":")), safe="")


async def _floor(to: Requester, calls: int) -> Requests:
    """The same bodies; the floor knows no baskets."""
    bodies = add_body(), change_body(str(uuid.uuid4()), 3)
    made = [to.request("PUT", "/partner/checkout/update", body) for body in bodies]
    return list(itertools.islice(itertools.cycle(made), calls))


async def _peer_update(to: Requester, calls: int) -> Requests:
    ids = [(await to.call(to.request("POST", "/initiate")))["id"] for _ in range(_baskets(calls))]
    return [
        to.request("PUT", "/update", {"id": id, "line": LINES - 1, "quantity": 3 + number})
        for number in range(UPDATES)
        for id in ids
    ][:calls]


async def _basket(to: Requester) -> str:
    id: str = (await to.call(_initiate_request(to, LINES)))["id"]
    return id


def _initiate_request(to: Requester, lines: int) -> bytes:
    return to.request("POST", "/partner/checkout/initiate", initiate_body(lines))


def initiate_body(lines: int) -> dict[str, Any]:
    """Of a new basket."""
    items = [{"offer": {"id": f"0-{number}", "version": "v-1"}, "quantity": 2} for number in range(lines)]
    reference = f"order-{_run}-{next(_numbers)}"
    order = {"orderItems": items, "country": "GB", "currency": "GBP", "external_id": reference}
    return {"order": order}


def _baskets(calls: int) -> int:
    return -(-calls // UPDATES)


OPERATIONS: dict[str, Prepare] = {
    "hello": _hello,
    "floor": _floor,
    "initiate": _initiate,
    "update": _update,
    "update with a key": _keyed_update,
    "get": _get,
    "validate": _validate,
    "peer update": _peer_update,
}
"""Each makes one caller's requests. No other caller touches its baskets."""
