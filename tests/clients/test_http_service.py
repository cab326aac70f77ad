"""Every call, and every problem that the service has, by its real answers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checkout_client import (
    NO_RETRIES,
    CheckoutClient,
    CheckoutProblem,
    ConflictProblem,
    ForbiddenProblem,
    InvalidRequestProblem,
    NotFoundProblem,
    PreconditionFailedProblem,
    PromiseChecker,
    PromiseRefused,
    RemoteJwkSet,
    RequestInProgressProblem,
    UnauthorizedProblem,
    UnavailableProblem,
)
from domain.basket.command_executor import VersionConflict
from domain.shared.errors import StoreUnavailable
from tests.api.failures import FailingHandlers, HeldStore
from tests.api.partner.test_promise_keys import PromisingService
from tests.api.service import Service, actions, add, clear, order, wanted
from tests.builders import NOW, InMemoryCheckout, basket, basket_id, caller, line
from tests.clients.conftest import client_of, http_client
from tests.clients.scripted_service import URL

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def begun(client: CheckoutClient, *items: dict[str, Any], **details: Any) -> str:
    return (await client.initiate(order(*items, country="GB", currency="GBP", **details))).id


async def test_a_basket_from_initiate_to_cancel(client: CheckoutClient) -> None:
    begin = await client.initiate(order(wanted("o-1", 2), country="GB", currency="GBP", external_id="E-1"))
    updated = await client.update(begin.id, actions(add("o-2")), if_match=begin.version)
    assert [result.status for result in updated.value.action_results] == ["applied"]
    verdict = await client.validate(begin.id)
    assert verdict.value.ready
    assert str(verdict.value.checkout.total and verdict.value.checkout.total.amount) == "25.00"
    got = await client.get(begin.id)
    assert (got.value.order.external_id, got.version) == ("E-1", verdict.version)
    assert (await client.get(begin.id, if_none_match=got.version)).not_modified
    cancelled = await client.cancel(begin.id, {"reason": {"code": "changed_mind"}})
    assert cancelled.value.order.status == "cancelled"


async def test_own_baskets_are_listed_over_all_pages(service: Service, client: CheckoutClient) -> None:
    ids = {await begun(client, external_id=f"E-{number}") for number in range(7)}
    await service.checkout.project()
    assert {basket.id async for basket in client.list_baskets(status="open", limit=3)} == ids
    found = [basket.id async for basket in client.list_baskets(external_id="E-3")]
    assert len(found) == 1
    assert [each async for each in client.list_baskets(created_after=datetime(2030, 1, 1, tzinfo=UTC))] == []


async def test_what_was_ignored_and_preferred_is_on_the_answer(client: CheckoutClient) -> None:
    lenient = await client.initiate({"order": {"colour": "red"}}, handling="lenient")
    assert (lenient.ignored, lenient.preference_applied) == (["/order/colour"], "handling=lenient")
    with pytest.raises(InvalidRequestProblem) as refused:
        await client.initiate({"order": {"colour": "red"}}, handling="strict")
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/order/colour", "unknown_field")]


async def test_a_callers_key_makes_one_basket_of_two_calls(client: CheckoutClient) -> None:
    first, again = [await client.initiate(order(), idempotency_key="k-1") for _ in range(2)]
    assert (first.replayed, again.replayed) == (False, True)
    assert (first.id, again.idempotency_key) == (again.id, "k-1")
    with pytest.raises(InvalidRequestProblem, match="idempotency_key_reused"):
        await client.initiate(order(wanted()), idempotency_key="k-1")


async def test_the_callers_trace_is_continued(client: CheckoutClient) -> None:
    trace = f"00-{TRACE}-00f067aa0ba902b7-01"
    assert (await client.initiate(order(), traceparent=trace)).headers["X-Correlation-Id"] == TRACE
    assert (await client.initiate(order(), correlation_id="c-1")).headers["X-Correlation-Id"] == "c-1"


async def test_a_remedy_is_applied_and_makes_the_basket_ready(client: CheckoutClient) -> None:
    id = await begun(client, wanted("o-1", 9), wanted("x-9"))
    verdict = await client.validate(id)
    assert not verdict.value.ready
    updated = await client.apply_remedy(verdict, include="findings")
    assert verdict.value.remedy is not None
    assert updated.body["order"]["total"] == verdict.body["remedy"]["leadsTo"]["total"]
    assert updated.value.findings is not None
    assert updated.value.findings.ready


async def test_the_remedy_of_a_model_and_of_findings_is_applied_too(client: CheckoutClient) -> None:
    one, other = [await begun(client, wanted("o-1", 9)) for _ in range(2)]
    await client.apply_remedy((await client.validate(one)).value)
    await client.apply_remedy(await client.get(other, include="findings"))
    for id in (one, other):
        assert (await client.validate(id)).value.ready


async def test_a_basket_is_made_ready_and_told_what_was_changed(client: CheckoutClient) -> None:
    id = await begun(client, wanted("o-1", 9), wanted("x-9"))
    mended = await client.make_ready(id)
    assert (mended.ready, mended.outcome) == (True, "ready")
    (change,) = mended.changes
    results = change.answer.value.action_results
    assert [(result.order_item_action_type, result.after) for result in results] == [
        ("remove", 0),
        ("change_quantity", 8),
    ]


async def test_a_remedy_for_a_basket_that_moved_is_a_failed_precondition(client: CheckoutClient) -> None:
    verdict = await client.validate(await begun(client, wanted("o-1", 9)))
    moved = await client.update(verdict.id, actions(add("o-2")))
    with pytest.raises(PreconditionFailedProblem) as failed:
        await client.apply_remedy(verdict)
    assert failed.value.version == moved.version
    assert (await client.make_ready(verdict.id)).ready


async def test_a_missing_basket_fails_a_precondition_without_a_version(client: CheckoutClient) -> None:
    with pytest.raises(PreconditionFailedProblem) as failed:
        await client.initiate(order(external_id="E-1"), if_match=3)
    assert failed.value.version is None
    await client.initiate(order(external_id="E-1"))
    with pytest.raises(PreconditionFailedProblem, match="basket_exists") as failed:
        await client.initiate(order(external_id="E-1"), if_none_match="*")
    assert failed.value.version == 1


async def test_a_bad_action_is_named_with_its_place(client: CheckoutClient) -> None:
    id = await begun(client)
    with pytest.raises(InvalidRequestProblem) as refused:
        await client.update(id, actions(add(quantity=0), clear()))
    assert [error.pointer for error in refused.value.errors] == ["/orderItemActions/0/quantity"]
    assert refused.value.status == 422


async def test_an_id_that_is_none_and_a_basket_of_nobody_are_told_apart(client: CheckoutClient) -> None:
    with pytest.raises(InvalidRequestProblem, match="invalid_basket_id"):
        await client.get("basket-1")
    with pytest.raises(NotFoundProblem, match="basket_not_found"):
        await client.update(basket_id(77), actions(add()))


async def test_a_bad_token_and_a_wrong_scope_are_told_apart(service: Service) -> None:
    for token, kind in ((None, UnauthorizedProblem), ("x.y.z", UnauthorizedProblem)):
        with pytest.raises(kind, match="not_authenticated"):
            await CheckoutClient(URL, token, http=http_client(service)).validate(basket_id())
    client = CheckoutClient(URL, service.token(scope="operator"), http=http_client(service))
    with pytest.raises(ForbiddenProblem) as raised:
        await client.validate(basket_id())
    assert 'scope="partner"' in raised.value.headers["WWW-Authenticate"]


async def test_a_finished_basket_takes_no_changes(service: Service, client: CheckoutClient) -> None:
    id = await begun(client)
    await service.checkout.handlers.complete(id, None, caller())
    with pytest.raises(ConflictProblem, match="basket_finished") as refused:
        await client.update(id, actions(add()))
    assert refused.value.basket_status == "completed"


async def test_a_conflict_that_does_not_end_has_version_and_order(service: Service) -> None:
    held = basket(line(), id=basket_id())
    failing = client_of(Service(service.settings, handlers=FailingHandlers(VersionConflict(held))))
    with pytest.raises(ConflictProblem) as refused:
        await failing.validate(held.id)
    assert refused.value.version == held.version
    assert refused.value.order is not None
    assert refused.value.order["orderItems"][0]["id"] == "line-1"


async def test_a_store_that_is_away_is_unavailable(service: Service) -> None:
    failing = Service(service.settings, handlers=FailingHandlers(StoreUnavailable("away")))
    client = CheckoutClient(URL, service.token(), http=http_client(failing), retries=NO_RETRIES)
    with pytest.raises(UnavailableProblem, match="store_unavailable") as raised:
        await client.validate(basket_id())
    assert raised.value.retry_after == 1.0


async def test_an_error_of_the_service_is_a_problem_and_is_not_retried(service: Service) -> None:
    failing = client_of(Service(service.settings, handlers=FailingHandlers(RuntimeError("the inside"))))
    with pytest.raises(CheckoutProblem, match="500 internal_error") as raised:
        await failing.validate(basket_id())
    assert not raised.value.retryable


async def test_a_call_waits_for_the_first_one_with_its_key(service: Service) -> None:
    checkout = InMemoryCheckout(make_store=HeldStore)
    assert isinstance(checkout.store, HeldStore)
    held = Service(service.settings, checkout)
    first = asyncio.create_task(client_of(held).initiate(order(), idempotency_key="k-1"))
    await asyncio.wait_for(checkout.store.reached.wait(), 5)
    impatient = CheckoutClient(URL, held.token(), http=http_client(held), retries=NO_RETRIES)
    with pytest.raises(RequestInProgressProblem):
        await impatient.initiate(order(), idempotency_key="k-1")
    second = asyncio.create_task(client_of(held).initiate(order(), idempotency_key="k-1"))
    checkout.store.go.set()
    answers = await asyncio.gather(first, second)
    assert answers[0].id == answers[1].id
    assert [answer.replayed for answer in answers] == [False, True]


async def test_a_promise_is_checked_by_the_published_keys(tmp_path: Path) -> None:
    promising = PromisingService(tmp_path)
    id = await promising.basket()
    http = http_client(promising.service)
    verdict = (await client_of(promising.service, http=http).validate(id)).value
    assert verdict.promise is not None
    checker = PromiseChecker(RemoteJwkSet(f"{URL}/.well-known/jwks.json", http=http), clock=lambda: NOW)
    promise = await checker.check(
        verdict.promise,
        basket_id=id,
        basket_version=verdict.basket_version,
        partner="shop",
        evidence=verdict.evidence,
        total=verdict.checkout.total,
    )
    assert promise.total is not None
    head, _, signature = verdict.promise.rpartition(".")
    with pytest.raises(PromiseRefused, match="signature"):
        await checker.check(f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}")
