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

from adapters.container import Container
from api.console.auth_middleware import AuthMiddleware
from api.console.log_filters import install_log_filters
from api.console.operator_api_page import operator_api_routes
from api.console.page_context import ConsoleContext
from api.console.pages import register
from api.console.pages.not_found import page_not_found
from api.console.sessions import Sessions
from api.console.sign_in import SIGN_IN, SIGN_OUT, SignInRoutes
from api.console.status_history import StatusHistory
from api.http.static_files import StaticAssets
from domain.operators.history.verdict_reader import VerdictReader

ASSETS = Path(__file__).parent / "assets"
ACCENT = "#2d55c4"
"""As the style sheet has it on light ground."""

CONNECTION_SECONDS = 30.0
"""How long a page's connection may be silent or broken before the page is given up and loads anew. On a busy
machine the library's own 3 s would be over before a page is drawn, again and again."""


def create_console(parts: Container, path: str, operator_api: dict[str, Any]) -> ASGIApp:
    """NiceGUI keeps its pages for the whole process, so that this is to be called once in it."""
    settings = parts.settings
    sessions = Sessions(
        parts.token_verifier,
        idle_timeout=settings.console_idle_timeout,
        lifetime=settings.console_session_lifetime,
    )
    console = ConsoleContext(
        parts=parts,
        sessions=sessions,
        trend=StatusHistory(parts.service_status, parts.dead_letter_service),
        judgements=VerdictReader(parts.event_store, parts.catalogue_history),
        root=path,
    )
    door = SignInRoutes(
        sessions,
        path,
        idle_timeout=settings.console_idle_timeout,
        secure=settings.landing_cookie_secure,
    )
    application = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    application.router.routes.extend([*door.routes(), *operator_api_routes(path, operator_api)])
    application.mount(f"{path}/assets", StaticAssets(directory=ASSETS))
    install_log_filters()
    register(console)
    _keep_looking(console.trend)
    pages_app.colors(primary=ACCENT)
    ui.add_head_html('<meta name="robots" content="noindex, nofollow">', shared=True)
    ui.run_with(
        application,
        root=page_not_found(console),
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
    return AuthMiddleware(
        application,
        sessions,
        root=path,
        sign_in=path + SIGN_IN,
        # The sign-in page needs its fonts. All else that the library serves wants a session.
        open_to_all=(path + SIGN_IN, path + SIGN_OUT, assets, f"{released}{nicegui_version}/static/"),
        kept=(assets, released),
    )


def _keep_looking(trend: StatusHistory) -> None:
    looking: list[asyncio.Task[None]] = []

    def begin() -> None:
        looking.append(background_tasks.create(trend.keep_looking(), name="console trend"))

    def end() -> None:
        for task in looking:
            task.cancel()

    pages_app.on_startup(begin)
    pages_app.on_shutdown(end)
