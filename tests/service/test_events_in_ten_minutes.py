"""The page "Consume events in ten minutes", word for word, and the Node example, on a running service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.page_blocks import read_blocks
from tests.servers.node_packages import node_packages
from tests.service.checkout_process import CheckoutService
from tests.service.reader_shell import ROOT, ReaderShell, event_lines, setup_of

BLOCKS = read_blocks(ROOT / "docs" / "events" / "README.md")
TRIED = [block for block in BLOCKS if block.is_run and not block.is_setup]
NODE_EXAMPLE = ROOT / "clients" / "node-example"
EVENTS = "checkout.basket-events.v1"
TOPICS = (EVENTS, "checkout.baskets.v1", "checkout.validation-results.v1", "checkout.order-results.v1")


def node_modules() -> Path:
    manifest = json.loads((NODE_EXAMPLE / "package.json").read_bytes())
    return node_packages({**manifest["dependencies"], **manifest["devDependencies"]}) / "node_modules"


async def test_what_the_page_says_works_word_for_word(service: CheckoutService, tmp_path: Path) -> None:
    reader = ReaderShell(tmp_path, service, setup_of(BLOCKS))
    reader.prepare(None)
    printed = [await reader.follow(block) for block in TRIED if block.options.get("needs") != "node"]
    order = json.loads(printed[-1])["order"]
    assert order["status"] == "completed"
    assert json.loads((tmp_path / "verdict.json").read_bytes())["ready"] is True


@pytest.fixture
def node_reader(service: CheckoutService, tmp_path: Path) -> ReaderShell:
    reader = ReaderShell(tmp_path, service, setup_of(BLOCKS))
    reader.prepare(node_modules())
    return reader


async def ready_basket(service: CheckoutService) -> str:
    """A validated basket at version 3."""
    items = [{"offer": {"id": "o-820165", "version": "v-1"}, "quantity": 2}]
    order = {"country": "US", "currency": "USD", "orderItems": items}
    async with service.caller("store-367") as caller:
        basket: str = (await caller.post("/partner/checkout/initiate", json={"order": order})).json()["id"]
        verdict = (await caller.post(f"/partner/checkout/validate/{basket}")).json()
    assert (verdict["ready"], verdict["basketVersion"]) == (True, 2)
    return basket


async def test_the_node_example_gets_an_order_completed_and_finds_every_message_right(node_reader: ReaderShell) -> None:
    basket = await ready_basket(node_reader.service)
    await node_reader.run("npm --prefix clients/node-example test")
    orders = "node clients/node-example/place-orders.js"
    await node_reader.run(orders, until=f"{basket}: completed node-{basket}-2")
    checking = f"node clients/node-example/check-messages.js {' '.join(TOPICS)}"
    printed = await node_reader.run(checking, until=f"{basket}/4")
    assert [line for line in printed.splitlines() if not line.endswith(" ok")] == []


async def test_the_node_example_prints_each_event_once_whatever_comes_twice(node_reader: ReaderShell) -> None:
    events, orders = [block for block in TRIED if block.options.get("needs") == "node"]
    basket = await ready_basket(node_reader.service)
    await node_reader.run(f"checkout republish --to {EVENTS} --live --confirm {EVENTS} --reason 'the same again'")
    async with node_reader.service.caller("store-367") as caller:
        await caller.post(f"/partner/checkout/validate/{basket}")
    # Its partition has the fourth event behind the repetitions.
    lines = event_lines(await node_reader.run(events.text, until=f'"basketId":"{basket}","version":4'))
    assert [version for of, version in lines if of == basket] == ["1", "2", "3", "4"]
    assert len(lines) == len(set(lines))
    await node_reader.follow(orders)
