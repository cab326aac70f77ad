"""The page that Prometheus reads. Partners must not reach its port: its figures are for operators."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, REGISTRY, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.metrics.service_metrics import service_exposition
from domain.operators.dead_letters.model import DeadLetterCount
from domain.operators.status.service_status import StatusService
from domain.shared.errors import Unavailable

METRICS = "/metrics"

CountDeadLetters = Callable[[], Awaitable[Sequence[DeadLetterCount]]]


def metrics_route(status_service: StatusService, count_dead_letters: CountDeadLetters) -> Route:
    """`/metrics`: this process's counters, and the service's status where PostgreSQL answers."""

    async def metrics(_: Request) -> Response:
        try:
            service = service_exposition(await status_service.now(), await count_dead_letters())
        except Unavailable:
            service = service_exposition(None)
        return Response(
            generate_latest(REGISTRY) + service,
            media_type=CONTENT_TYPE_PLAIN_0_0_4,
            headers={"Cache-Control": "no-store"},
        )

    return Route(METRICS, metrics)
