"""The page that Prometheus reads. It tells operators' figures: it belongs on ports that partners do not reach."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, REGISTRY, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.metrics.letters import letters_exposition
from adapters.metrics.standing import exposition
from domain.errors import Unavailable
from domain.operating.dead_letters import LetterCount
from domain.operating.standing import Statuses

METRICS = "/metrics"

Counts = Callable[[], Awaitable[Sequence[LetterCount]]]


def metrics_route(statuses: Statuses, letters: Counts) -> Route:
    """`/metrics`: what this process counted, and how the whole service is and which dead letters wait, where
    PostgreSQL can be asked."""

    async def metrics(_: Request) -> Response:
        try:
            service = exposition(await statuses.now()) + letters_exposition(await letters())
        except Unavailable:
            service = exposition(None)
        return Response(
            generate_latest(REGISTRY) + service,
            media_type=CONTENT_TYPE_PLAIN_0_0_4,
            headers={"Cache-Control": "no-store"},
        )

    return Route(METRICS, metrics)
