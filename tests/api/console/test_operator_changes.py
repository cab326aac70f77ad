"""Changes by operators, and their entries in the audit log."""

from __future__ import annotations

import json

import httpx
from playwright.async_api import Page, expect

from tests.api.console.browser import Window
from tests.api.console.conftest import OPERATOR, ConsoleStage
from tests.api.console.played_service import HOSTILE


async def answer_why(page: Page, reason: str, deed: str) -> None:
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Why").fill(reason)
    await dialog.get_by_role("button", name=deed, exact=True).click()


async def letters(stage: ConsoleStage) -> list[dict[str, object]]:
    """The waiting dead letters, from the operator API."""
    headers = {"Authorization": f"Bearer {stage.token}"}
    async with httpx.AsyncClient(base_url=stage.service.url, headers=headers) as client:
        waiting: list[dict[str, object]] = (await client.get("/operations/dead-letters")).json()["letters"]
        return waiting


async def test_a_dead_letter_is_retried_for_a_reason(stage: ConsoleStage, operator: Window) -> None:
    page = operator.page
    await operator.open("/dead-letters")
    row = page.locator("tr[data-letter]", has_text="basket_not_found")
    await row.get_by_role("link").first.click()
    await page.get_by_role("button", name="Retry").click()
    await page.get_by_role("dialog").get_by_role("button", name="Retry", exact=True).click()
    await expect(page.get_by_text("Say why: it is recorded")).to_be_visible()
    await answer_why(page, "the basket may be there by now", "Retry")
    await expect(page.locator(".q-notification")).to_contain_text("there is no basket")
    await expect(page.locator('[data-panel="why"]')).to_contain_text("1 time,")
    await page.get_by_role("link", name="Audit").click()
    newest = page.locator('[data-panel="actions"] tbody tr').first
    await expect(newest).to_contain_text("Dead letter retried")
    await expect(newest).to_contain_text(OPERATOR)
    await expect(newest).to_contain_text("by console")
    await expect(newest).to_contain_text("the basket may be there by now")


async def test_a_skipped_dead_letter_stays_visible(stage: ConsoleStage, operator: Window) -> None:
    page = operator.page
    waiting = len(await letters(stage))
    await operator.open("/dead-letters")
    row = page.locator("tr[data-letter]", has_text="not_an_order")
    await row.get_by_role("link").first.click()
    await expect(page.locator('[data-panel="message"] pre')).to_contain_text("<img src=x")
    assert json.dumps(HOSTILE) in await page.locator('[data-panel="message"] pre').inner_text()
    await page.get_by_role("button", name="Skip").click()
    await answer_why(page, "the order service sent it by mistake", "Skip")
    await expect(page.get_by_text("Settled: skipped")).to_be_visible()
    assert len(await letters(stage)) == waiting - 1
    await operator.open("/dead-letters?settled=true")
    await expect(page.locator("tr[data-letter]")).to_have_count(1)


async def test_a_rebuild_is_started_watched_cancelled_and_given_up(operator: Window) -> None:
    page = operator.page
    await operator.open("/rebuilds")
    await page.get_by_role("button", name="Start a rebuild").click()
    await page.get_by_label("At most events a second").fill("2")
    await page.get_by_label("Processes").fill("1")
    await answer_why(page, "to watch it", "Start")
    await page.wait_for_url("**/console/rebuilds/*", timeout=60_000)
    progress = page.locator('[data-panel="progress"]')
    await expect(progress).to_contain_text("building")
    await expect(progress.get_by_role("progressbar")).to_be_visible()
    await expect(progress).to_contain_text(" of ")
    await page.get_by_role("button", name="Cancel …").click()
    await answer_why(page, "seen enough", "Cancel it")
    await expect(progress).to_contain_text("cancelled", timeout=30_000)
    await page.get_by_role("button", name="Give up …").click()
    await answer_why(page, "not needed", "Give up")
    await expect(progress).to_contain_text("abandoned")
    await page.get_by_role("link", name="Rebuilds").first.click()
    await expect(page.locator("tr[data-rebuild]").first).to_contain_text("to watch it")


async def test_a_rebuild_runs_to_its_end_and_takes_its_place(operator: Window) -> None:
    page = operator.page
    await operator.open("/rebuilds")
    await page.get_by_role("button", name="Start a rebuild").click()
    await page.get_by_label("Processes").fill("1")
    await answer_why(page, "to see it through", "Start")
    await page.wait_for_url("**/console/rebuilds/*", timeout=60_000)
    await expect(page.locator('[data-panel="progress"]')).to_contain_text("took its place", timeout=60_000)
    await expect(page.locator('[data-panel="comparison"]')).to_contain_text("No row was wrong.")


async def test_a_failed_change_shows_its_error_in_the_dialog(operator: Window) -> None:
    page = operator.page
    await operator.open("/rebuilds")
    await page.get_by_role("button", name="Roll back").click()
    await page.get_by_label("What").click()
    await page.get_by_role("option", name="Catalogue projections").click()
    await answer_why(page, "by mistake", "Roll back")
    await expect(page.get_by_role("dialog").locator(".notice.bad")).to_be_visible()


async def test_erasure_asks_for_the_id_and_shows_at_once(stage: ConsoleStage, operator: Window) -> None:
    page, basket_id = operator.page, stage.played.baskets[1]
    await operator.open(f"/baskets/{basket_id}")
    await page.get_by_role("button", name="Forget").click()
    await answer_why(page, "the person asked for it", "Forget for good")
    await expect(page.get_by_text("What you typed is not what this is about.")).to_be_visible()
    await page.get_by_label("Type it to confirm").fill(basket_id)
    await page.get_by_role("dialog").get_by_role("button", name="Forget for good").click()
    await expect(page.locator(".q-notification")).to_contain_text("It is forgotten")
    await expect(page.locator(".event").first).to_contain_text("personal data forgotten")
