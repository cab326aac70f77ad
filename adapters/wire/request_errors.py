"""Why a request is refused before the domain sees it. `problems.py` says how callers are told.

RequestError
├── MalformedBody            no JSON at all
├── InvalidBasketId          an id that cannot be a basket's
├── InvalidHeader            a header that cannot be read
├── InvalidLandingState      the landing state cookie is missing, unreadable or too large
├── BodyTooLarge
├── UnsupportedMediaType
├── UnsupportedContentEncoding
├── RouteNotFound
├── MethodNotAllowed
├── NotAuthenticated         no token, or one that is not accepted
└── NotAllowed               a good token that does not allow this call
RepeatedMemberName (an InvalidCommand): an object of the body has a member twice
InvalidRequest (an InvalidInput): a body that is not as the contract says
InvalidParameters (an InvalidInput): parameters of the query that are unknown, repeated or wrong
KeysUnavailable (an Unavailable): the token issuer's keys cannot be fetched, so the token was not checked
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from domain.shared.errors import CheckoutError, InvalidCommand, Unavailable, Violation


class RequestError(CheckoutError):
    """The request is refused, whatever the basket is. The response has `headers`."""

    headers: Mapping[str, str] = MappingProxyType({})


class InvalidInput(InvalidCommand):
    """One violation for each thing that is wrong. The response has `headers`."""

    def __init__(
        self,
        violations: tuple[Violation, ...],
        omitted: int = 0,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(violations, omitted)
        self.headers = headers


class InvalidRequest(InvalidInput):
    """The body is JSON, but not as the contract says."""


class InvalidParameters(InvalidInput):
    """One violation for each parameter of the query that is wrong. Its location is the parameter's name."""


class RepeatedMemberName(InvalidCommand):
    def __init__(self, location: tuple[str | int, ...]) -> None:
        super().__init__((Violation(location, "repeated_member", "this name stands twice in one object"),))


class MalformedBody(RequestError):
    pass


class InvalidBasketId(RequestError):
    pass


class InvalidHeader(RequestError):
    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")


class InvalidLandingState(RequestError):
    pass


class BodyTooLarge(RequestError):
    def __init__(self, limit: int) -> None:
        super().__init__(f"a body holds at most {limit} bytes")


class UnsupportedMediaType(RequestError):
    def __init__(self) -> None:
        super().__init__("a body is application/json")


class UnsupportedContentEncoding(RequestError):
    headers = MappingProxyType({"Accept-Encoding": "identity"})

    def __init__(self) -> None:
        super().__init__("a body is sent as it is: Content-Encoding is identity or absent")


class RouteNotFound(RequestError):
    def __init__(self) -> None:
        super().__init__("there is nothing under this path")


class MethodNotAllowed(RequestError):
    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"this path takes {', '.join(allowed)}")
        self.headers = {"Allow": ", ".join(allowed)}


class NotAuthenticated(RequestError):
    """`error` is the code of RFC 6750; None if there was no token."""

    def __init__(self, why: str, error: str | None = "invalid_token") -> None:
        super().__init__(why)
        self.error = error


class NotAllowed(RequestError):
    """`scope` is what the call needs."""

    def __init__(self, why: str, scope: str) -> None:
        super().__init__(why)
        self.scope = scope


class KeysUnavailable(Unavailable):
    retry_after_seconds = 5
