"""Searching baskets, choosing a version of one, and the evidence of its verdicts."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise

import asyncpg
from playwright.async_api import Page, expect

from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.shared.eventsourcing import fold
from tests.api.console.browser import Window, texts
from tests.api.console.conftest import ConsoleStage
from tests.api.console.played_service import HOSTILE, PARTNERS
from tests.api.console.shell_words import curl_request, shell_arguments
from tests.service.checkout_process import line, order_of

_EVENTS_OF = "SELECT data FROM events WHERE stream_id = $1 ORDER BY version"
"""A basket's events in the store, with their personal data encrypted."""

Lines = list[tuple[str, str]]


async def folded(stage: ConsoleStage, basket_id: str) -> list[Basket]:
    """The basket at each version, by a plain fold."""
    connection = await asyncpg.connect(stage.service.database_url)
    try:
        rows = await connection.fetch(_EVENTS_OF, basket_id)
    finally:
        await connection.close()
    basket: Basket | None = None
    versions: list[Basket] = []
    for row in rows:
        basket = fold(basket, decode_all(b"[" + row["data"] + b"]"))
        assert basket is not None
        versions.append(basket.fork())
    return versions


def lines_of(basket: Basket) -> Lines:
    """Each line's id and quantity."""
    return [(item.id, str(item.quantity)) for item in basket.items.values()]


async def shown_lines(page: Page) -> Lines:
    """The lines on the page, without removed ones, each with its present quantity."""
    rows = page.locator('[data-panel="basket"] tr[data-line]:not(.mark-removed)')
    found: Lines = []
    for row in await rows.all():
        quantity = row.locator("td").nth(1).locator("del + ins, ins, span:not(:has(*))").last
        found.append((await row.get_attribute("data-line") or "", (await quantity.inner_text()).strip()))
    return found


async def stand_at(page: Page, version: int) -> None:
    await page.locator(f'.event[data-version="{version}"]').click()
    await expect(page.locator('[data-panel="basket"] h2')).to_have_text(f"Basket at version {version}")


async def test_a_basket_is_found_by_its_fields(stage: ConsoleStage, operator: Window) -> None:
    page = operator.page
    await operator.open("/baskets")
    await page.get_by_label("External id").fill("EXT-2026-11-24")
    await page.get_by_label("External id").press("Enter")
    await page.wait_for_url("**/console/baskets?external_id=EXT-2026-11-24")
    await page.get_by_role("link", name=stage.played.rich).click()
    await expect(page.locator("h1")).to_have_text(stage.played.rich)


async def test_an_id_opens_the_basket_and_a_wrong_one_shows_an_error(stage: ConsoleStage, operator: Window) -> None:
    page = operator.page
    await operator.open("/baskets")
    await page.get_by_label("Basket id").fill("basket 7")
    await page.get_by_role("button", name="Find").click()
    await expect(page.get_by_text("This cannot be a basket's id.")).to_be_visible()
    await page.get_by_label("Basket id").fill(stage.played.completed)
    await page.get_by_role("button", name="Find").click()
    await expect(page.locator("h1")).to_have_text(stage.played.completed)


async def test_a_search_without_results_says_so(operator: Window) -> None:
    await operator.open("/baskets?partner=nobody")
    await expect(operator.page.get_by_text("No basket is like this")).to_be_visible()


async def test_every_version_shows_the_fold_of_its_events(stage: ConsoleStage, operator: Window) -> None:
    versions = await folded(stage, stage.played.rich)
    await operator.open(f"/baskets/{stage.played.rich}")
    page = operator.page
    await expect(page.locator(".event")).to_have_count(len(versions))
    for basket in versions:
        await stand_at(page, basket.version)
        assert sorted(await shown_lines(page)) == sorted(lines_of(basket)), f"version {basket.version}"
        if basket.total is not None:
            total = page.locator('[data-panel="basket"] dt:text-is("Total") + dd')
            await expect(total).to_contain_text(str(basket.total))


async def test_arrow_keys_move_the_slider_through_versions_and_mark_differences(
    stage: ConsoleStage, operator: Window
) -> None:
    versions = await folded(stage, stage.played.rich)
    added, changed = _first(versions, "added"), _first(versions, "quantity")
    await operator.open(f"/baskets/{stage.played.rich}?version={added}")
    page = operator.page
    heading = page.locator('[data-panel="basket"] h2')
    await expect(heading).to_have_text(f"Basket at version {added}")
    await expect(page.locator('[data-panel="basket"] tr.mark-added')).to_have_count(1)
    await page.locator(".q-slider [tabindex]").press("ArrowRight")
    await expect(heading).to_have_text(f"Basket at version {added + 1}")
    await page.get_by_role("button", name="One version back").click()
    await expect(heading).to_have_text(f"Basket at version {added}")
    await stand_at(page, changed)
    row = page.locator('[data-panel="basket"] tr.mark-changed')
    await expect(row.locator("del").first).to_have_text(_quantity_before(versions, changed))
    await expect(page.locator('[data-panel="differences"] li').first).to_contain_text("quantity of")


def _first(versions: Sequence[Basket], what: str) -> int:
    """The first version after the first verdict that adds a line, or that changes a quantity."""
    for before, after in pairwise(versions[6:]):
        same = before.items.keys() == after.items.keys()
        if what == "added" and after.items.keys() > before.items.keys():
            return after.version
        if what == "quantity" and same and lines_of(before) != lines_of(after):
            return after.version
    raise AssertionError(f"no version has {what}")


def _quantity_before(versions: Sequence[Basket], version: int) -> str:
    before, after = dict(lines_of(versions[version - 2])), dict(lines_of(versions[version - 1]))
    return next(before[id] for id in before if before[id] != after[id])


async def test_two_versions_far_apart_can_be_compared(stage: ConsoleStage, operator: Window) -> None:
    await operator.open(f"/baskets/{stage.played.rich}")
    page = operator.page
    await page.get_by_label("Compared with").click()
    await page.get_by_role("option", name="version 2", exact=True).click()
    differences = page.locator('[data-panel="differences"]')
    await expect(differences).to_contain_text("beside version 2")
    await expect(differences.locator("li").nth(5)).to_be_visible()


async def test_a_verdict_shows_each_of_its_facts_with_its_content(stage: ConsoleStage, operator: Window) -> None:
    await operator.open(f"/baskets/{stage.played.rich}")
    page = operator.page
    await page.locator('[data-panel="verdicts"] tbody tr').nth(1).get_by_role("link", name="Evidence").click()
    finding = page.locator('[data-finding="price_changed"]').first
    await expect(finding).to_contain_text("changed from")
    rests_on = texts(await finding.locator("[data-fact] .mono").all_inner_texts())
    assert any(id.startswith("price/") for id in rests_on)
    for id in rests_on:
        row = page.locator(f'[data-panel="evidence"] tr[data-fact="{id}"]')
        assert (await row.locator("td").nth(1).inner_text()).strip()
        await expect(row).to_contain_text("price_changed")
    await expect(page.locator('[data-panel="evidence"]')).to_contain_text("status available")


async def test_a_ready_verdict_shows_its_promise(stage: ConsoleStage, operator: Window) -> None:
    await operator.open(f"/baskets/{stage.played.completed}")
    page = operator.page
    row = page.locator('[data-panel="verdicts"] tbody tr').filter(has_text=re.compile(r"^(?!.*not ready).*ready"))
    await row.first.get_by_role("link", name="Evidence").click()
    promise = page.locator('[data-panel="promise"]')
    await expect(promise).to_contain_text("Counts until")
    await expect(promise.locator('dt:text-is("Token") + dd')).to_contain_text("eyJ")


async def test_one_click_makes_the_curl_that_sends_the_remedy(stage: ConsoleStage, operator: Window) -> None:
    """The command works as it stands, once: then the basket has moved on, and the page says so."""
    partner = PARTNERS[2]
    token = (await stage.service.command("token", "--partner", partner)).strip()
    async with stage.service.caller(partner) as caller:
        # 500 are available, and the other product is blocked.
        order = order_of(line("o-820165", 600), line("o-821083"), country="US", currency="USD")
        basket_id = (await caller.post("/partner/checkout/initiate", json=order)).json()["id"]
        verdict = (await caller.post(f"/partner/checkout/validate/{basket_id}")).json()
        page = operator.page
        await operator.open(f"/baskets/{basket_id}")
        await page.get_by_role("button", name="Make the curl").click()
        command = await page.locator('[data-command="remedy"]').inner_text()
        copied = await page.locator(".q-dialog .copy").get_attribute("data-copy")

        sent = curl_request(shell_arguments(command, token))
        assert copied == command
        assert sent.url == f"{stage.service.url}/partner/checkout/update"
        assert sent.headers["If-Match"] == verdict["remedy"]["ifMatch"]
        assert json.loads(sent.body) == {"orderItemActions": verdict["remedy"]["orderItemActions"]}
        caller.cookies.clear()
        answers = [
            await caller.request(sent.method, sent.url, headers=dict(sent.headers), content=sent.body) for _ in range(2)
        ]

    assert [answer.status_code for answer in answers] == [200, 412]
    assert answers[0].json()["id"] == basket_id
    assert answers[0].json()["order"]["total"] == verdict["remedy"]["leadsTo"]["total"]
    await expect(page.locator('[data-panel="remedy"]')).to_contain_text("so the call gets a 412")


async def test_text_by_partners_is_shown_as_text(stage: ConsoleStage, operator: Window) -> None:
    await operator.open(f"/baskets/{stage.played.rich}")
    page = operator.page
    await expect(page.locator('[data-panel="basket"] dt:text-is("Source") + dd')).to_have_text(HOSTILE)
    assert await page.locator('[data-panel="basket"] img').count() == 0
    assert await page.title() != "taken"


async def test_an_unknown_or_impossible_basket_id_gets_a_message(operator: Window) -> None:
    for id in ("basket-00000000-0000-7000-8000-000000000001", "basket%00", "basket-1/verdicts/1"):
        await operator.open(f"/baskets/{id}")
        await expect(operator.page.get_by_text("There is no basket")).to_be_visible()


async def test_an_unknown_page_gets_a_message(operator: Window) -> None:
    answer = await operator.page.goto(f"{operator.url}/nothing/here")
    assert answer is not None
    assert answer.status == 404
    await expect(operator.page.get_by_text("There is no such page")).to_be_visible()
    operator.complaints.clear()  # the browser itself logs a 404


async def test_verifying_says_that_the_view_equals_the_fold(stage: ConsoleStage, operator: Window) -> None:
    await operator.open(f"/baskets/{stage.played.rich}")
    await operator.page.get_by_role("button", name="Verify").click()
    await expect(operator.page.get_by_text("The view equals the fold")).to_be_visible()


async def test_misleading_characters_are_shown_as_escapes(stage: ConsoleStage, operator: Window) -> None:
    misleading = "\u202emoc.live\u2066 \u200bhidden"
    order = order_of(line("o-820165"), customFields={"note": misleading})
    async with stage.service.caller("store-367") as caller:
        basket_id = (await caller.post("/partner/checkout/initiate", json=order)).json()["id"]
    page = operator.page
    await operator.open(f"/baskets/{basket_id}")
    shown = page.locator('[data-panel="basket"] dt:text-is("Custom fields: note") + dd')
    await expect(shown).to_have_text(r"\u202emoc.live\u2066 \u200bhidden")
    await page.locator('.event[data-version="1"]').get_by_role("button", name="JSON").click()
    await expect(page.locator(".q-dialog pre")).to_contain_text(r"\u202emoc.live\u2066 \u200bhidden")
    text = await page.locator("body").inner_text()
    assert not {*misleading} & {*text} - {*"moc.livehidden "}
