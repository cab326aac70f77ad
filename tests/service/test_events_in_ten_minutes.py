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
    assert order["status"] == "open"
    assert json.loads((tmp_path / "verdict.json").read_bytes())["ready"] is True


@pytest.fixture
def node_reader(service: CheckoutService, tmp_path: Path) -> ReaderShell:
    reader = ReaderShell(tmp_path, service, setup_of(BLOCKS))
    reader.prepare(node_modules())
    return reader


async def test_the_node_example_prints_events_and_gets_an_order_completed(node_reader: ReaderShell) -> None:
    await node_reader.follow(TRIED[0])
    events, orders = [block for block in TRIED if block.options.get("needs") == "node"]
    basket = json.loads((node_reader.folder / "basket.json").read_bytes())["id"]
    await node_reader.run(events.text, until=f'"basketId":"{basket}","version":3')
    assert "node-basket-" in await node_reader.follow(orders)
    await node_reader.run("node clients/node-example/place-orders.js", until=f"{basket}: completed node-{basket}-")
    await node_reader.run("npm --prefix clients/node-example test")


async def test_the_node_example_prints_each_event_once_whatever_comes_twice(node_reader: ReaderShell) -> None:
    await node_reader.follow(TRIED[0])
    await node_reader.run(f"checkout republish --to {EVENTS} --live --confirm {EVENTS} --reason 'the same again'")
    await node_reader.follow(TRIED[0])
    last = json.loads((node_reader.folder / "basket.json").read_bytes())["id"]
    printing = "node clients/node-example/print-events.js every-event"
    lines = event_lines(await node_reader.run(printing, until=f'"basketId":"{last}","version":3'))
    assert len(lines) == len(set(lines))
    assert (last, "3") in lines


async def test_every_message_passes_the_check_of_the_node_example(node_reader: ReaderShell) -> None:
    await node_reader.follow(TRIED[0])
    basket = json.loads((node_reader.folder / "basket.json").read_bytes())["id"]
    checking = f"node clients/node-example/check-messages.js {' '.join(TOPICS)}"
    printed = await node_reader.run(checking, until=f"{basket}/3")
    assert [line for line in printed.splitlines() if not line.endswith(" ok")] == []
