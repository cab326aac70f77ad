"""What the API is made of; `adapters.container` gives the parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.auth.tokens import TokenVerifier
from adapters.settings import Settings
from api.http.request_metrics import RequestMetrics
from domain.shared.values import Clock, NewId
from domain.validation.handlers import CheckoutHandlers


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class PartnerApiDependencies:
    """`is_ready` says whether calls can be served at present; it may raise Unavailable instead."""

    settings: Settings
    handlers: CheckoutHandlers
    verifier: TokenVerifier
    new_id: NewId
    is_ready: Callable[[], Awaitable[bool]]
    clock: Clock = _utc_now
    requests: RequestMetrics = field(default_factory=RequestMetrics)
