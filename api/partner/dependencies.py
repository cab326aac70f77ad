"""What the API is made of; `adapters.container` gives the parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.auth.tokens import TokenVerifier
from adapters.settings import Settings
from api.http.request_metrics import RequestMetrics
from domain.basket.handlers import CheckoutHandlers
from domain.basket.idempotency import IdempotencyStore
from domain.shared.values import Clock, NewId


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class PartnerApiDependencies:
    """`is_ready` says whether calls can be served at present; it may raise Unavailable instead."""

    settings: Settings
    handlers: CheckoutHandlers
    answers: IdempotencyStore
    verifier: TokenVerifier
    new_id: NewId
    is_ready: Callable[[], Awaitable[bool]]
    clock: Clock = _utc_now
    requests: RequestMetrics = field(default_factory=RequestMetrics)
