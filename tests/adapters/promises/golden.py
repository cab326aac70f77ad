"""A key and a promise that never change, and the token that they give."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.jwk import from_base64url
from adapters.promises.keys import PromiseKey
from domain.ports.promises import BasketPromise
from domain.shared.money import Money

ISSUER = "urn:checkout:promises"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

KEY = PromiseKey.of(
    # RFC 8037, A.1
    Ed25519PrivateKey.from_private_bytes(from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")),
    created=NOON,
    signs_from=NOON,
)
KEY_ID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
"""RFC 8037, A.3"""

PROMISE = BasketPromise(
    basket_id="basket-0198b2c4-5d7e-7abc-8def-0123456789ab",
    basket_version=9,
    partner="acme",
    total=Money(amount=Decimal("20.00"), currency="GBP"),
    currency="GBP",
    evidence="b1aa2a2bfa121d5953fc603c657bdf185d597556c4d7ef5be2a52cd428aafd77",
    issued_at=NOON,
    expires_at=NOON.replace(minute=15),
)

TOKEN = (
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImtQcktfcW14VldhWVZBOXd3QkY2SXVvM3ZWeno3VHhIQ1R3WEJ5Z3JTNGsiLCJ0eXAiOiJjaGVja291dC1wcm"
    "9taXNlK2p3dCJ9.eyJpc3MiOiJ1cm46Y2hlY2tvdXQ6cHJvbWlzZXMiLCJpYXQiOjE3OTU0MzUyMDAsImV4cCI6MTc5NTQzNjEwMCwiYmFza2V0SWQ"
    "iOiJiYXNrZXQtMDE5OGIyYzQtNWQ3ZS03YWJjLThkZWYtMDEyMzQ1Njc4OWFiIiwiYmFza2V0VmVyc2lvbiI6OSwicGFydG5lciI6ImFjbWUiLCJ0b"
    "3RhbCI6eyJhbW91bnQiOiIyMC4wMCIsImN1cnJlbmN5IjoiR0JQIn0sImN1cnJlbmN5IjoiR0JQIiwicmVhZHkiOnRydWUsImV2aWRlbmNlIjoiYjF"
    "hYTJhMmJmYTEyMWQ1OTUzZmM2MDNjNjU3YmRmMTg1ZDU5NzU1NmM0ZDdlZjViZTJhNTJjZDQyOGFhZmQ3NyJ9.aTrXaFSrMt1zCIoeCo8jkR5Q2mE_"
    "n9xsvAbKAv59GREct_tcOvYO6no2VkeJvIIhbRNaiaMHhzKQrClbFCQJCg"
)
