"""`checkout serve`: the partner API as a process, and what operators use beside it."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack

from starlette.applications import Starlette
from starlette.types import ASGIApp

from adapters.auth.tokens import warn_about_issuer
from adapters.container import Container, open_operator_container, open_partner_container
from adapters.http.server import serve, serve_in_background
from adapters.metrics.service_metrics import metrics_route
from adapters.settings import Settings
from adapters.system import new_id, relax_garbage_collection
from api.http.dispatcher import Dispatcher
from api.http.index_page import index_page_app
from api.operators.app import OPERATOR_API_PATH, operator_app
from api.partner.app import PartnerApi
from api.partner.dependencies import PartnerApiDependencies
from cli.heartbeat_reporter import report_heartbeats, this_process
from cli.ports import require_free_port
from domain.operators.status.model import WorkerReport
from domain.shared.errors import Unavailable
from workers.heartbeat import Heartbeat

CONSOLE = "/console"


async def run_api(settings: Settings, listening: socket.socket | None = None) -> None:
    """Serves until SIGTERM or SIGINT; running requests get five seconds to end. Where a port for metrics is set, it
    serves them there, apart from partners. It takes connections from the socket that is `listening` already, if there
    is one. Raises ConsoleUnavailable where the settings want a console and its extra is missing."""
    if listening is None:
        require_free_port(settings.host, settings.port, "the API", "--port or CHECKOUT_PORT")
    if settings.metrics_port is not None:
        require_free_port(settings.host, settings.metrics_port, "metrics", "CHECKOUT_METRICS_PORT")
    async with AsyncExitStack() as stack:
        container = await stack.enter_async_context(open_partner_container(settings))
        # A container of its own, so that partners' requests never run with operators' rights.
        operators = container
        if settings.operator_database_url is not None:
            operators = await stack.enter_async_context(open_operator_container(settings, serving=True))
        container.personal_data.warn_if_unencrypted()
        container.warn_without_promises()
        warn_about_issuer(settings)
        api = partner_dependencies(container)
        application = api_application(api, operators)
        if settings.metrics_port is not None:
            metrics = metrics_route(container.service_status, container.dead_letter_service.counts)
            await stack.enter_async_context(
                serve_in_background(Starlette(routes=[metrics]), settings, settings.metrics_port, "metrics")
            )
        process = this_process(container.instance)
        reports = _ApiReports(api)
        await stack.enter_async_context(report_heartbeats(container.worker_status, process, reports))
        relax_garbage_collection()
        await serve(
            application,
            settings,
            settings.port,
            finish_within=5,
            websockets=settings.console,
            listening=listening,
        )


def partner_dependencies(container: Container) -> PartnerApiDependencies:
    """What the partner API takes from a container."""
    return PartnerApiDependencies(
        settings=container.settings,
        handlers=container.handlers,
        lister=container.basket_lister,
        verifier=container.token_verifier,
        new_id=new_id,
        is_ready=container.is_ready,
        public_jwks=container.public_jwks,
    )


def api_application(api: PartnerApiDependencies, operators: Container) -> Dispatcher:
    """All that the API's port serves."""
    partner_api = PartnerApi(api)
    operator_api = operator_app(operators)
    applications: dict[str, ASGIApp] = {OPERATOR_API_PATH: operator_api}
    if not operators.settings.console:
        return Dispatcher(partner_api, applications, index=index_page_app(console=None), lifespan=partner_api)
    from api.console import console_app

    console = console_app(operators, CONSOLE, operator_api.openapi())
    return Dispatcher(
        partner_api,
        {**applications, CONSOLE: console},
        index=index_page_app(console=CONSOLE),
        lifespan=console,
        websockets=console,
    )


class _ApiReports:
    """The reports of the API, as those of a worker."""

    def __init__(self, api: PartnerApiDependencies) -> None:
        self._api = api
        self._heartbeat = Heartbeat("api")
        self._reported = 0

    async def __call__(self) -> Sequence[WorkerReport]:
        try:
            self._heartbeat.ready(await self._api.is_ready())
        except Unavailable:
            self._heartbeat.ready(False)
        answered = self._api.requests.answered
        self._heartbeat.handled(answered - self._reported)
        self._reported = answered
        return [await self._heartbeat.report()]
