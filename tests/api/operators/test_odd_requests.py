"""Requests that PostgreSQL or a command line could not process are rejected."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.api.operators.operator_api import OperatorApiFixture
from tests.api.service import problem
from tests.builders import item
from tests.unprintable import UNPRINTABLE

LARGE = 10**30
ODD = [
    "/baskets?partner=%00",
    "/baskets?externalId=a%00b",
    "/baskets?cursor=%00",
    f"/baskets?partner={'x' * 129}",
    "/baskets?cursor=W10",
    "/baskets?createdFrom=0001-01-01T00:00:00%2B14:00",
    "/baskets?createdUntil=9999-12-31T23:59:59-14:00",
    "/audit?before=0001-01-01T00:00:00%2B14:00",
    "/audit?before=9999-12-31T23:59:59-14:00",
    f"/dead-letters?cursor={LARGE}",
    "/dead-letters?topic=%00",
    f"/dead-letters/{LARGE}",
    "/rebuilds/%00",
    f"/rebuilds/{'x' * 5000}",
]
LATE = [f"?version={LARGE}", f"/verdicts/{LARGE}", f"/differences?from=1&to={LARGE}"]


@pytest.mark.parametrize("path", ODD)
async def test_unusable_parameters_are_rejected(operator: httpx.AsyncClient, path: str) -> None:
    assert (await operator.get(path)).status_code == 422


@pytest.mark.parametrize("path", LATE)
async def test_unknown_versions_are_not_found(api: OperatorApiFixture, operator: httpx.AsyncClient, path: str) -> None:
    id = await api.fill(item("o-1"))
    assert problem(await operator.get(f"/baskets/{id}{path}")) == (404, "nothing_then")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"reason":' * 20_000,
        b'{"reason":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b"\xff",
        b"{",
        b'{"reason": "\\ud800"}',
        b'{"reason": NaN}',
        b'\xef\xbb\xbf{"reason": "x"}',
    ],
    ids=lambda body: body[:12],
)
async def test_unparsable_bodies_are_malformed_json(operator: httpx.AsyncClient, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await operator.post("/dead-letters/1/skip", content=body, headers=headers)
    assert problem(answer) == (400, "malformed_json")


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/dead-letters/1/skip", b'{"reason": "one", "reason": "two"}', "/body/reason"),
        ("/rebuilds", b'{"target": "catalogue", "target": "basket-views", "reason": "x"}', "/body/target"),
        ("/baskets/x/forget", b'{"reason": "x", "more": [{"a": 1, "\\u0061": 2}]}', "/body/more/0/a"),
    ],
)
async def test_a_repeated_member_is_rejected_with_its_place(
    operator: httpx.AsyncClient, path: str, body: bytes, pointer: str
) -> None:
    answer = await operator.post(path, content=body, headers={"content-type": "application/json"})
    assert problem(answer) == (400, "repeated_member")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_a_compressed_body_is_rejected(operator: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = await operator.post("/dead-letters/1/skip", content=b"x", headers=headers)
    assert problem(answer) == (415, "unsupported_content_encoding")
    assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("text", [text for text in UNPRINTABLE if text != "a\nb"], ids=ascii)
async def test_unstorable_reasons_are_rejected(operator: httpx.AsyncClient, text: str) -> None:
    body = json.dumps({"reason": text}).encode()
    headers = {"content-type": "application/json"}
    answer = await operator.post("/dead-letters/1/skip", content=body, headers=headers)
    assert problem(answer) == (422, "invalid_request")


@pytest.mark.parametrize("reason", [b'"a\\u0000b"', b'""', b"7", b"null", b'"' + b"x" * 501 + b'"'])
async def test_unusable_reasons_are_rejected(operator: httpx.AsyncClient, reason: bytes) -> None:
    body = b'{"reason": ' + reason + b"}"
    answer = await operator.post("/dead-letters/1/skip", content=body, headers={"content-type": "application/json"})
    assert problem(answer) == (422, "invalid_request")


@pytest.mark.parametrize(
    "odd",
    [
        {"partner": "a\x00b"},
        {"baskets": ["--abandon"]},
        {"baskets": ["basket-1\n"]},
        {"since": "9999-12-31T23:59:59-14:00"},
        {"workers": 0},
        {"rate": -1},
        {"target": "events"},
    ],
)
async def test_an_invalid_rebuild_request_starts_nothing(operator: httpx.AsyncClient, odd: dict[str, object]) -> None:
    wanted = {"target": "basket-views", "reason": "to see", **odd}
    assert problem(await operator.post("/rebuilds", json=wanted)) == (422, "invalid_request")
    assert (await operator.get("/rebuilds")).json()["rebuilds"] == []
