"""`checkout verify` finds, names and repairs inconsistencies."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.postgres.audit import PostgresAuditLog
from cli.verify.run import NO_BROKER
from domain.basket.basket import Basket
from domain.operators.audit import Operator
from domain.ports.event_store import Append, NewEvent
from tests.basket_traffic import streaming_settings
from tests.builders import add, availability, caller, initiate, item, offer, policy, price
from tests.builders.shop import Shop, open_shop
from tests.cli.validate.test_what_if import many_baskets
from tests.cli.verify_steps import Saboteur, ask, begin_verify, kinds, look, run_verify
from tests.servers.waiting import eventually

ANN = Operator(actor="ann", way="command-line", reason="a test")


@pytest.fixture
async def shop(database_url: str, administrator_url: str) -> AsyncIterator[Shop]:
    async with open_shop(database_url, administrator_url) as shop:
        await shop.record(
            offer("o-1", products=["SKU-1"]),
            offer("o/2 %", products=["SKU-2", "SKU-2"]),
            price("o-1"),
            price("o-1", "9.00", sequence=2),
            price("o/2 %", country="GB", valid_from="2026-01-01T00:00:00Z"),
            availability("SKU-1", quantity=5, sequence=3),
            availability("SKU-1", quantity=9, sequence=1),
            policy("acme", maximum_lines=9),
        )
        yield shop


@pytest.fixture
def saboteur(shop: Shop) -> Saboteur:
    return Saboteur(shop)


async def claiming(shop: Shop, external_id: str) -> Basket:
    """A basket that claims an external id."""
    command = initiate(item("o-1"), external_id=external_id)
    basket = (await shop.handlers.initiate(command, caller())).basket
    await shop.project(basket.id)
    return basket


async def test_a_consistent_database_has_no_inconsistencies(shop: Shop) -> None:
    baskets = [await shop.fill(item("o-1")) for _ in range(3)]
    await shop.judge(baskets[0])
    ended = await claiming(shop, "EXT-1")
    await shop.handlers.complete(ended.id, "order-1", caller())
    await shop.project(ended.id)

    code, said = await ask(shop, "--all", "--processes", 2, "--no-kafka")

    assert (code, said["counts"], said["baskets"], said["complete"]) == (0, {}, 4, True)
    assert said["catalogueRows"] > 0
    said = await look(shop, sample=2)
    assert (said["differs"], said["counts"]) == (False, {})
    assert 2 <= said["baskets"] <= 3


async def test_every_kind_of_view_inconsistency_is_reported_and_repaired_with_a_record(
    shop: Shop, saboteur: Saboteur
) -> None:
    sound, missing, behind, ahead, content, status, uses, expiry = [await shop.fill(item("o-1")) for _ in range(8)]
    await saboteur.run("DELETE FROM basket_views WHERE basket_id = $1", missing.id)
    await shop.change(behind, add("o-2"))
    await saboteur.run("UPDATE basket_views SET version = 9 WHERE basket_id = $1", ahead.id)
    await saboteur.run(
        "UPDATE basket_views SET snapshot = replace(encode(snapshot, 'escape'), 'GBP', 'EUR')::bytea"
        " WHERE basket_id = $1",
        content.id,
    )
    await saboteur.run("UPDATE basket_views SET status = 'expired' WHERE basket_id = $1", status.id)
    await saboteur.run("DELETE FROM open_basket_uses WHERE basket_id = $1 AND name = 'offer/o-1'", uses.id)
    await saboteur.run("UPDATE basket_views SET expires_at = now() WHERE basket_id = $1", expiry.id)
    orphan = "basket-00000000-0000-7000-8000-00000000000a"
    await saboteur.run(
        "INSERT INTO basket_views SELECT $2, version, partner, external_id, status, created, modified, expires_at,"
        " snapshot FROM basket_views WHERE basket_id = $1",
        sound.id,
        orphan,
    )
    expected = {
        missing.id: ["view_missing"],
        behind.id: ["view_behind"],
        ahead.id: ["view_ahead"],
        content.id: ["view_differs"],
        status.id: ["view_differs"],
        uses.id: ["uses_differ"],
        expiry.id: ["view_differs"],
        orphan: ["view_without_stream"],
    }

    said = await look(shop)
    assert (said["differs"], kinds(said)) == (True, expected)

    mending = ("--repair", "--reason", "a test", "--actor", "ann")
    code, said = await ask(shop, "--all", "--no-kafka", "--patience", 0, *mending)

    assert (code, kinds(said), said["repaired"]["left"]) == (0, expected, [])
    assert said["repaired"]["mended"] == expected
    (action,) = await PostgresAuditLog(shop.database).newest(None, 10)
    assert (action.type, action.operator.actor, action.operator.reason) == (
        "operations.views-repaired.v1",
        "ann",
        "a test",
    )
    assert action.scope == {"baskets": expected, "count": 8}
    assert (await look(shop))["counts"] == {}
    assert await shop.views.versions([behind.id]) == {behind.id: 3}


async def test_missing_and_left_behind_claims_are_reported_and_repaired(shop: Shop, saboteur: Saboteur) -> None:
    lost, stale, robbed, other = [await claiming(shop, f"EXT-{number}") for number in range(4)]
    await saboteur.run("DELETE FROM claims WHERE stream_id = $1", lost.id)
    await saboteur.run("INSERT INTO claims VALUES ($2, $1)", stale.id, "acme\x1fEXT-99")
    await saboteur.run("UPDATE claims SET stream_id = $2 WHERE stream_id = $1", robbed.id, other.id)
    await saboteur.run("INSERT INTO claims VALUES ($1, 'basket-nobody')", "acme\x1fEXT-77")

    assert kinds(await look(shop)) == {
        lost.id: ["claim_missing"],
        stale.id: ["claim_left_behind"],
        robbed.id: ["claim_held_by_another"],
        other.id: ["claim_left_behind"],
        "basket-nobody": ["claim_left_behind"],
    }
    said = await look(shop, operator=ANN)
    assert (said["differs"], said["repaired"]["left"], len(said["repaired"]["mended"])) == (False, [], 5)
    assert (await look(shop))["counts"] == {}


async def test_inconsistencies_of_the_store_are_reported_and_not_repaired(shop: Shop, saboteur: Saboteur) -> None:
    gap, turned, misplaced = [await shop.fill(item("o-1"), item("o-2")) for _ in range(3)]
    await saboteur.on_events("DELETE FROM events WHERE stream_id = $1 AND version = 2", gap.id)
    await saboteur.on_events(
        "UPDATE events SET type = 'checkout.basket-expired.v1' WHERE stream_id = $1 AND version = 3",
        misplaced.id,
    )
    await saboteur.on_events(
        "INSERT INTO events (position, stream_id, version, type, data, metadata) OVERRIDING SYSTEM VALUE"
        " SELECT 100000, stream_id, version + 100, type, data, metadata FROM events"
        " WHERE stream_id = $1 AND version = 2",
        turned.id,
    )
    await saboteur.on_events("DELETE FROM events WHERE stream_id = $1 AND version = 2", turned.id)
    await saboteur.on_events("UPDATE events SET version = 2 WHERE stream_id = $1 AND version = 102", turned.id)
    broken = "basket-00000000-0000-7000-8000-00000000dead"
    await shop.store.append(Append(broken, 0, [NewEvent("checkout.basket-initiated.v1", b'{"no":1}', b"{}")]))

    said = await look(shop, operator=ANN)

    assert said["differs"]
    found = kinds(said)
    assert found[gap.id] == ["stream_unreadable", "versions_have_a_gap"]
    assert found[turned.id] == ["positions_not_ascending"]
    assert found[misplaced.id] == ["event_misplaced"]
    assert found[broken] == ["event_misplaced", "stream_unreadable"]
    assert found["events"] == ["positions_would_be_reused"]
    assert said["repaired"]["mended"] == {}


async def test_catalogue_rows_that_differ_from_the_newest_facts_are_reported(shop: Shop, saboteur: Saboteur) -> None:
    assert (await look(shop))["counts"] == {}
    await saboteur.run("UPDATE catalogue_offers SET product_codes = '{SKU-9}' WHERE offer_id = 'o/2 %'")
    await saboteur.run("UPDATE catalogue_prices SET valid_from = '2020-01-01' WHERE offer_id = 'o/2 %'")
    await saboteur.run(
        "UPDATE catalogue_prices SET sequence = 1, fact_id = subject || '#1',"
        " data = (SELECT data FROM catalogue_facts WHERE fact_id = catalogue_prices.subject || '#1')"
        " WHERE offer_id = 'o-1'"
    )
    await saboteur.run("DELETE FROM catalogue_availability")
    await saboteur.run("INSERT INTO catalogue_policies VALUES ('policy/globex', 'policy/globex#1', 1, '{}')")

    said = await look(shop)

    assert sorted((each["kind"], each["subject"].split("/")[0]) for each in said["differences"]) == [
        ("catalogue_row_differs", "offer"),
        ("catalogue_row_differs", "price"),
        ("catalogue_row_differs", "price"),
        ("catalogue_row_missing", "availability"),
        ("catalogue_row_without_fact", "policy"),
    ]


async def test_a_partner_or_a_basket_narrows_what_is_verified(shop: Shop, saboteur: Saboteur) -> None:
    ours, theirs = await shop.fill(item("o-1")), await shop.fill(item("o-1"), partner="globex")
    await saboteur.run("UPDATE basket_views SET status = 'expired'")

    for scope in ({"partner": "globex"}, {"baskets": [theirs.id]}, {"partner": "globex", "sample": 9}):
        said = await look(shop, **scope)
        assert (said["differs"], kinds(said), said["baskets"]) == (True, {theirs.id: ["view_differs"]}, 1)
    assert kinds(await look(shop)) == {ours.id: ["view_differs"], theirs.id: ["view_differs"]}


async def test_a_view_that_lags_for_a_moment_is_consistent(shop: Shop) -> None:
    basket = await shop.fill(item("o-1"))
    await shop.change(basket, add("o-2"))
    assert kinds(await look(shop)) == {basket.id: ["view_behind"]}

    seen_behind = asyncio.Event()

    def told(what: str, count: int, _: int | None) -> None:
        if what == "baskets" and count:
            seen_behind.set()

    patient = asyncio.create_task(look(shop, told, patience=60.0))
    await seen_behind.wait()
    await shop.project(basket.id)
    assert (await patient)["counts"] == {}


async def test_people_get_a_table_and_a_wrong_command_line_ends_with_2(shop: Shop, saboteur: Saboteur) -> None:
    basket = await shop.fill(item("o-1"))
    await saboteur.run("UPDATE basket_views SET status = 'expired'")

    ended = await run_verify(shop)
    assert ended.code == 1
    assert "view_differs" in ended.out
    assert basket.id in ended.out
    assert f"Not looked at: topics of Kafka: {NO_BROKER}.\n" in ended.out

    assert (await run_verify(shop, "--repair")).code == 2
    assert (await run_verify(shop, "--all", "--sample", 3)).code == 2
    away = Shop("postgresql://postgres@127.0.0.1:1/none", shop.database, shop.store)
    assert (await run_verify(away)).code == 2


async def test_a_skipped_check_that_was_asked_for_is_named_and_ends_with_3(shop: Shop) -> None:
    await shop.fill(item("o-1"))

    for arguments in (["--all"], ["--kafka"], []):
        code, said = await ask(shop, *arguments)
        assert (code, said["differs"]) == (3, False)
        assert {"what": "topics of Kafka", "why": NO_BROKER, "asked": True} in said["notLookedAt"]
    code, said = await ask(shop, "--all", "--no-kafka")
    assert (code, said["notLookedAt"]) == (
        0,
        [{"what": "topics of Kafka", "why": "--no-kafka was said", "asked": False}],
    )


async def test_baskets_are_verified_while_kafka_is_away(shop: Shop, saboteur: Saboteur) -> None:
    basket = await shop.fill(item("o-1"))
    away = streaming_settings("127.0.0.1:1")

    ended = await run_verify(shop, settings=away)
    assert ended.code == 3
    assert "What was looked at is as the events say." in ended.out
    assert "Not looked at: topics of Kafka: Kafka is unavailable" in ended.out
    assert "Kafka is unavailable" in ended.err

    await saboteur.run("UPDATE basket_views SET status = 'expired'")
    code, said = await ask(shop, settings=away)
    assert (code, kinds(said)) == (1, {basket.id: ["view_differs"]})


async def test_a_sample_reports_how_many_baskets_it_skipped(shop: Shop) -> None:
    for _ in range(40):
        await shop.fill(item("o-1"))
    said = await look(shop, sample=5)
    (baskets,) = [each for each in said["notLookedAt"] if each["why"] == "a sample was asked for"]
    assert baskets["what"] == f"about {40 - said['baskets']} other baskets"
    assert not baskets["asked"]


async def test_an_interrupted_run_resumes_and_verifies_each_basket_once(
    shop: Shop, saboteur: Saboteur, tmp_path: Path
) -> None:
    ids = sorted(await many_baskets(shop, 1_500))
    await saboteur.run("UPDATE basket_views SET status = 'expired' WHERE basket_id = ANY($1)", [ids[0], ids[-1]])
    state = tmp_path / "state.json"
    asked = ("--all", "--no-kafka", "--processes", 2, "--resume", state, "--json")
    process = await begin_verify(shop, *asked)
    await eventually(state.exists, limit=60)
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 130, err.decode()
    assert b'"complete": false' in out

    assert (await run_verify(shop, "--all", "--partner", "acme", "--resume", state)).code == 2
    code, said = await ask(shop, "--all", "--no-kafka", "--resume", state)

    assert (code, said["complete"], said["baskets"]) == (1, True, 1_500)
    assert set(kinds(said)) == {ids[0], ids[-1]}
    assert not state.exists()
