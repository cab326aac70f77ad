"""`checkout validate --what-if`."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.system import utc_now
from domain.basket.basket import Basket
from domain.basket.basket_view import to_view
from domain.basket.codec import encode
from domain.catalogue.facts import Fact
from domain.ports.event_store import Append, NewEvent
from tests.builders import add, availability, basket, caller, item, line, offer, policy, price
from tests.builders.shop import Shop, open_shop
from tests.cli.catalogue.test_fact_file import written
from tests.contracts.catalogue import unique
from tests.servers.checkout_command import start_checkout
from tests.servers.waiting import eventually


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with open_shop(database_url) as shop:
        await shop.record(
            offer("o-1", products=["SKU-1"]),
            price("o-1"),
            offer("o-2", products=["SKU-2"]),
            price("o-2"),
        )
        yield shop


async def ask(shop: Shop, *arguments: object) -> tuple[int | None, dict[str, Any]]:
    ended = await shop.checkout("validate", "--what-if", *arguments, "--json")
    assert ended.out, ended.err
    return ended.code, json.loads(ended.out)


def found(said: dict[str, Any]) -> dict[str, list[str]]:
    """The codes of each basket that would become not ready."""
    return {each["basket"]: each["codes"] for each in said["baskets"]}


async def test_baskets_that_would_become_not_ready_are_counted_by_code_and_nothing_changes(
    shop: Shop, tmp_path: Path
) -> None:
    one, two, both = [await shop.fill(*(item(each) for each in of)) for of in (["o-1"], ["o-2"], ["o-1", "o-2"])]
    facts = written(tmp_path, availability("SKU-1", status="blocked"), price("o-2", "11.00", sequence=2))
    events, position = await shop.last_position(), await shop.history.position_at()

    code, said = await ask(shop, facts, "--open")

    assert code == 1
    assert found(said) == {
        one.id: ["product_blocked"],
        two.id: ["price_changed"],
        both.id: ["price_changed", "product_blocked"],
    }
    assert said["byCode"] == {"price_changed": 2, "product_blocked": 2}
    assert (said["openBaskets"], said["touched"], said["judged"], said["complete"]) == (3, 3, 3, True)
    assert (await shop.last_position(), await shop.history.position_at()) == (events, position)


async def test_only_touched_baskets_are_validated(shop: Shop, tmp_path: Path) -> None:
    touched, *_ = [await shop.fill(item(each)) for each in ("o-1", "o-2", "o-2")]
    unready = await shop.fill(item("o-1"), item("o-9"))
    ended = await shop.fill(item("o-1"))
    await shop.handlers.complete(ended.id, "order-1", caller())
    await shop.project(ended.id)

    code, said = await ask(shop, written(tmp_path, availability("SKU-1", quantity=0)))

    assert (code, found(said)) == (1, {touched.id: ["product_out_of_stock"]})
    assert (said["openBaskets"], said["judged"], said["wasNotReady"]) == (4, 2, 1)
    assert unready.id not in found(said)


async def test_facts_without_consequences_end_with_exit_code_0(shop: Shop, tmp_path: Path) -> None:
    await shop.fill(item("o-1"))

    code, said = await ask(shop, written(tmp_path, availability("SKU-1", quantity=3)))

    assert (code, said["judged"], said["staysReady"], said["baskets"]) == (0, 1, 1, [])


async def test_with_a_partner_only_its_baskets_count(shop: Shop, tmp_path: Path) -> None:
    await shop.fill(item("o-1"))
    theirs = await shop.fill(item("o-1"), partner="globex")

    _, said = await ask(shop, written(tmp_path, availability("SKU-1", status="blocked")), "--partner", "globex")

    assert (found(said), said["openBaskets"]) == ({theirs.id: ["product_blocked"]}, 1)


async def test_a_partners_price_and_a_block_that_has_begun_are_assumed(shop: Shop, tmp_path: Path) -> None:
    ours, theirs = await shop.fill(item("o-1")), await shop.fill(item("o-1"), partner="globex")
    now = utc_now()
    facts = written(
        tmp_path,
        price("o-1", "7.00", partner="globex"),
        availability("SKU-1", status="blocked", valid_from=now + timedelta(days=1)),
        availability("SKU-1", status="discontinued", partner="acme", valid_from=now - timedelta(days=1)),
    )

    _, said = await ask(shop, facts)

    assert found(said) == {ours.id: ["product_discontinued"], theirs.id: ["price_changed"]}


async def test_a_policy_is_assumed_like_any_fact(shop: Shop, tmp_path: Path) -> None:
    await shop.fill(item("o-1"))
    large = await shop.fill(item("o-1"), item("o-2"))
    await shop.fill(item("o-1"), item("o-2"), partner="globex")

    _, said = await ask(shop, written(tmp_path, policy("acme", maximum_lines=1)))

    assert found(said) == {large.id: ["too_many_lines"]}


async def test_facts_that_are_no_newer_change_nothing(shop: Shop, tmp_path: Path) -> None:
    await shop.fill(item("o-1"))
    await shop.record(availability("SKU-1", quantity=9, sequence=5), policy("acme", sequence=2))
    no_news: list[Fact] = [
        availability("SKU-1", status="blocked", sequence=4),
        price("o-1", "99.00"),
        policy("acme", maximum_lines=1, sequence=2),
    ]

    code, said = await ask(shop, written(tmp_path, *no_news))

    assert (code, said["factsWithoutEffect"], said["judged"]) == (0, 3, 0)


async def test_after_a_withdrawal_facts_of_any_sequence_count(shop: Shop, tmp_path: Path) -> None:
    basket = await shop.fill(item("o-1"))
    stock, common = availability("SKU-1", quantity=9, sequence=5), policy("acme", sequence=2)
    await shop.record(stock, common)
    await shop.withdraw(stock, common)
    news: list[Fact] = [
        availability("SKU-1", status="blocked", sequence=5),
        policy("acme", maximum_lines=1, sequence=0),
        price("o-1", "99.00"),
    ]

    code, said = await ask(shop, written(tmp_path, *news))

    assert (code, said["factsWithoutEffect"]) == (1, 1)
    assert found(said) == {basket.id: ["product_blocked"]}


async def test_baskets_whose_views_lag_are_validated_as_they_are(shop: Shop, tmp_path: Path) -> None:
    changed = await shop.fill(item("o-2"))
    await shop.change(changed, add("o-1"))
    new = await shop.fill(item("o-1"), projected=False)

    _, said = await ask(shop, written(tmp_path, availability("SKU-1", status="blocked")))

    assert set(found(said)) == {changed.id, new.id}


async def test_an_assumed_offer_is_validated_with_the_availability_of_its_products(shop: Shop, tmp_path: Path) -> None:
    touched = await shop.fill(item("o-1"))
    await shop.record(availability("SKU-9", status="discontinued"))

    _, said = await ask(shop, written(tmp_path, offer("o-1", products=["SKU-9"], sequence=2)))

    assert found(said) == {touched.id: ["product_discontinued"]}


async def test_a_file_with_bad_lines_validates_nothing(shop: Shop, tmp_path: Path) -> None:
    path = written(tmp_path, availability("SKU-1", status="blocked"), '{"kind": "offer"}', "no fact")

    ended = await shop.checkout("validate", "--what-if", path)

    assert (ended.code, ended.out) == (2, "")
    assert "line 2: " in ended.err
    assert "line 3: Invalid JSON" in ended.err


@pytest.mark.parametrize("arguments", [["basket-1", "--what-if", __file__], [], ["basket-1", "--open"]])
async def test_the_command_takes_one_basket_or_a_what_if(shop: Shop, arguments: list[str]) -> None:
    assert (await shop.checkout("validate", *arguments)).code == 2


async def test_an_interrupted_run_continues_and_counts_each_basket_once(shop: Shop, tmp_path: Path) -> None:
    ids = await many_baskets(shop, 12_000)
    lagging = await shop.fill(item("o-1"), projected=False)
    path = written(tmp_path, availability("SKU-1", status="blocked"))
    state = tmp_path / "state.json"
    process = await start_checkout(
        "validate", "--what-if", path, "--resume", state, "--json", environment=shop.environment
    )

    await eventually(state.exists, limit=60)
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 130, err.decode()
    said = json.loads(out)
    assert said["complete"] is False
    assert 0 < said["judged"] < 12_000

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = written(elsewhere, availability("SKU-1", status="discontinued"))
    assert (await shop.checkout("validate", "--what-if", other, "--resume", state)).code == 2

    # What is learned meanwhile does not count: all are judged by what was known at the beginning.
    await shop.record(availability("SKU-1", status="blocked", sequence=2))
    code, rest = await ask(shop, path, "--resume", state)

    assert (code, rest["complete"], rest["judged"]) == (1, True, 12_001)
    assert sorted(found(rest)) == sorted([*ids, lagging.id])
    assert not state.exists()


async def many_baskets(shop: Shop, count: int) -> list[str]:
    """Open baskets of o-1, in the store and in the views."""
    views, ids = PostgresBasketViews(shop.database), []
    for _ in range(0, count, 500):
        made = [_filled() for _ in range(500)]
        await asyncio.gather(
            *(
                shop.store.append(
                    Append(each.id, 0, [NewEvent(event.TOPIC, encode(event), b"{}") for event in each.collect()])
                )
                for each in made
            )
        )
        await views.advance([(0, to_view(each)) for each in made])
        ids += [each.id for each in made]
    return ids


def _filled() -> Basket:
    now = utc_now()
    begun = Basket.initiate(
        id=f"basket-{unique('x')}",
        partner="acme",
        details=basket().details,
        now=now,
        expires_at=now.replace(year=now.year + 1),
    )
    begun.add_item(line(products=["SKU-1"]), now)
    return begun
