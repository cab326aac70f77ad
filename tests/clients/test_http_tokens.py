"""A token comes as a string or from a provider, which is asked again once after a 401."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from checkout_client import CheckoutClient, UnauthorizedProblem
from tests.clients.scripted_service import BASKET, ScriptedService, answer, problem

REFUSED = problem(401, "not_authenticated", WWW_Authenticate='Bearer realm="partner-checkout", error="invalid_token"')


class Provider:
    """Gives t-1, t-2 and so on."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        return f"t-{self.asked}"

    async def slowly(self) -> str:
        await asyncio.sleep(0)
        return self()


def tokens(service: ScriptedService) -> list[str | None]:
    return [request.headers.get("Authorization") for request in service.sent]


@pytest.mark.parametrize("provider_of", [lambda provider: provider, lambda provider: provider.slowly])
async def test_a_refused_token_is_asked_for_again_once(provider_of: Callable[[Provider], object]) -> None:
    service = ScriptedService([answer(), REFUSED, answer(), answer()])
    client = service.client(provider_of(Provider()))
    for _ in range(3):
        await client.validate(BASKET)
    assert tokens(service) == ["Bearer t-1", "Bearer t-1", "Bearer t-2", "Bearer t-2"]
    assert service.keys[1] == service.keys[2]


async def test_a_second_refusal_is_raised() -> None:
    service = ScriptedService([REFUSED])
    provider = Provider()
    with pytest.raises(UnauthorizedProblem) as raised:
        await service.client(provider).validate(BASKET)
    assert raised.value.headers["WWW-Authenticate"].endswith('error="invalid_token"')
    assert (len(service.sent), provider.asked) == (2, 2)


async def test_a_provider_that_has_no_other_token_is_not_tried_again() -> None:
    for token in ("t-1", lambda: "t-1"):
        service = ScriptedService([REFUSED])
        with pytest.raises(UnauthorizedProblem):
            await service.client(token).validate(BASKET)
        assert len(service.sent) == 1


async def test_calls_at_once_share_one_question() -> None:
    service = ScriptedService([answer()])
    provider = Provider()
    client = service.client(provider.slowly)
    await asyncio.gather(*(client.validate(BASKET) for _ in range(5)))
    assert provider.asked == 1


async def test_calls_that_are_refused_at_once_share_one_new_token() -> None:
    provider = Provider()

    async def react(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return REFUSED if request.headers["Authorization"] == "Bearer t-1" else answer()

    http = httpx.AsyncClient(transport=httpx.MockTransport(react))
    client = CheckoutClient("http://checkout.test", provider.slowly, http=http)
    await asyncio.gather(*(client.validate(BASKET) for _ in range(5)))
    assert provider.asked == 2


async def test_an_error_of_the_provider_is_the_callers_own() -> None:
    def broken() -> str:
        raise RuntimeError("no issuer")

    service = ScriptedService([answer()])
    with pytest.raises(RuntimeError, match="no issuer"):
        await service.client(broken).validate(BASKET)
    assert service.sent == []


async def test_without_a_token_the_http_client_authorizes() -> None:
    service = ScriptedService([answer()])
    http = httpx.AsyncClient(transport=service.transport, auth=("gate", "secret"))
    await service.client(None, http=http).validate(BASKET)
    assert str(tokens(service)[0]).startswith("Basic ")


def test_a_synchronous_client_asks_its_provider_again_too() -> None:
    service = ScriptedService([answer(), REFUSED, answer()])
    client = service.sync_client(Provider())
    client.validate(BASKET)
    client.validate(BASKET)
    assert tokens(service) == ["Bearer t-1", "Bearer t-1", "Bearer t-2"]


def test_a_synchronous_client_takes_no_asynchronous_provider() -> None:
    async def given() -> str:
        return "t-1"

    def wrapped() -> object:
        coroutine = given()
        coroutine.close()
        return coroutine

    with pytest.raises(TypeError, match="returns a string"):
        ScriptedService([answer()]).sync_client(wrapped).validate(BASKET)
