"""What a run of the suite is told."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class OfferVersion:
    """A version of an offer."""

    id: str
    version: str


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """The limits that the service is set to; the defaults are the contract's."""

    max_quantity: int = 9999
    max_items: int = 500
    max_actions: int = 200
    max_body_bytes: int = 256 * 1024


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """`kafka` is `host:port[,host:port…]`. `topic_prefix` stands before the names of topics that are read. Times are in
    seconds."""

    url: str
    token: SecretStr
    other_token: SecretStr | None = None
    other_scope_token: SecretStr | None = None
    offers: tuple[OfferVersion, ...] = ()
    country: str = "GB"
    currency: str = "GBP"
    kafka: str | None = None
    topic_prefix: str = ""
    dead_letters_allowed: bool = False
    load_catalogue: bool = False
    organisation: str | None = None
    landing_cookie: str = "landing_state"
    limits: ServiceLimits = ServiceLimits()
    timeout: float = 10.0
    at_once: int = 4
