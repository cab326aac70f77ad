"""How the service is."""

from __future__ import annotations

from fastapi import APIRouter

from adapters.container import Container
from domain.operators.status.model import ServiceStatus


def router(container: Container) -> APIRouter:
    routes = APIRouter(tags=["status"])

    @routes.get("/status", summary="How the service is: its workers, their lags, and who holds each lease")
    async def show_status() -> ServiceStatus:
        """The same as `checkout status --json`. For time series let Prometheus read `/metrics` of each process:
        workers serve it on their health port, the API on `CHECKOUT_METRICS_PORT`."""
        return await container.service_status.now()

    return routes
