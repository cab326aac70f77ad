"""Promises: what a ready verdict says, signed, so that an order service can check it offline."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from domain.shared.errors import CheckoutError
from domain.shared.money import Money


class InvalidPromise(CheckoutError, ValueError):
    """A token is no promise of this service. The message says why, and never quotes the token."""


class BasketPromise(Struct, frozen=True):
    """The claims of a promise: this version of the basket is ready, and stays so from `issued_at` until before
    `expires_at`, both in whole seconds.

    `total` is None where the order has no single total, `currency` where the basket names none either. `evidence` is
    the digest of the verdict's evidence, see `evidence_digest`.
    """

    basket_id: str
    basket_version: int
    partner: str
    total: Money | None
    currency: str | None
    evidence: str
    issued_at: datetime
    expires_at: datetime

    def in_time_at(self, now: datetime) -> bool:
        return now < self.expires_at


class PromiseSigner(Protocol):
    def sign(self, promise: BasketPromise) -> str | None:
        """The promise as a compact JWS. None where no key may sign at `issued_at`."""


class PromiseVerifier(Protocol):
    def verify(self, token: str) -> BasketPromise:
        """The claims of a token that a key of this service signed. Expiry is left to the caller, who knows the moment
        that counts: see `BasketPromise.in_time_at`. Anybody may have written the token.

        Raises InvalidPromise.
        """
