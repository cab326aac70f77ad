"""Every page at the width of a screen and of a phone: it is drawn, logs no error, and does not scroll sideways."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.api.console.browser import PHONE, WIDE, Window
from tests.api.console.conftest import ConsoleStage


def pages(stage: ConsoleStage) -> dict[str, str]:
    """Each page's path, and an element that is visible once the page is complete."""
    rich = f"/baskets/{stage.played.rich}"
    return {
        "/": '[data-panel="workers"] tbody tr',
        "/baskets": '[data-panel="found"] tbody tr',
        f"{rich}?version=12": '[data-panel="basket"] tbody tr',
        f"{rich}/verdicts/7": '[data-panel="evidence"] tbody tr',
        "/dead-letters": '[data-panel="letters"] tbody tr, .empty-state',
        "/dead-letters/1": '[data-panel="message"] pre',
        "/rebuilds": '[data-panel="rebuilds"] tbody tr, .empty-state',
        "/audit": '[data-panel="actions"] tbody tr, .empty-state',
    }


async def test_every_page_fits_a_screen_and_a_phone_and_logs_no_error(stage: ConsoleStage, operator: Window) -> None:
    page = operator.page
    for path, whole in pages(stage).items():
        await page.set_viewport_size(WIDE)
        await operator.open(path)
        await expect(page.locator(whole).first).to_be_visible()
        assert await operator.overflow() == 0, f"{path} is wider than the screen"
        await page.set_viewport_size(PHONE)
        await expect(page.locator(".account")).to_be_visible()
        assert await operator.overflow() == 0, f"{path} is wider than the phone"
        assert operator.complaints == [], path


async def test_the_overview_shows_live_figures_and_charts(operator: Window) -> None:
    await operator.open("/")
    page = operator.page
    await expect(page.locator('[data-panel="lag"] canvas')).to_be_visible()
    await expect(page.locator('[data-panel="throughput"] canvas')).to_be_visible()
    for worker in ("api", "publisher", "projector", "catalogue", "commands", "expiry"):
        await expect(page.locator(f'[data-panel="workers"] tr:has-text("{worker}")').first).to_be_visible()
    before = await page.locator(".top .actions").inner_text()
    await expect(page.locator(".top .actions")).not_to_have_text(before)


async def test_operators_choose_dark_or_light(operator: Window) -> None:
    page = operator.page
    await operator.open("/rebuilds")
    eyes = page.locator(".who").get_by_role("button").first
    await expect(page.locator("body")).to_have_class(_word("body--light"))
    await eyes.click()
    await expect(page.locator("body")).to_have_class(_word("body--dark"))
    await operator.open("/audit")
    await expect(page.locator("body")).to_have_class(_word("body--dark"))
    await eyes.click()
    await expect(page.locator("body")).to_have_class(_word("body--light"))


def _word(name: str) -> re.Pattern[str]:

    return re.compile(rf"\b{name}\b")
