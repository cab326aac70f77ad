"""What is raised where a call has no success: one class for each kind of trouble that callers treat differently.

CheckoutClientError
├── NoAnswer                       no answer came, and nobody knows whether the service did the work
├── UnexpectedAnswer               a success that is not what the contract says, such as a proxy's page
└── CheckoutProblem                the service, or something before it, refused or failed (any other status)
    ├── InvalidRequestProblem      400, 405, 413, 414, 415, 422, 431: the request must change
    ├── UnauthorizedProblem        401: there is no token, or it is not accepted
    ├── ForbiddenProblem           403: the token does not allow this call
    ├── NotFoundProblem            404: no such basket of this organisation
    ├── ConflictProblem            409: the basket takes no such change; has its version and order
    ├── RequestInProgressProblem   409: the first request with this key still runs
    ├── PreconditionFailedProblem  412: the basket is at another version, which it has
    ├── RateLimitedProblem         429: too many calls; says when to come back
    └── UnavailableProblem         502, 503, 504: the service is away or busy
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx
from pydantic_core import from_json

from checkout_client.errors import CheckoutClientError

Document = Mapping[str, Any]

_SHOWN_ERRORS = 3
_EXCERPT = 200
"""Characters of an answer that is no problem document."""


@dataclass(frozen=True, slots=True)
class RefusedMember:
    """One thing that is wrong with a request. `pointer` (RFC 6901) leads to it in the body; `code` is stable."""

    pointer: str
    code: str
    message: str


class NoAnswer(CheckoutClientError):
    """No answer came. The service may have done the work: only the same request with the same `idempotency_key` is
    safe to send again. `__cause__` is httpx's own error."""

    def __init__(self, cause: httpx.RequestError, idempotency_key: str | None) -> None:
        super().__init__(f"no answer came: {type(cause).__name__}: {cause}")
        self.idempotency_key = idempotency_key
        self.retryable = isinstance(cause, httpx.TimeoutException | httpx.NetworkError | httpx.RemoteProtocolError)


class UnexpectedAnswer(CheckoutClientError):
    """A success that is not what the contract says. The service may have done the work."""

    retryable = False

    def __init__(self, why: str, status: int, headers: httpx.Headers, idempotency_key: str | None) -> None:
        super().__init__(f"{status} with an unexpected body: {why}")
        self.status = status
        self.headers = headers
        self.idempotency_key = idempotency_key


class CheckoutProblem(CheckoutClientError):
    """An answer that is no success: mostly a problem document (RFC 9457), perhaps a proxy's page.

    `code` is stable, and None where the answer is no problem document. `document` has all members as they came.
    `retryable` says whether the same request with the same `idempotency_key` may succeed later.
    """

    retryable = False

    def __init__(self, response: httpx.Response, document: Document, idempotency_key: str | None = None) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.document = document
        self.idempotency_key = idempotency_key
        self.code = _text(document, "code")
        self.title = _text(document, "title") or _phrase(self.status)
        self.detail = _text(document, "detail") or _excerpt(response)
        self.errors = _refused_members(document)
        self.retry_after = retry_after(response.headers)
        """Seconds, from `Retry-After`; None where the answer does not say."""
        super().__init__(self._summary())

    def _summary(self) -> str:
        shown = [f"{error.pointer}: {error.message} ({error.code})" for error in self.errors[:_SHOWN_ERRORS]]
        more = len(self.errors) - len(shown)
        words = [f"{self.status} {self.code or self.title}: {self.detail}", *shown, *([f"{more} more"] if more else [])]
        return "; ".join(words)


class InvalidRequestProblem(CheckoutProblem):
    """The request must change. `errors` says what is wrong, each with its place."""


class UnauthorizedProblem(CheckoutProblem):
    """There is no token, or the service does not accept it."""


class ForbiddenProblem(CheckoutProblem):
    """The token does not allow this call."""


class NotFoundProblem(CheckoutProblem):
    """There is no such basket of this organisation."""


class ConflictProblem(CheckoutProblem):
    """The basket takes no such change: it is finished, its external id is in use, or other writers were faster."""

    @property
    def version(self) -> int | None:
        """The basket's version, where the answer says it."""
        return _version(self.document)

    @property
    def order(self) -> Document | None:
        """The order as it is now, where the answer says it."""
        order = self.document.get("order")
        return order if isinstance(order, Mapping) else None

    @property
    def basket_status(self) -> str | None:
        """How the basket ended, where it takes no more changes."""
        return _text(self.document, "basketStatus")


class RequestInProgressProblem(CheckoutProblem):
    """The first request with this key still runs."""

    retryable = True


class PreconditionFailedProblem(CheckoutProblem):
    """The basket is not at the version that `If-Match` names, or exists although it must not."""

    @property
    def version(self) -> int | None:
        """The basket's version; None if there is no such basket yet."""
        return _version(self.document)


class RateLimitedProblem(CheckoutProblem):
    """The organisation makes too many calls. `retry_after` says when to come back."""

    retryable = True


class UnavailableProblem(CheckoutProblem):
    """The service is away or busy. Only of 503 is it known that trying again is meant to help."""

    @property
    def retryable(self) -> bool:  # type: ignore[override]
        return self.status == HTTPStatus.SERVICE_UNAVAILABLE


_BY_CODE: Mapping[str, type[CheckoutProblem]] = {"request_in_progress": RequestInProgressProblem}
_BY_STATUS: Mapping[int, type[CheckoutProblem]] = {
    **dict.fromkeys((400, 405, 413, 414, 415, 422, 431), InvalidRequestProblem),
    401: UnauthorizedProblem,
    403: ForbiddenProblem,
    404: NotFoundProblem,
    409: ConflictProblem,
    412: PreconditionFailedProblem,
    429: RateLimitedProblem,
    **dict.fromkeys((502, 503, 504), UnavailableProblem),
}


def problem_of(response: httpx.Response, idempotency_key: str | None = None) -> CheckoutProblem:
    """The problem of an answer that is no success, whatever its body is."""
    document = _document(response)
    by_status = _BY_STATUS.get(response.status_code, CheckoutProblem)
    kind = _BY_CODE.get(_text(document, "code") or "", by_status)
    return kind(response, document, idempotency_key)


def retry_after(headers: httpx.Headers, now: datetime | None = None) -> float | None:
    """The seconds of `Retry-After`, in either form (RFC 9110 10.2.3); None where it is absent or unreadable. A moment
    is compared with the answer's own `Date`, so that clocks may differ."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    moment = _moment(value)
    if moment is None:
        return None
    return max(0.0, (moment - (_moment(headers.get("Date", "")) or now or datetime.now(UTC))).total_seconds())


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _document(response: httpx.Response) -> Document:
    """The body as an object; empty where it is none."""
    try:
        document = from_json(response.content)
    except ValueError:
        return {}
    return document if isinstance(document, Mapping) else {}


def _text(document: Document, name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) else None


def _version(document: Document) -> int | None:
    version = document.get("version")
    return version if type(version) is int else None


def _refused_members(document: Document) -> Sequence[RefusedMember]:
    listed = document.get("errors")
    errors = [error for error in listed if isinstance(error, Mapping)] if isinstance(listed, list) else []
    return [RefusedMember(*(_text(error, name) or "" for name in ("pointer", "code", "message"))) for error in errors]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "an unknown status"


def _excerpt(response: httpx.Response) -> str:
    media_type = response.headers.get("Content-Type", "").partition(";")[0] or "nothing"
    words = " ".join(response.text.split())[:_EXCERPT]
    return f"the answer is no problem document ({media_type}): {words}" if words else "the answer has no body"
