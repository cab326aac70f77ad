"""The page of a basket as large as the contract allows, with a long history."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from tests.api.console.browser import Window
from tests.api.console.conftest import ConsoleStage
from tests.service.checkout_process import cookie, line, order_of

LINES, CHANGES = 500, 300
PARTNER = "store-367"
PROCESSES_AT_WORK = 4
"""Twice as many as the smallest machine has processors."""


@pytest.fixture(scope="module")
async def large(stage: ConsoleStage) -> str:
    """The id of a basket of 500 lines, of which 300 changed once."""
    async with stage.service.caller(PARTNER) as caller:
        body = order_of(*(line(f"o-large-{number}") for number in range(LINES)), external_id="EXT-LARGE")
        answer = await caller.post("/partner/checkout/initiate", json=body)
        basket_id: str = answer.json()["id"]
        order = (await caller.get(f"/partner/checkout/{basket_id}")).json()["order"]
        for item in order["orderItems"][:CHANGES]:
            change = {"orderItemActionType": "change_quantity", "id": item["id"], "quantity": 2}
            answer = await caller.put(
                "/partner/checkout/update", json={"orderItemActions": [change]}, headers=cookie(basket_id)
            )
            assert answer.status_code == 200
    return basket_id


@pytest.fixture
def busy_machine() -> Iterator[None]:
    """Other programs that keep every processor busy."""
    command = [sys.executable, "-c", "while True: pass"]
    hogs = [subprocess.Popen(command) for _ in range(PROCESSES_AT_WORK)]
    yield
    for hog in hogs:
        hog.kill()
        hog.wait()


async def test_a_large_basket_is_drawn_in_parts_with_differences_first(large: str, operator: Window) -> None:
    page = operator.page
    await operator.open(f"/baskets/{large}")
    rows = page.locator('[data-panel="basket"] tbody tr')
    await expect(rows).to_have_count(50)
    await expect(rows.first).to_have_class("mark-changed")
    await expect(page.locator(".event")).to_have_count(50)
    await expect(page.locator('[data-panel="basket"]')).to_contain_text(f"{LINES} lines")

    await page.locator('[data-panel="basket"]').get_by_role("button", name="Show 50 more").click()
    await expect(rows).to_have_count(100)
    await page.locator('[data-panel="history"]').get_by_role("button", name="Show 50 more").click()
    await expect(page.locator(".event")).to_have_count(100)
    await expect(page.get_by_text(f"100 of {LINES} are shown")).to_be_visible()


async def test_every_version_of_a_long_history_can_be_chosen(large: str, operator: Window) -> None:
    page = operator.page
    await operator.open(f"/baskets/{large}?version=1")
    await expect(page.locator('[data-panel="basket"] h2')).to_have_text("Basket at version 1")
    await page.get_by_role("button", name="One version on").click()
    await expect(page.locator('[data-panel="basket"] h2')).to_have_text("Basket at version 2")


async def test_a_busy_machine_draws_a_large_basket_without_reloading_the_page(
    large: str, operator: Window, busy_machine: None
) -> None:
    page = operator.page
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    await operator.open(f"/baskets/{large}")
    await page.locator('[data-panel="basket"] tbody tr').nth(49).wait_for()
    await page.locator(".event").nth(49).wait_for()
    await page.locator(".event").nth(7).click()
    await page.locator('.event.here[data-version="794"]').wait_for()
    assert len(loads) == 1


async def test_a_basket_shows_its_organisation_and_its_products(stage: ConsoleStage, operator: Window) -> None:
    page = operator.page
    await operator.open(f"/baskets/{stage.played.rich}")
    panel = page.locator('[data-panel="basket"]')
    await expect(panel.locator("dt", has_text="Organisation").locator("+ dd")).to_have_text(PARTNER)
    offer = await panel.locator("tr[data-line] .mono").first.inner_text()
    code = offer.split()[0].replace("o-", "SKU-")
    await expect(panel.locator("tr[data-line]").first).to_contain_text(code)


async def test_ids_and_product_codes_can_be_copied(stage: ConsoleStage, operator: Window) -> None:
    page = operator.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await operator.open(f"/baskets/{stage.played.rich}")
    await page.get_by_role("button", name="Copy the basket's id").click()
    assert await page.evaluate("navigator.clipboard.readText()") == stage.played.rich
    button = page.get_by_role("button", name="Copy the product code").first
    wanted = await button.get_attribute("data-copy")
    await button.click()
    assert wanted is not None
    assert wanted.startswith("SKU-")
    assert await page.evaluate("navigator.clipboard.readText()") == wanted


async def test_an_event_is_shown_as_its_stored_json(stage: ConsoleStage, operator: Window) -> None:
    page = operator.page
    await operator.open(f"/baskets/{stage.played.rich}")
    await page.locator('.event[data-version="1"]').get_by_role("button", name="JSON").click()
    event = json.loads(await page.locator(".q-dialog pre").inner_text())
    assert event["type"] == "checkout.basket-initiated.v1"
    assert event["version"] == event["data"]["version"] == 1
    await page.get_by_role("button", name="Close").click()
    await expect(page.locator(".q-dialog pre")).to_have_count(0)


async def test_a_verdict_has_the_colour_of_its_meaning(stage: ConsoleStage, operator: Window) -> None:
    """Also where the verdict changed: a basket that is not ready any more is red."""
    page = operator.page
    await operator.open(f"/baskets/{stage.played.rich}")
    judged = page.locator(".event", has=page.get_by_role("link", name="evidence")).locator(".version")
    await expect(judged).to_have_count(3)
    for event in await judged.all():
        ready = "good" in (await event.get_attribute("class") or "").split()
        version = (await event.inner_text()).strip()
        await page.locator(f'.event[data-version="{version}"]').click()
        await expect(page.locator('[data-panel="basket"] h2')).to_have_text(f"Basket at version {version}")
        shown = page.locator('[data-panel="basket"] dt', has_text="Verdict").locator("+ dd .badge").last
        await expect(shown).to_have_text("ready" if ready else "not ready")
        classes = (await shown.get_attribute("class") or "").split()
        assert ("good" in classes, "bad" in classes) == (ready, not ready)
