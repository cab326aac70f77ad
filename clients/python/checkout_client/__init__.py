"""The client kit of partner checkout: baskets over HTTP, events, verdicts and orders over Kafka."""

from checkout_client.errors import CheckoutClientError
from checkout_client.jwks import JwkSet, PromiseKeysUnavailable, RemoteJwkSet
from checkout_client.promises import (
    CheckedPromise,
    PromiseChecker,
    PromisedTotal,
    PromiseRefused,
    check_promise,
    evidence_digest,
)

__all__ = [
    "CheckedPromise",
    "CheckoutClientError",
    "JwkSet",
    "PromiseChecker",
    "PromiseKeysUnavailable",
    "PromiseRefused",
    "PromisedTotal",
    "RemoteJwkSet",
    "check_promise",
    "evidence_digest",
]
