"""What partners of Limio send works, over HTTP and as queued commands: the bodies in `bodies/`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.kafka import topics
from adapters.kafka.command_executor import INITIATE, UPDATE, KafkaCommandExecutor
from adapters.kafka.command_messages import command_message
from adapters.kafka.messages import Message
from adapters.settings import Settings
from tests.api.partner.partner_bodies import BODIES, CATALOGUE, PartnerBody
from tests.api.service import ApiCaller, Service, errors, wanted
from tests.builders import InMemoryCheckout


def test_there_are_bodies_of_every_kind() -> None:
    bodies: list[PartnerBody] = [each.values[0] for each in BODIES]  # type: ignore[misc]
    assert len(bodies) >= 25
    assert {(body.call, body.becomes["status"]) for body in bodies} >= {
        *(("initiate", status) for status in (200, 400, 422)),
        *(("update", status) for status in (200, 400, 422)),
    }


@pytest.mark.parametrize("body", BODIES)
async def test_over_http(service: Service, shop: ApiCaller, body: PartnerBody) -> None:
    await service.checkout.record(*CATALOGUE)
    id = "" if body.before is None else (await shop.initiate(body.before)).json()["id"]
    prefer = {"prefer": body.prefer} if body.prefer else {}

    sent = await (
        shop.initiate(body.sent, **prefer) if body.call == "initiate" else shop.update(id, body.sent, **prefer)
    )

    answer = sent.json()
    assert body.before is None or sent.is_error or answer["id"] == id
    order = None if sent.is_error else (await shop.order(answer["id"])).json()["order"]
    body.check(sent.status_code, {**sent.headers}, answer, order)


@pytest.mark.parametrize("body", BODIES)
async def test_as_a_queued_command(settings: Settings, body: PartnerBody) -> None:
    checkout = InMemoryCheckout()
    await checkout.record(*CATALOGUE)
    executor = KafkaCommandExecutor(settings, checkout.handlers.real, checkout.clock, checkout.ids)

    async def result_of(type: str, value: bytes, **headers: str) -> Any:
        given = {"ce_id": checkout.ids(), "ce_type": type, "ce_partnerorg": "shop", **headers}
        encoded = tuple((name, text.encode()) for name, text in given.items())
        message = command_message(Message(topics.COMMANDS, b"new", value, encoded), "test")
        assert message is not None
        return json.loads((await executor.result_of(executor.read(message))).value or b"")

    id = "" if body.before is None else (await result_of(INITIATE, body.before))["body"]["id"]
    prefer = {"prefer": body.prefer} if body.prefer else {}
    subject = {} if body.call == "initiate" else {"ce_subject": id}

    result = await result_of(INITIATE if body.call == "initiate" else UPDATE, body.sent, **subject, **prefer)

    order = None
    if result["status"] == 200:
        shown: Any = {"orderItemActions": []}
        basket_id = result["body"]["id"]
        order = (await result_of(UPDATE, json.dumps(shown).encode(), ce_subject=basket_id))["body"]["order"]
    body.check(result["status"], result["headers"], result["body"], order)


async def test_an_order_that_was_answered_can_be_sent_again_and_changes_nothing(
    service: Service, shop: ApiCaller
) -> None:
    await service.checkout.record(*CATALOGUE)
    id = await shop.begin(wanted("o-weekly", 2), currency="GBP", deliveryDetails={"country": "ie", "city": "Galway"})
    before = (await shop.order(id)).json()["order"]
    again = await shop.initiate({"order": {**before, "checkoutId": id}})
    assert (again.status_code, (await shop.order(id)).json()["order"]) == (200, before)
    assert "/order/orderItems/0/price" in again.json()["ignored"]


async def test_a_country_that_is_no_code_is_not_quoted(shop: ApiCaller) -> None:
    answer = await shop.initiate({"order": {"deliveryDetails": {"country": "4 Mill Lane"}}})
    assert (errors(answer), "Mill" in answer.text) == ([("/order/deliveryDetails/country", "unknown_country")], False)
    coded = await shop.initiate({"order": {"deliveryDetails": {"country": "UK"}}})
    assert "GB is meant" in coded.json()["errors"][0]["message"]


async def test_a_replayed_answer_names_what_was_ignored(shop: ApiCaller) -> None:
    body = {"order": {"orderItems": [], "journey": 1}}
    first = await shop.initiate(body, idempotency_key="k-1")
    again = await shop.initiate(body, idempotency_key="k-1", prefer="handling=lenient")
    assert first.json()["ignored"] == again.json()["ignored"] == ["/order/journey"]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["preference-applied"] == "handling=lenient"
    other = await shop.initiate({"order": {"orderItems": [], "journey": 2}}, idempotency_key="k-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    strict = await shop.initiate(body, idempotency_key="k-1", prefer="handling=strict")
    assert (strict.status_code, strict.json()["errors"][0]["code"]) == (422, "unknown_field")


async def test_a_service_that_is_strict_refuses_unless_it_is_asked_to_be_lenient(settings: Settings) -> None:
    shop = Service(settings.model_copy(update={"request_handling": "strict"})).caller()
    body = {"order": {"orderItems": [], "journey": 1}}
    refused = await shop.initiate(body)
    assert (refused.status_code, "preference-applied" in refused.headers) == (422, False)
    taken = await shop.initiate(body, prefer="handling=lenient")
    assert (taken.json()["ignored"], taken.headers["preference-applied"]) == (["/order/journey"], "handling=lenient")


async def test_a_cancel_names_what_it_ignored(shop: ApiCaller) -> None:
    id = await shop.begin()
    body = {"reason": {"code": "customer_left", "by": "agent"}, "note": 1}
    answer = await shop.send("POST", f"/partner/checkout/cancel/{id}", body)
    assert (answer.status_code, answer.json()["ignored"]) == (200, ["/reason/by", "/note"])


async def test_more_than_a_hundred_ignored_members_are_counted(shop: ApiCaller) -> None:
    answer = await shop.initiate({"order": {f"k{number}": 1 for number in range(250)}})
    assert (answer.status_code, len(answer.json()["ignored"]), answer.json()["ignoredMore"]) == (200, 100, 150)
