"""The calls of the document: what each takes, and every problem that it can answer with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api.partner.openapi import examples

Document = dict[str, Any]

_EVERY = (
    "not_authenticated",
    "not_allowed",
    "basket_not_found",
    "internal_error",
    "store_unavailable",
    "keys_unavailable",
)
_COMMAND = (
    "invalid_header",
    "conflict",
    "request_in_progress",
    "version_mismatch",
    "basket_exists",
    "idempotency_key_reused",
)
_BODY = (
    "malformed_json",
    "repeated_member",
    "invalid_request",
    "body_too_large",
    "unsupported_media_type",
    "unsupported_content_encoding",
)
_BASKET = ("invalid_landing_state", "basket_finished", "external_id_in_use")
_PATH = ("not_found", "invalid_basket_id")


@dataclass(frozen=True, slots=True)
class Operation:
    """One call. `codes` are the problems that it can answer with; what `may_be_known` can be a 304."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    answer: str
    codes: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    request: str | None = None
    request_example: Document | None = None
    answer_headers: tuple[str, ...] = ("ETag",)
    may_be_known: bool = False


OPERATIONS = (
    Operation(
        id="initiate",
        method="post",
        path="/partner/checkout/initiate",
        summary="Create a basket, or bring one to what the request says",
        description=(
            "Which basket: `order.checkoutId`, else the landing state's, else the organisation's open basket"
            " with this `external_id`, else a new one. An open basket's items and details become the"
            " request's. A finished one: 409 if `checkoutId` named it, else a new basket. With"
            " `If-None-Match: *` only a new basket will do: one that is there is a 412."
        ),
        answer="InitiateAnswer",
        codes=(*_EVERY, *_COMMAND, *_BODY, *_BASKET),
        parameters=("LandingState", "IfMatch", "IfNoneMatch", "IdempotencyKey"),
        request="InitiateRequest",
        request_example=examples.INITIATE_REQUEST,
        answer_headers=("ETag", "Set-Cookie", "Idempotent-Replayed"),
    ),
    Operation(
        id="update",
        method="put",
        path="/partner/checkout/update",
        summary="Carry out actions on the landing state's basket: all, or none",
        description=(
            "The actions are carried out in their order. One bad action refuses the request, and nothing"
            " changes. Whether an item can be had is for validation to say; it is no reason to refuse it."
        ),
        answer="UpdateAnswer",
        codes=(*_EVERY, *_COMMAND, *_BODY, *_BASKET[:2]),
        parameters=("RequiredLandingState", "IfMatch", "IfNoneMatch", "IdempotencyKey"),
        request="UpdateRequest",
        request_example=examples.UPDATE_REQUEST,
        answer_headers=("ETag", "Idempotent-Replayed"),
    ),
    Operation(
        id="validate",
        method="post",
        path="/partner/checkout/validate/{id}",
        summary="Judge the basket as it is now",
        description=(
            "200 whatever the verdict: `ready` is the verdict. All findings come in one answer. Everything"
            " that was acknowledged before the call is judged. The call takes no body; one that comes is"
            " not read. An id that cannot be a basket's is a 422."
        ),
        answer="ValidateAnswer",
        codes=(*_EVERY, *_COMMAND, *_PATH),
        parameters=("BasketId", "IfMatch", "IfNoneMatch", "IdempotencyKey"),
        answer_headers=("ETag", "Idempotent-Replayed"),
    ),
    Operation(
        id="order",
        method="get",
        path="/partner/checkout/{id}",
        summary="The order as it is, to resume with",
        description=(
            "An id that cannot be a basket's is a 422. With `If-None-Match` and the `ETag` of an earlier answer,"
            " a basket that is as it was is a 304 without a body."
        ),
        answer="OrderAnswer",
        codes=(*_EVERY, *_PATH, "invalid_header", "version_mismatch"),
        parameters=("BasketId", "IfMatch", "IfNoneMatch"),
        may_be_known=True,
    ),
)
