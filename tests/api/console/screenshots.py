"""`python -m tests.api.console.screenshots` takes the pictures of docs/console/ again.

It starts a service, plays baskets, and takes every page at the width of a screen and of a phone, in about a minute.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, Page, ViewportSize

from cli.demo.journeys import sample_baskets
from tests.api.console.browser import PHONE, Window, browser, chromium, window
from tests.api.console.played_service import PARTNERS, PlayedBaskets, play_baskets
from tests.servers.waiting import eventually
from tests.service.checkout_process import CheckoutService, running_service

FOLDER = Path(__file__).parents[3] / "docs" / "console"
SCREEN: ViewportSize = {"width": 1280, "height": 860}
LARGEST = 200_000
"""The largest size of a picture in bytes."""
NOTE = "Leave it at the door"
LOOKED_ON_FOR = 60.0
"""Seconds of load before the charts are taken."""

Act = Callable[[Page], Coroutine[Any, Any, object]]


async def nothing_more(_: Page) -> None:
    """The page as it opens."""


async def ask_why(page: Page) -> None:
    await page.get_by_role("button", name="Retry").click()
    await page.get_by_label("Why").fill("The basket has been restored from the backup")
    await page.wait_for_timeout(400)


def pictures(played: PlayedBaskets, rebuild: str, letter: str) -> dict[str, tuple[str, str, Act]]:
    """Each picture's name with the page's path, the element to wait for, and what to do first."""
    rich = f"/baskets/{played.rich}"
    return {
        "overview": ("/", '[data-panel="workers"] tbody tr', nothing_more),
        "baskets": ("/baskets?partner=store-406", '[data-panel="found"] tbody tr', nothing_more),
        "basket": (f"{rich}?version=8", '[data-panel="basket"] tbody tr', nothing_more),
        "verdict": (f"{rich}/verdicts/13", '[data-panel="evidence"] tbody tr', nothing_more),
        "dead-letters": ("/dead-letters", '[data-panel="letters"] tbody tr', nothing_more),
        "dead-letter": (f"/dead-letters/{letter}", '[data-panel="message"] pre', ask_why),
        "rebuilds": ("/rebuilds", '[data-panel="rebuilds"] tbody tr', nothing_more),
        "rebuild": (f"/rebuilds/{rebuild}", '[data-panel="progress"]', nothing_more),
        "audit": ("/audit", '[data-panel="actions"] tbody tr', nothing_more),
    }


async def take(opened: Window, wanted: dict[str, tuple[str, str, Act]], suffix: str) -> None:
    for name, (path, whole, act) in wanted.items():
        await opened.open(path)
        await opened.page.locator(whole).first.wait_for()
        await opened.page.wait_for_timeout(600)  # for charts to be drawn and bars to have moved
        await act(opened.page)
        await shoot(opened.page, f"{name}-{suffix}")


async def shoot(page: Page, name: str) -> None:
    picture = FOLDER / f"{name}.png"
    await page.screenshot(path=picture, animations="disabled")
    size = picture.stat().st_size
    print(f"{picture.name}: {size // 1024} KB")
    if size > LARGEST:
        sys.exit(f"{picture} has {size} bytes, more than {LARGEST}")


async def mend(service: CheckoutService, token: str) -> tuple[str, str]:
    """Makes entries of the audit log, and starts a slow rebuild. Returns its id, and a dead letter's."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{service.url}/operations", headers=headers, timeout=60) as operator:
        letters = await letters_by_code(operator)
        skipped = {"reason": "The order service sent it by mistake"}
        await operator.post(f"/dead-letters/{letters['not_an_order']}/skip", json=skipped)
        retried = {"reason": "The basket may be there by now"}
        await operator.post(f"/dead-letters/{letters['basket_not_found']}/retry", json=retried)
        whole = {"target": "basket-views", "workers": 1, "reason": "After the upgrade of the checks"}
        done = (await operator.post("/rebuilds", json=whole)).json()["id"]

        async def over() -> bool:
            found = (await operator.get(f"/rebuilds/{done}")).json()
            return found["state"] not in ("building", "comparing", "switching")

        await eventually(over, limit=120, every=0.3)
        slow = {**whole, "rate": 40, "reason": "To see that nothing drifted"}
        answer = await operator.post("/rebuilds", json=slow)
        answer.raise_for_status()
        return str(answer.json()["id"]), str(letters["basket_not_found"])


async def letters_by_code(operator: httpx.AsyncClient) -> dict[str, int]:
    letters = (await operator.get("/dead-letters")).json()["letters"]
    return {letter["code"]: letter["id"] for letter in letters}


async def keep_shopping(service: CheckoutService) -> None:
    """A load that goes up and down, for the charts."""
    baskets = sample_baskets(PARTNERS[1])
    async with service.caller(PARTNERS[1]) as caller:
        turn = 0
        while True:
            turn += 1
            for basket in baskets[: 2 + turn % 7]:
                order = {"country": "US", "currency": "USD", "orderItems": basket["orderItems"][:5]}
                await caller.post("/partner/checkout/initiate", json={"order": order})
            await asyncio.sleep(0.4)


async def main() -> None:
    program = chromium()
    if program is None:
        sys.exit("no Chromium is installed; CHECKOUT_TEST_CHROMIUM may name one")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = {"CHECKOUT_KAFKA_DELIVERY": "at_least_once"}
        async with running_service(Path(folder), "--ephemeral", **environment) as service:
            played = await play_baskets(service, note=NOTE)
            token = (await service.command("token", "--scope", "operator", "--subject", "ada@operations")).strip()
            async with browser(program) as running:
                await photograph(running, service, played, token)


async def photograph(running: Browser, service: CheckoutService, played: PlayedBaskets, token: str) -> None:
    url = f"{service.url}/console"
    shopping = asyncio.create_task(keep_shopping(service))
    await asyncio.sleep(LOOKED_ON_FOR)
    wanted = pictures(played, *await mend(service, token))
    for suffix, size, dark in (("wide", SCREEN, False), ("phone", PHONE, False), ("dark", SCREEN, True)):
        async with window(running, url, size, dark=dark) as opened:
            if not dark:
                await opened.open("/sign-in")
                await shoot(opened.page, f"sign-in-{suffix}")
            await opened.sign_in(token)
            some = {name: wanted[name] for name in ("overview", "basket")} if dark else wanted
            await take(opened, some, suffix)
    shopping.cancel()
    with suppress(asyncio.CancelledError):
        await shopping


if __name__ == "__main__":
    asyncio.run(main())
