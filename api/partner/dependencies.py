"""What the partner API needs. `cli/serve.py` takes it from the container, tests from fakes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from adapters.auth.tokens import TokenVerifier
from adapters.settings import Settings
from adapters.system import utc_now
from api.http.request_metrics import RequestMetrics
from api.partner.promise_keys import NO_KEYS
from domain.basket.lister import BasketLister
from domain.shared.values import Clock, NewId
from domain.validation.handlers import CheckoutHandlers


@dataclass(frozen=True, slots=True)
class PartnerApiDependencies:
    """`is_ready` says whether the API can serve calls now. It may raise Unavailable instead. `public_jwks` gives the
    public keys of promises as a JWK set."""

    settings: Settings
    handlers: CheckoutHandlers
    lister: BasketLister
    verifier: TokenVerifier
    new_id: NewId
    is_ready: Callable[[], Awaitable[bool]]
    public_jwks: Callable[[], bytes] = lambda: NO_KEYS
    clock: Clock = utc_now
    requests: RequestMetrics = field(default_factory=RequestMetrics)
