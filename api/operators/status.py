"""How the service is, and where its figures are."""

from __future__ import annotations

from fastapi import APIRouter

from adapters.container import Container
from api.operators.problems import problems
from domain.operators.status.model import ServiceStatus


def router(parts: Container) -> APIRouter:
    routes = APIRouter(tags=["status"])

    @routes.get(
        "/status",
        summary="How the service is: its workers, what waits for them, and who does what only one does",
        responses=problems(),
    )
    async def show_status() -> ServiceStatus:
        """The same as `checkout status --json`. For time series, have Prometheus read `/metrics` of each process:
        workers serve it on their health port, the API on `CHECKOUT_METRICS_PORT`."""
        return await parts.service_status.now()

    return routes
