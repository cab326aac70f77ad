"""The console as an ASGI application: the sign-in, the pages on NiceGUI, and the middleware before them."""

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
from api.console.page_context import ConsoleContext
from api.console.pages import register
from api.console.pages.not_found import page_not_found
from api.console.sessions import Sessions
from api.console.sign_in import SIGN_IN, SIGN_OUT, SignInRoutes
from api.console.status_history import StatusHistory
from api.http.static_files import StaticAssets, swagger_routes
from domain.operators.history.verdict_reader import VerdictReader

ASSETS = Path(__file__).parent / "assets"
ACCENT = "#2d55c4"
"""The accent of console.css on light ground."""

RECONNECT_SECONDS = 30.0
"""How long a page's connection may be silent or broken before the page loads anew. On a busy machine the library's
own 3 s would pass before a page is drawn, again and again."""


def create_console(container: Container, path: str, operator_api: dict[str, Any]) -> ASGIApp:
    """To be called once in a process: NiceGUI keeps its pages for the whole process."""
    settings = container.settings
    sessions = Sessions(
        container.token_verifier,
        idle_timeout=settings.console_idle_timeout,
        lifetime=settings.console_session_lifetime,
    )
    console = ConsoleContext(
        container=container,
        sessions=sessions,
        status_history=StatusHistory(container.service_status, container.dead_letter_service),
        verdicts=VerdictReader(container.event_store, container.catalogue_history),
        root=path,
    )
    sign_in = SignInRoutes(
        sessions,
        path,
        idle_timeout=settings.console_idle_timeout,
        secure=settings.landing_cookie_secure,
    )
    application = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    # The operator API needs a token for its document; these need the console's session.
    operator_api_page = f"{path}/operator-api"
    documentation = swagger_routes(
        operator_api,
        page=operator_api_page,
        document=f"{operator_api_page}/openapi.json",
        assets=f"{operator_api_page}/assets",
    )
    application.router.routes.extend([*sign_in.routes(), *documentation])
    application.mount(f"{path}/assets", StaticAssets(directory=ASSETS))
    install_log_filters()
    register(console)
    _sample_status(console.status_history)
    pages_app.colors(primary=ACCENT)
    ui.add_head_html('<meta name="robots" content="noindex, nofollow">', shared=True)
    ui.run_with(
        application,
        root=lambda: page_not_found(console),
        mount_path=path,
        title="Partner checkout",
        favicon=(ASSETS / "logo.svg").read_text(encoding="utf-8"),
        dark=None,
        language="en-GB",
        tailwind=False,
        show_welcome_message=False,
        reconnect_timeout=RECONNECT_SECONDS,
        storage_secret=None,
    )
    assets, released = f"{path}/assets/", f"{path}/_nicegui/"
    return AuthMiddleware(
        application,
        sessions,
        root=path,
        sign_in=path + SIGN_IN,
        # The sign-in page needs its fonts. Everything else that the library serves needs a session.
        public=(path + SIGN_IN, path + SIGN_OUT, assets, f"{released}{nicegui_version}/static/"),
        cacheable=(assets, released),
    )


def _sample_status(history: StatusHistory) -> None:
    """Takes samples from the start of the application to its end."""
    tasks: list[asyncio.Task[None]] = []
    pages_app.on_startup(lambda: tasks.append(background_tasks.create(history.keep_sampling(), name="console status")))
    pages_app.on_shutdown(lambda: [task.cancel() for task in tasks])
