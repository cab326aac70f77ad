"""The console as an ASGI application: its door, its pages on NiceGUI, and the gate before them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from nicegui import __version__ as nicegui_version
from nicegui import app as pages_app
from nicegui import background_tasks, ui
from starlette.types import ASGIApp

from adapters.http.static import Assets
from adapters.wiring import Parts
from operations.console.gate import Gate
from operations.console.operator_api import operator_api_routes
from operations.console.pages import register
from operations.console.pages.unknown import no_such_page
from operations.console.quiet import keep_sockets_quiet
from operations.console.sessions import Sessions
from operations.console.sign_in import SIGN_IN, SIGN_OUT, SignIn
from operations.console.trend import Trend
from operations.console.visit import Console
from operations.judged import Judgements

ASSETS = Path(__file__).parent / "assets"
ACCENT = "#2d55c4"
"""As the style sheet has it on light ground."""

CONNECTION_SECONDS = 30.0
"""How long a page's connection may be silent or broken before the page is given up and loads anew. On a busy
machine the library's own 3 s would be over before a page is drawn, again and again."""


def mount(parts: Parts, path: str, operator_api: dict[str, Any]) -> ASGIApp:
    """NiceGUI keeps its pages for the whole process, so that this is to be called once in it."""
    settings = parts.settings
    sessions = Sessions(
        parts.verifier,
        idle_timeout=settings.console_idle_timeout,
        lifetime=settings.console_session_lifetime,
    )
    console = Console(
        parts=parts,
        sessions=sessions,
        trend=Trend(parts.statuses, parts.dead_letter_box),
        judgements=Judgements(parts.store, parts.history),
        root=path,
    )
    door = SignIn(
        sessions,
        path,
        idle_timeout=settings.console_idle_timeout,
        secure=settings.landing_cookie_secure,
    )
    application = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    application.router.routes.extend([*door.routes(), *operator_api_routes(path, operator_api)])
    application.mount(f"{path}/assets", Assets(directory=ASSETS))
    keep_sockets_quiet()
    register(console)
    _keep_looking(console.trend)
    pages_app.colors(primary=ACCENT)
    ui.add_head_html('<meta name="robots" content="noindex, nofollow">', shared=True)
    ui.run_with(
        application,
        root=no_such_page(console),
        mount_path=path,
        title="Partner checkout",
        favicon=(ASSETS / "mark.svg").read_text(encoding="utf-8"),
        dark=None,
        language="en-GB",
        tailwind=False,
        show_welcome_message=False,
        reconnect_timeout=CONNECTION_SECONDS,
        storage_secret=None,
    )
    assets, released = f"{path}/assets/", f"{path}/_nicegui/"
    return Gate(
        application,
        sessions,
        root=path,
        sign_in=path + SIGN_IN,
        # The sign-in page needs its fonts. All else that the library serves wants a session.
        open_to_all=(path + SIGN_IN, path + SIGN_OUT, assets, f"{released}{nicegui_version}/static/"),
        kept=(assets, released),
    )


def _keep_looking(trend: Trend) -> None:
    looking: list[asyncio.Task[None]] = []

    def begin() -> None:
        looking.append(background_tasks.create(trend.keep_looking(), name="console trend"))

    def end() -> None:
        for task in looking:
            task.cancel()

    pages_app.on_startup(begin)
    pages_app.on_shutdown(end)
