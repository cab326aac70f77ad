"""What the API is made of; `adapters.wiring` gives the parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.http.observing import Requests
from adapters.identity.verifier import TokenVerifier
from adapters.settings import Settings
from domain.basket.answering import Answers
from domain.basket.handlers import CheckoutHandlers
from domain.ports import Clock, NewId


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ApiParts:
    """`is_ready` says whether calls can be served at present; it may raise Unavailable instead."""

    settings: Settings
    handlers: CheckoutHandlers
    answers: Answers
    verifier: TokenVerifier
    new_id: NewId
    is_ready: Callable[[], Awaitable[bool]]
    clock: Clock = _utc_now
    requests: Requests = field(default_factory=Requests)
