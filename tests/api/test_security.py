"""Who may call: tokens as the API takes them. `tests/adapters/identity` looks at tokens more closely."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from adapters.auth.local_issuer import public_jwks, signing_key
from adapters.settings import Settings
from tests.api.service import INITIATE, UPDATE, ApiCaller, Service, order_path, problem, validate_path
from tests.builders import basket_id
from tests.unprintable import UNPRINTABLE

CALLS = [
    ("POST", INITIATE),
    ("PUT", UPDATE),
    ("POST", validate_path(basket_id())),
    ("GET", order_path(basket_id())),
]


def token(settings: Settings, **changes: Any) -> str:
    """A good token of the local issuer, but for the changes; None takes a claim away."""
    now = datetime.now(UTC)
    claims = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "sub": "client-1",
        "exp": now + timedelta(minutes=5),
        "scope": "partner",
        "partner_org": "shop",
        **changes,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    kid = public_jwks(settings)["keys"][0]["kid"]
    return jwt.encode(kept, signing_key(settings.local_issuer_key_file), "EdDSA", headers={"kid": kid})


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer x", "Basic c2hvcDpzaG9w", "token"])
async def test_no_call_goes_without_a_token(service: Service, method: str, path: str, header: str | None) -> None:
    answer = await ApiCaller(service, header).send(method, path)
    assert problem(answer) == (401, "not_authenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_bad_token_is_told_apart_from_none(service: Service) -> None:
    bad, none = [await ApiCaller(service, header).order(basket_id()) for header in ("Bearer x.y.z", None)]
    assert 'error="invalid_token"' in bad.headers["www-authenticate"]
    assert "error" not in none.headers["www-authenticate"]


def crafted(settings: Settings, said: bytes, header: bytes | None = None) -> str:
    """A token of the local issuer whose claims and header are these bytes, which no library would sign."""
    kid = public_jwks(settings)["keys"][0]["kid"]
    parts = [header or json.dumps({"alg": "EdDSA", "kid": kid}).encode(), said]
    unsigned = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    signature = signing_key(settings.local_issuer_key_file).sign(unsigned.encode())
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    "changes",
    [
        *({"sub": subject} for subject in (*UNPRINTABLE, "\ud800", "x" * 300, 7, {"id": 1})),
        {"exp": float("nan")},
        {"exp": 1e300},
        {"exp": 10**30},
        {"exp": True},
        {"iat": 10**12},
        {"sub": None, "client_id": "a\x00"},
    ],
    ids=ascii,
)
async def test_a_signed_token_that_says_what_cannot_be_kept_is_refused(
    service: Service, changes: dict[str, Any]
) -> None:
    claims = jwt.decode(token(service.settings), options={"verify_signature": False}) | changes
    caller = ApiCaller(service, f"Bearer {crafted(service.settings, json.dumps(claims).encode())}")
    answer = await caller.send("POST", INITIATE, {"order": {"orderItems": []}})
    assert problem(answer) == (401, "not_authenticated")


@pytest.mark.parametrize("deep", [b"[" * 11_000, b'{"a":' * 2200, b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"])
async def test_a_token_that_is_nested_without_end_is_refused(service: Service, deep: bytes) -> None:
    for crafty in (crafted(service.settings, deep), crafted(service.settings, b"{}", deep)):
        answer = await ApiCaller(service, f"Bearer {crafty}").order(basket_id())
        assert problem(answer) == (401, "not_authenticated")


@pytest.mark.parametrize("organisation", [*UNPRINTABLE, "\ud800"], ids=ascii)
async def test_an_organisation_that_cannot_be_stored_allows_nothing(service: Service, organisation: str) -> None:
    claims = jwt.decode(token(service.settings), options={"verify_signature": False})
    said = json.dumps(claims | {"partner_org": organisation}).encode()
    answer = await ApiCaller(service, f"Bearer {crafted(service.settings, said)}").order(basket_id())
    assert answer.status_code in (401, 403)


async def test_the_schemes_name_is_read_in_any_case(service: Service) -> None:
    caller = ApiCaller(service, f"bearer {token(service.settings)}")
    assert (await caller.order(basket_id())).status_code == 404


@pytest.mark.parametrize("scope", [None, "", "operator", "partners", ["operator"], 7])
async def test_a_token_without_the_scope_is_not_enough(service: Service, scope: object) -> None:
    caller = ApiCaller(service, f"Bearer {token(service.settings, scope=scope)}")
    answer = await caller.order(basket_id())
    assert problem(answer) == (403, "not_allowed")
    assert 'error="insufficient_scope", scope="partner"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("organisation", [None, "", "x" * 129, "a\nb", 7, ["shop"]])
async def test_a_token_must_name_an_organisation(service: Service, organisation: object) -> None:
    caller = ApiCaller(service, f"Bearer {token(service.settings, partner_org=organisation)}")
    assert problem(await caller.order(basket_id())) == (403, "not_allowed")


async def test_the_claim_that_names_the_organisation_is_a_setting(service: Service) -> None:
    named = Service(service.settings.model_copy(update={"partner_claim": "org"}))
    good = ApiCaller(named, f"Bearer {token(named.settings, partner_org=None, org='shop')}")
    bad = ApiCaller(named, f"Bearer {token(named.settings)}")
    assert (await good.order(basket_id())).status_code == 404
    assert (await bad.order(basket_id())).status_code == 403


async def test_the_token_decides_whose_basket_it_is(service: Service) -> None:
    id = await ApiCaller(service, f"Bearer {token(service.settings)}").begin()
    again = ApiCaller(service, f"Bearer {token(service.settings, sub='client-2')}")
    assert (await again.order(id)).status_code == 200


async def test_events_name_the_caller_and_its_conversation(service: Service) -> None:
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    caller = ApiCaller(service, f"Bearer {token(service.settings)}")
    headers = {"traceparent": traceparent, "x-correlation-id": "order 12"}
    answer = await caller.send("POST", INITIATE, {"order": {"orderItems": []}}, headers)
    (event,) = await service.checkout.store.read_events(answer.json()["id"])
    metadata = json.loads(event.metadata)
    assert metadata.pop("causationId")
    assert metadata == {
        "partner": "shop",
        "actor": "client-1",
        "correlationId": "order 12",
        "traceparent": traceparent,
        "requestVersions": [1, 1],
    }
    assert answer.headers["x-correlation-id"] == "order 12"


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_while_no_token_can_be_checked_calls_are_told_when_to_try_again(
    service: Service, method: str, path: str
) -> None:
    missing = service.settings.model_copy(update={"jwt_key_file": Path("nowhere/keys.json")})
    caller = ApiCaller(Service(missing), f"Bearer {token(service.settings)}")
    answer = await caller.send(method, path)
    assert problem(answer) == (503, "keys_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
