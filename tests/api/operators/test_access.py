"""Who may call the operator API, and the responses to all others."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate as validate_document

from api.operators.app import OPERATOR_API_PATH
from tests.api.operators.operator_api import OperatorApiFixture
from tests.api.service import problem
from tests.builders import basket_id

ID = basket_id()
CALLS = [
    ("GET", "/baskets"),
    ("GET", f"/baskets/{ID}"),
    ("GET", f"/baskets/{ID}/history"),
    ("GET", f"/baskets/{ID}/differences?from=1&to=2"),
    ("GET", f"/baskets/{ID}/verdicts"),
    ("GET", f"/baskets/{ID}/verdicts/3"),
    ("GET", f"/baskets/{ID}/verification"),
    ("POST", f"/baskets/{ID}/forget"),
    ("GET", "/status"),
    ("GET", "/dead-letters"),
    ("GET", "/dead-letters/counts"),
    ("GET", "/dead-letters/1"),
    ("POST", "/dead-letters/1/retry"),
    ("POST", "/dead-letters/1/skip"),
    ("GET", "/rebuilds"),
    ("GET", "/rebuilds/1"),
    ("POST", "/rebuilds"),
    ("POST", "/rebuilds/1/cancel"),
    ("POST", "/rebuilds/roll-back"),
    ("POST", "/rebuilds/abandon"),
    ("GET", "/audit"),
]


def test_the_list_of_calls_is_complete(api: OperatorApiFixture) -> None:
    described = {
        (method.upper(), path.removeprefix(OPERATOR_API_PATH))
        for path, operations in api.app.openapi()["paths"].items()
        for method in operations
    }
    assert {method for method, _ in described} == {"GET", "POST"}
    assert len(described) == len(CALLS)


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x.y.z", "Basic b3BlcmF0b3I6"])
async def test_every_call_needs_a_token(api: OperatorApiFixture, method: str, path: str, header: str | None) -> None:
    async with api.client(header) as stranger:
        answer = await stranger.request(method, path, content=b"{no json")
    assert problem(answer) == (401, "not_authenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("scope", ["partner", "", "operators", "Operator"])
async def test_a_partners_token_is_not_enough(api: OperatorApiFixture, method: str, path: str, scope: str) -> None:
    async with api.client(f"Bearer {api.token(scope=scope, partner='acme')}") as partner:
        answer = await partner.request(method, path)
    assert problem(answer) == (403, "not_allowed")
    assert 'scope="operator"' in answer.headers["www-authenticate"]


async def test_responses_must_not_be_cached(operator: httpx.AsyncClient) -> None:
    assert (await operator.get("/audit")).headers.get("cache-control") == "no-store"


async def test_a_token_with_both_scopes_is_accepted(api: OperatorApiFixture) -> None:
    async with api.client(f"Bearer {api.token(scope='partner operator', partner='acme')}") as both:
        assert (await both.get("/audit")).status_code == 200


async def test_unknown_paths_and_methods_are_problems(operator: httpx.AsyncClient) -> None:
    assert problem(await operator.get("/nothing")) == (404, "not_found")
    refused = await operator.delete("/audit")
    assert problem(refused) == (405, "method_not_allowed")
    assert refused.headers["allow"] == "GET"


async def test_malformed_json_and_a_wrong_body_are_different_problems(operator: httpx.AsyncClient) -> None:
    path, json = "/dead-letters/1/skip", {"content-type": "application/json"}
    assert problem(await operator.post(path, content=b"{", headers=json)) == (400, "malformed_json")
    wrong = await operator.post(path, json={"reason": "   "})
    assert problem(wrong) == (422, "invalid_request")
    assert wrong.json()["errors"] == [{"pointer": "/body/reason", "code": "value_error", "message": "say why"}]


DOCUMENTS = ["/openapi.json", "/docs", "/docs-assets/swagger-ui.css", "/docs-assets/nothing", "/nothing", "/"]


@pytest.mark.parametrize("path", DOCUMENTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
async def test_the_documentation_needs_an_operators_token(api: OperatorApiFixture, method: str, path: str) -> None:
    async with api.client(None) as stranger:
        assert (await stranger.request(method, path)).status_code == 401
    async with api.client(f"Bearer {api.token(scope='partner', partner='acme')}") as partner:
        assert (await partner.request(method, path)).status_code == 403


async def test_the_openapi_document_is_valid(operator: httpx.AsyncClient) -> None:
    document = (await operator.get("/openapi.json")).json()
    page = await operator.get("/docs")
    assets = await operator.get("/docs-assets/swagger-ui.css")
    validate_document(document)
    assert page.status_code == assets.status_code == 200
    assert "://" not in page.text.replace("http://www.w3.org", "")
    assert all(_is_secured(call) for path in document["paths"].values() for call in path.values())


def _is_secured(call: dict[str, Any]) -> bool:
    return call["security"] == [{"operatorToken": []}] and {"401", "403", "503"} <= set(call["responses"])
