"""The client kit of partner checkout: baskets over HTTP, events, verdicts and orders over Kafka."""

from checkout_client.errors import CheckoutClientError
from checkout_client.http.answers import CheckoutAnswer
from checkout_client.http.client import CheckoutClient
from checkout_client.http.problems import (
    CheckoutProblem,
    ConflictProblem,
    ForbiddenProblem,
    InvalidRequestProblem,
    NoAnswer,
    NotFoundProblem,
    PreconditionFailedProblem,
    RateLimitedProblem,
    RefusedMember,
    RequestInProgressProblem,
    UnauthorizedProblem,
    UnavailableProblem,
    UnexpectedAnswer,
)
from checkout_client.http.remedies import AppliedRemedy, MendedBasket, NoRemedy, find_remedy
from checkout_client.http.retries import NO_RETRIES, RetryPolicy
from checkout_client.http.sync_client import SyncCheckoutClient
from checkout_client.jwks import InvalidJwkSet, JwkSet, PromiseKeysUnavailable, RemoteJwkSet
from checkout_client.promises import (
    CheckedPromise,
    PromiseChecker,
    PromiseRefused,
    check_promise,
    evidence_digest,
)

__all__ = [
    "NO_RETRIES",
    "AppliedRemedy",
    "CheckedPromise",
    "CheckoutAnswer",
    "CheckoutClient",
    "CheckoutClientError",
    "CheckoutProblem",
    "ConflictProblem",
    "ForbiddenProblem",
    "InvalidJwkSet",
    "InvalidRequestProblem",
    "JwkSet",
    "MendedBasket",
    "NoAnswer",
    "NoRemedy",
    "NotFoundProblem",
    "PreconditionFailedProblem",
    "PromiseChecker",
    "PromiseKeysUnavailable",
    "PromiseRefused",
    "RateLimitedProblem",
    "RefusedMember",
    "RemoteJwkSet",
    "RequestInProgressProblem",
    "RetryPolicy",
    "SyncCheckoutClient",
    "UnauthorizedProblem",
    "UnavailableProblem",
    "UnexpectedAnswer",
    "check_promise",
    "evidence_digest",
    "find_remedy",
]
