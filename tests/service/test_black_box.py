"""The whole service as a caller sees it who knows nothing but the contract."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from cli.demo.journeys import initiate_body, sample_baskets
from tests.servers.waiting import eventually
from tests.service.checkout_process import CheckoutService, add, cookie, line, order_of
from tests.service.event_records import published_events, stored_events

CALLERS = 16


async def test_real_baskets_of_several_partners_come_back_as_they_were_sent(service: CheckoutService) -> None:
    for partner in ("store-367", "store-406"):
        async with service.caller(partner) as client:
            for basket in sample_baskets(partner)[:8]:
                begun = await client.post("/partner/checkout/initiate", json=initiate_body(basket))
                order = (await client.get(f"/partner/checkout/{begun.json()['id']}")).json()["order"]
                sent = {item["offer"]["id"]: item["quantity"] for item in basket["orderItems"]}
                assert {item["offer"]["id"]: item["quantity"] for item in order["orderItems"]} == sent
                assert all(item["price"] for item in order["orderItems"])


async def test_a_verdict_follows_the_catalogue_and_reaches_kafka_as_it_was_answered(
    service: CheckoutService,
) -> None:
    async with service.caller("store-367") as client:
        begun = await client.post("/partner/checkout/initiate", json=initiate_body(sample_baskets("store-367")[0]))
        basket_id = begun.json()["id"]
        verdict = (await client.post(f"/partner/checkout/validate/{basket_id}")).json()
    assert verdict["ready"] is True
    results = AIOKafkaConsumer(
        "checkout.validation-results.v1",
        bootstrap_servers=service.kafka,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await results.start()
    try:

        async def of_this_basket() -> list[object]:
            records = (await results.getmany(timeout_ms=200)).values()
            return [json.loads(each.value) for some in records for each in some if each.key.decode() == basket_id]

        assert await eventually(of_this_basket, limit=20) == [verdict]
    finally:
        await results.stop()


async def test_sixteen_callers_of_one_basket_lose_no_item(service: CheckoutService) -> None:
    async with service.caller("sixteen") as client:
        basket_id = (await client.post("/partner/checkout/initiate", json=order_of())).json()["id"]

        async def adds(number: int) -> None:
            for step in range(5):
                answer = await client.put(
                    "/partner/checkout/update",
                    json={"orderItemActions": [add(f"o-{number}-{step}")]},
                    headers=cookie(basket_id),
                )
                assert answer.status_code == 200, answer.text

        await asyncio.gather(*(adds(number) for number in range(CALLERS)))
        judged = (await client.post(f"/partner/checkout/validate/{basket_id}")).json()
        seen = {item["offer"]["id"] for item in judged["checkout"]["orderItems"]}
        assert seen == {f"o-{number}-{step}" for number in range(CALLERS) for step in range(5)}


async def test_sixteen_initiates_with_one_external_id_make_one_basket(service: CheckoutService) -> None:
    async with service.caller("one-basket") as client:
        answers = await asyncio.gather(
            *(
                client.post("/partner/checkout/initiate", json=order_of(line("o-1", 2), external_id="EXT-1"))
                for _ in range(CALLERS)
            )
        )
        assert [answer.status_code for answer in answers] == [200] * CALLERS
        assert len({answer.json()["id"] for answer in answers}) == 1


async def test_sixteen_tries_with_one_idempotency_key_have_one_effect(service: CheckoutService) -> None:
    async with service.caller("one-key") as client:

        async def initiates() -> tuple[int, str]:
            while True:
                answer = await client.post(
                    "/partner/checkout/initiate",
                    json=order_of(line("o-1")),
                    headers={"Idempotency-Key": "key-1"},
                )
                if answer.status_code != 409:
                    return answer.status_code, answer.text
                assert "Retry-After" in answer.headers
                await asyncio.sleep(0.02)

        answers = await asyncio.gather(*(initiates() for _ in range(CALLERS)))
        assert {status for status, _ in answers} == {200}
        assert len({body for _, body in answers}) == 1


async def test_no_partner_sees_anothers_basket(service: CheckoutService) -> None:
    async with service.caller("mine") as mine, service.caller("other") as other:
        basket_id = (await mine.post("/partner/checkout/initiate", json=order_of(line("o-1")))).json()["id"]
        unknown = "basket-" + "0" * 36
        for method, path, options in (
            ("GET", "/partner/checkout/{}", {}),
            ("POST", "/partner/checkout/validate/{}", {}),
            ("PUT", "/partner/checkout/update", {"json": {"orderItemActions": [add("o-2")]}}),
            ("POST", "/partner/checkout/initiate", {"json": order_of(line("o-2"), checkoutId="{}")}),
        ):
            answers = []
            for target in (basket_id, unknown):
                body = json.loads(json.dumps(options.get("json")).replace("{}", target))
                answer = await other.request(method, path.format(target), json=body, headers=cookie(target))
                assert answer.status_code == 404
                answers.append(answer.text.replace(target, "the basket"))
            assert answers[0] == answers[1]


async def test_an_order_on_kafka_completes_the_basket_and_frees_its_external_id(
    service: CheckoutService,
) -> None:
    async with service.caller("buyer") as client:
        body = order_of(line("o-1"), external_id="EXT-1")
        basket_id = (await client.post("/partner/checkout/initiate", json=body)).json()["id"]
        producer = AIOKafkaProducer(bootstrap_servers=service.kafka)
        await producer.start()
        try:
            await producer.send_and_wait(
                "checkout.orders.v1",
                key=basket_id.encode(),
                value=json.dumps({"orderId": "order-1"}).encode(),
            )
        finally:
            await producer.stop()

        async def completed() -> bool:
            order = (await client.get(f"/partner/checkout/{basket_id}")).json()["order"]
            return bool(order["status"] == "completed")

        await eventually(completed, limit=20)
        refused = await client.put(
            "/partner/checkout/update", json={"orderItemActions": [add("o-2")]}, headers=cookie(basket_id)
        )
        assert refused.status_code == 409
        again = await client.post("/partner/checkout/initiate", json=body)
        assert again.status_code == 200
        assert again.json()["id"] != basket_id


async def test_views_and_topic_end_equal_to_the_store(service: CheckoutService) -> None:
    stored = await stored_events(service.database_url)
    connection = await asyncpg.connect(service.database_url)
    try:

        async def views_are_level() -> bool:
            rows = await connection.fetch("SELECT basket_id, version FROM basket_views")
            return {row["basket_id"]: row["version"] for row in rows} == {
                basket_id: len(events) for basket_id, events in stored.items()
            }

        await eventually(views_are_level, limit=30)
    finally:
        await connection.close()
    assert await published_events(service.kafka, sum(map(len, stored.values()))) == stored


async def test_an_operator_sees_that_all_is_well_and_who_does_what(service: CheckoutService) -> None:
    async def well() -> Any:
        # Raises where the exit code says that something is not as it should be.
        return json.loads(await service.command("status", "--json", "--max-lag-seconds", "30"))

    status = await eventually(well, limit=30, every=0.5)
    assert status["problems"] == []
    states = {each["worker"]: each for each in status["workers"] if each["live"]}
    assert states.keys() == {"api", "publisher", "projector", "catalogue", "commands", "expiry", "sampler"}
    assert {each["state"] for each in states.values()} == {"working"}
    assert states["api"]["handled"] > 0
    assert {each["pid"] for each in status["roles"]} == {states["publisher"]["pid"]}
    lags = {each["worker"]: each for each in status["lags"]}
    assert lags.keys() == {"publisher", "projector", "catalogue", "commands", "expiry"}
    assert all(each["events"] is not None for each in lags.values())
    assert lags["publisher"]["position"] > 0

    async with httpx.AsyncClient() as client:
        for page, metric in zip(
            service.metrics, ("checkout_http_requests_total", "checkout_worker_lag_seconds"), strict=True
        ):
            assert metric in (await client.get(page)).text
        assert (await client.get(f"{service.url}/metrics")).status_code == 404
