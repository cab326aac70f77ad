"""The API as a process, with what operators use beside it."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from contextlib import AsyncExitStack

from starlette.applications import Starlette
from starlette.types import ASGIApp

from adapters.container import Container, new_id, open_container
from adapters.http.limits import HttpLimits
from adapters.http.server import serve, serve_in_background
from adapters.metrics.page import metrics_route
from adapters.settings import Settings
from api.http.dispatcher import Dispatcher
from api.http.index_page import index_page_app
from api.operators import OPERATOR_API_PATH, operator_app
from api.partner.app import PartnerApiDependencies, create_app
from cli.heartbeat_reporter import report_heartbeats, this_process
from cli.ports import require_free_port
from domain.operators.status.model import WorkerReport
from domain.shared.errors import Unavailable
from workers.heartbeat import Heartbeat

CIRCLES_LOOKED_FOR = (10_000, 20, 100)
"""Thresholds of the garbage collector. What a request leaves behind is hardly ever a circle, and to look for circles
in all that is remembered of baskets and the catalogue takes a fifth of a second, in which nobody is answered."""

CONSOLE = "/console"


async def run_api(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; requests that run get five seconds to end. Where a port for metrics is
    set, they are served there, apart from partners. Raises ConsoleUnavailable where the console is wanted and
    cannot be had."""
    require_free_port(settings.host, settings.port, "the API", "--port or CHECKOUT_PORT")
    if settings.metrics_port is not None:
        require_free_port(settings.host, settings.metrics_port, "metrics", "CHECKOUT_METRICS_PORT")
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_container(settings, serving=True, of_operators=False))
        # Parts of their own, because what partners send is never done with the rights of operators.
        operating = parts
        if settings.operator_database_url is not None:
            operating = await stack.enter_async_context(open_container(settings, serving=True))
        parts.privacy.warn_if_unencrypted()
        api = PartnerApiDependencies(
            settings=settings,
            handlers=parts.handlers,
            verifier=parts.verifier,
            new_id=new_id,
            is_ready=parts.is_ready,
        )
        rooms = _rooms(api, operating)
        limits = HttpLimits.of(settings)
        if settings.metrics_port is not None:
            metrics = Starlette(routes=[metrics_route(parts.statuses, parts.dead_letter_service.counts)])
            await stack.enter_async_context(
                serve_in_background(metrics, settings.host, settings.metrics_port, "metrics", limits)
            )
        process = this_process(parts.instance)
        await stack.enter_async_context(report_heartbeats(parts.worker_states, process, _ApiReports(api)))
        gc.freeze()  # what was made until now stays
        gc.set_threshold(*CIRCLES_LOOKED_FOR)
        await serve(rooms, settings.host, settings.port, limits, finish_within=5, websockets=settings.console)


def _rooms(api: PartnerApiDependencies, parts: Container) -> ASGIApp:
    partner_api = create_app(api)
    operations = operator_app(parts)
    rooms: dict[str, ASGIApp] = {OPERATOR_API_PATH: operations}
    if not parts.settings.console:
        return Dispatcher(partner_api, rooms, index=index_page_app(console=None), lifespan=partner_api)
    from api.console import console_app

    console = console_app(parts, CONSOLE, operations.openapi())
    return Dispatcher(
        partner_api,
        {**rooms, CONSOLE: console},
        index=index_page_app(console=CONSOLE),
        lifespan=console,
        websockets=console,
    )


class _ApiReports:
    """What the API says of itself, as workers do."""

    def __init__(self, api: PartnerApiDependencies) -> None:
        self._api = api
        self._pulse = Heartbeat("api")
        self._told = 0

    async def __call__(self) -> Sequence[WorkerReport]:
        try:
            self._pulse.ready(await self._api.is_ready())
        except Unavailable:
            self._pulse.ready(False)
        answered = self._api.requests.answered
        self._pulse.handled(answered - self._told)
        self._told = answered
        return [await self._pulse.report()]
