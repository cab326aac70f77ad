"""What a ready verdict promises, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from domain.basket.basket import Basket
from domain.ports.promises import BasketPromise
from domain.shared.findings import Verdict


def evidence_digest(fact_ids: Iterable[str]) -> str:
    """SHA-256, in lower-case hexadecimal, of the ids in the order of their code points, each once, joined by line
    feeds in UTF-8. The order of the ids in a verdict does not matter."""
    return sha256("\n".join(sorted({*fact_ids})).encode()).hexdigest()


_MOST_SHARED = 256
"""Ids of facts. Verdicts with more hardly ever share them."""
_shared_digest = lru_cache(maxsize=512)(evidence_digest)


def make_promise(
    basket: Basket, verdict: Verdict, now: datetime, valid_until: datetime, lifetime: timedelta
) -> BasketPromise | None:
    """The promise of a verdict that time alone does not change from `now` until before `valid_until`.

    It lives for `lifetime` at most, from `now` in whole seconds. None if the verdict is not ready, if the
    basket is not open, or if no whole second is left.
    """
    if not verdict.ready or basket.status != "open":
        return None
    issued_at = now.replace(microsecond=0)
    expires_at = min(issued_at + lifetime, valid_until.replace(microsecond=0))
    if expires_at <= now:
        return None
    total = basket.total
    digest = _shared_digest if len(verdict.evidence) <= _MOST_SHARED else evidence_digest
    return BasketPromise(
        basket_id=basket.id,
        basket_version=basket.version,
        partner=basket.partner,
        total=total,
        currency=basket.details.currency or (None if total is None else total.currency),
        evidence=digest(verdict.evidence),
        issued_at=issued_at,
        expires_at=expires_at,
    )
