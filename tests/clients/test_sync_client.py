"""The client without asyncio is the twin of the other one."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest

from checkout_client import CheckoutClient, PreconditionFailedProblem, SyncCheckoutClient
from tests.clients.scripted_service import BASKET, ScriptedService, answer, problem

ASYNC_ONLY = {"aclose", "promise_checker"}
SYNC_ONLY = {"close"}


def calls(client: type) -> dict[str, Callable[..., object]]:
    return {name: call for name, call in inspect.getmembers(client, inspect.isfunction) if not name.startswith("_")}


def test_both_clients_have_the_same_calls_with_the_same_options_and_words() -> None:
    asynchronous, synchronous = calls(CheckoutClient), calls(SyncCheckoutClient)
    assert asynchronous.keys() - ASYNC_ONLY == synchronous.keys() - SYNC_ONLY
    for name in asynchronous.keys() - ASYNC_ONLY:
        one, other = inspect.signature(asynchronous[name]), inspect.signature(synchronous[name])
        assert str(one.replace(return_annotation="")) == str(other.replace(return_annotation="")), name
        assert str(one.return_annotation).removeprefix("Async") == other.return_annotation, name
        if name != "promise_keys":
            assert asynchronous[name].__doc__ == synchronous[name].__doc__, name


def test_it_calls_without_asyncio() -> None:
    service = ScriptedService([*[answer()] * 5, answer(body={"baskets": [], "next": None}), answer(body={"keys": []})])
    with service.sync_client() as client:
        assert client.initiate({"order": {}}).id == BASKET
        client.update(BASKET, {"orderItemActions": []}, if_match=3)
        client.validate(BASKET)
        client.cancel(BASKET, {"reason": "x"})
        client.get(BASKET)
        assert list(client.list_baskets()) == []
        assert len(client.promise_keys()) == 0
    assert [request.method for request in service.sent] == ["POST", "PUT", "POST", "POST", "GET", "GET", "GET"]


def test_it_raises_problems() -> None:
    service = ScriptedService([problem(412, "version_mismatch", {"version": 4})])
    with pytest.raises(PreconditionFailedProblem) as raised, service.sync_client() as client:
        client.update(BASKET, {"orderItemActions": []}, if_match=3)
    assert raised.value.version == 4


def test_it_makes_a_basket_ready() -> None:
    remedy = {"ifMatch": '"7"', "orderItemActions": [{"orderItemActionType": "remove", "id": "i"}], "leadsTo": {}}
    verdicts = [{"id": BASKET, "ready": False, "remedy": remedy}, {"id": BASKET, "ready": True, "promise": "p"}]
    service = ScriptedService([answer(body=verdicts[0]), answer(), answer(body=verdicts[1])])
    mended = service.sync_client().make_ready(BASKET)
    assert (mended.ready, mended.promise, mended.outcome) == (True, "p", "ready")
    assert [change.remedy for change in mended.changes] == [remedy]
