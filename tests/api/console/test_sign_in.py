"""Who can sign in, and what is hidden from everybody else."""

from __future__ import annotations

import httpx
import pytest
from playwright.async_api import Browser, WebSocket, expect
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.api.console.browser import Window, window
from tests.api.console.conftest import OPERATOR, ConsoleStage
from tests.servers.waiting import eventually

PAGES = ["/", "/baskets", "/baskets/basket-1", "/dead-letters", "/rebuilds", "/audit", "/nothing"]


async def test_invalid_tokens_and_partners_tokens_are_refused_with_a_reason(
    stage: ConsoleStage, stranger: Window
) -> None:
    page = stranger.page
    await stranger.open("/")
    await page.wait_for_url("**/console/sign-in**")
    for token, words in (
        ("not a token", "This token is not accepted: this is no token."),
        (await stage.service.token("store-367"), "This token is no operator's: it lacks the scope operator."),
    ):
        await page.fill("#token", token)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_have_text(words)


async def test_the_sign_in_leads_to_the_wanted_page(stage: ConsoleStage, stranger: Window) -> None:
    await stranger.open("/audit?limit=1")
    await stranger.page.fill("#token", f"Bearer {stage.token}")
    await stranger.page.get_by_role("button", name="Sign in").click()
    await stranger.page.wait_for_url("**/console/audit?limit=1")
    await expect(stranger.page.locator(".who .name")).to_have_text(OPERATOR)
    await stranger.page.locator(".who").get_by_role("button", name="Sign out").click()
    await stranger.page.wait_for_url("**/console/sign-in")
    await stranger.open("/audit")
    await stranger.page.wait_for_url("**/console/sign-in?next=**")


async def test_other_open_pages_close_with_the_session(stage: ConsoleStage, running_browser: Browser) -> None:
    async with window(running_browser, stage.url) as one:
        await one.sign_in(stage.token)
        other = await one.page.context.new_page()
        await other.goto(f"{stage.url}/audit")
        await expect(other.locator("h1")).to_have_text("Audit")
        await one.page.locator(".who").get_by_role("button", name="Sign out").click()
        await other.wait_for_url("**/console/sign-in**")


async def test_an_open_page_alone_does_not_keep_its_session_alive(stage: ConsoleStage, stranger: Window) -> None:
    sent: list[str] = []
    received: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: sent.append(str(frame)))
        socket.on("framereceived", lambda frame: received.append(str(frame)))

    def did_something() -> bool:
        return any(frame.startswith('42["event"') for frame in sent)

    stranger.page.on("websocket", listen)
    await stranger.sign_in(stage.token)
    await stranger.open("/")
    # The page is live: it is told something every few seconds, and the server asks whether it is there.
    await eventually(lambda: len(received) > 12, limit=100)
    assert not did_something()
    await stranger.page.locator(".who").get_by_role("button", name="As the browser prefers").click()
    await eventually(did_something, limit=60)


@pytest.mark.parametrize("path", PAGES)
async def test_nothing_is_shown_without_a_session(stage: ConsoleStage, path: str) -> None:
    async with httpx.AsyncClient() as stranger:
        asked = await stranger.get(stage.url + path, headers={"accept": "text/html"})
        assert asked.status_code == 303
        assert asked.headers["location"].startswith("/console/sign-in?next=/")
        program = await stranger.get(stage.url + path)
        assert (program.status_code, program.text) == (403, "Sign in first.")
        forged = await stranger.get(stage.url + path, headers={"cookie": "checkout_console=x"})
        assert forged.status_code == 403


async def test_a_websocket_without_a_session_is_refused(stage: ConsoleStage) -> None:
    socket = "/_nicegui_ws/socket.io/?EIO=4&transport="
    async with httpx.AsyncClient() as stranger:
        assert (await stranger.get(f"{stage.url}{socket}polling")).status_code == 403
    address = f"{stage.url.replace('http', 'ws', 1)}{socket}websocket"
    async with connect(address) as opened:
        assert str(await opened.recv()).startswith("0{")
        await opened.send("40")
        assert await opened.recv() == '44{"message":"Implicit handshake failed"}'
        await opened.send('42["event",{}]')
        with pytest.raises(ConnectionClosed) as closed:
            await opened.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    with pytest.raises(InvalidStatus):
        await connect(address, origin=Origin("https://elsewhere.example"))


async def test_another_sites_page_cannot_use_an_operators_session(stage: ConsoleStage) -> None:
    async with httpx.AsyncClient() as browser:
        await _sign_in(browser, stage)
        elsewhere = {"origin": "https://elsewhere.example", "sec-fetch-site": "cross-site"}
        signed = await browser.post(f"{stage.url}/sign-in", data={"token": stage.token}, headers=elsewhere)
        assert signed.status_code == 403
        posted = await browser.post(f"{stage.url}/_nicegui_ws/socket.io/?EIO=4&transport=polling", headers=elsewhere)
        assert posted.status_code == 403


async def test_the_cookie_is_strict_and_pages_are_not_cached(stage: ConsoleStage) -> None:
    async with httpx.AsyncClient() as browser:
        answer = await _sign_in(browser, stage)
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Path=/console" in cookie
        assert stage.token not in cookie
        page = await browser.get(stage.url + "/audit")
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-robots-tag"].startswith("noindex")
        assert page.headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert stage.token not in page.text


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.example",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "javascript:alert(1)",
        "/%0d%0aX: y\n",
    ],
)
async def test_the_sign_in_never_redirects_to_another_site(stage: ConsoleStage, target: str) -> None:
    async with httpx.AsyncClient() as browser:
        answer = await browser.post(f"{stage.url}/sign-in", data={"token": stage.token, "next": target})
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/console/")


async def _sign_in(browser: httpx.AsyncClient, stage: ConsoleStage) -> httpx.Response:
    return await browser.post(f"{stage.url}/sign-in", data={"token": stage.token})
