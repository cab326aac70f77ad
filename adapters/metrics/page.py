"""The page that Prometheus reads. It tells operators' figures: it belongs on ports that partners do not reach."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, REGISTRY, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.metrics.standing import exposition
from domain.errors import Unavailable
from domain.operating.standing import Statuses

METRICS = "/metrics"


def metrics_route(statuses: Statuses) -> Route:
    """`/metrics`: what this process counted, and how the whole service is, where PostgreSQL can be asked."""

    async def metrics(_: Request) -> Response:
        try:
            status = await statuses.now()
        except Unavailable:
            status = None
        return Response(
            generate_latest(REGISTRY) + exposition(status),
            media_type=CONTENT_TYPE_PLAIN_0_0_4,
            headers={"Cache-Control": "no-store"},
        )

    return Route(METRICS, metrics)
