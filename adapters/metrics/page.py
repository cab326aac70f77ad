"""The page that Prometheus reads. It tells operators' figures: it belongs on ports that partners do not reach."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, REGISTRY, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.metrics.dead_letter_metrics import dead_letter_exposition
from adapters.metrics.service_metrics import status_exposition
from domain.operators.dead_letters.model import DeadLetterCount
from domain.operators.status.service_status import StatusService
from domain.shared.errors import Unavailable

METRICS = "/metrics"

Counts = Callable[[], Awaitable[Sequence[DeadLetterCount]]]


def metrics_route(statuses: StatusService, letters: Counts) -> Route:
    """`/metrics`: what this process counted, and how the whole service is and which dead letters wait, where
    PostgreSQL can be asked."""

    async def metrics(_: Request) -> Response:
        try:
            service = status_exposition(await statuses.now()) + dead_letter_exposition(await letters())
        except Unavailable:
            service = status_exposition(None)
        return Response(
            generate_latest(REGISTRY) + service,
            media_type=CONTENT_TYPE_PLAIN_0_0_4,
            headers={"Cache-Control": "no-store"},
        )

    return Route(METRICS, metrics)
