"""The calls of the partner API as typed stubs, from which FastAPI makes the document. Nobody calls them.

The routes that answer (`api/partner/routes.py`) are plain Starlette: FastAPI's handling of a call costs several times
as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Cookie, Header, Path, Query, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from adapters.settings import Settings
from adapters.wire.action_requests import UpdateRequest
from adapters.wire.example_requests import BASKET_ID
from adapters.wire.requests import CancelRequest, InitiateRequest
from adapters.wire.response_schemas import (
    CancelAnswer,
    InitiateAnswer,
    OrderAnswer,
    UpdateAnswer,
    ValidateAnswer,
)
from api.partner.openapi.list_stub import baskets
from api.partner.openapi.public_stubs import RESPONSES_REPLACED, EntityTags, public_stub_routes
from domain.shared.values import BASKET_ID_PATTERN

_Absent = SkipJsonSchema[None]
_Key = Annotated[str, Field(pattern=r'^([!#-~][!-~]{0,254}|"([ !#-\[\]-~]|\\["\\]){1,255}")$')]
_State = Annotated[str, Field(pattern="^%7B%22basketId%22%3A%22basket-[A-Za-z0-9_-]{32,36}%22%7D$")]
_STATE: dict[str, Any] = {
    "description": 'The landing state: percent-encoded JSON `{"basketId": "basket-…"}`, at most 4 KiB.',
    "openapi_examples": {"basket": {"value": f"%7B%22basketId%22%3A%22{BASKET_ID}%22%7D"}},
}

# What a stub takes. A title is the name of the parameter among the document's components.
BasketId = Annotated[
    str,
    Path(
        title="BasketId",
        description="The basket's id. A UUID in it may be in either case.",
        pattern=BASKET_ID_PATTERN,
        openapi_examples={"basket": {"value": BASKET_ID}},
    ),
]
LandingState = Annotated[_State | _Absent, Cookie(title="LandingState", **_STATE)]
RequiredLandingState = Annotated[_State, Cookie(title="RequiredLandingState", **_STATE)]
IfMatch = Annotated[
    EntityTags | _Absent,
    Header(
        title="IfMatch",
        alias="If-Match",
        description='`*` or a list of entity tags, such as `"4"`. The call is refused unless the basket\'s tag is in'
        " the list.",
        openapi_examples={"version": {"value": '"4"'}},
    ),
]
IfNoneMatch = Annotated[
    EntityTags | _Absent,
    Header(
        title="IfNoneMatch",
        alias="If-None-Match",
        description="`*` or a list of entity tags. If the basket's tag is in the list, a GET gets 304, and a call that"
        " changes a basket is refused. `*` refuses a change of any existing basket.",
        openapi_examples={"version": {"value": '"3"'}},
    ),
]
IdempotencyKey = Annotated[
    _Key | _Absent,
    Header(
        title="IdempotencyKey",
        alias="Idempotency-Key",
        description="Makes retries safe: for 24 hours the same key and request get the first response again, also if"
        " it was an error. Other preconditions need a new key. A key belongs to one organisation and one kind of"
        ' call; a UUID is a good key. `k` and the quoted string `"k"` are the same key.',
    ),
]
Prefer = Annotated[
    str | _Absent,
    Header(
        title="Prefer",
        description="RFC 7240. `handling=strict` refuses members and parameters of the query that are not known here: 422,"
        " with their pointers. `handling=lenient` does not keep such members, and the answer names them in `ignored`;"
        " it passes such parameters over. Without the preference this service's setting decides. Other preferences are"
        " passed over.",
        openapi_examples={"strict": {"value": "handling=strict"}, "lenient": {"value": "handling=lenient"}},
    ),
]
Include = Annotated[
    Literal["findings"] | _Absent,
    Query(
        title="Include",
        description="`findings`: the answer says what a validation would find now, and what mends it. It is judged from"
        " what is remembered of the catalogue, which may be a moment old, and changes nothing. With it, GET answers no"
        " 304: findings change without a new version.",
    ),
]


def stub_routes(settings: Settings) -> Sequence[APIRoute]:
    """One stub for each call. A stub's name is the id of its operation."""
    token = HTTPBearer(
        scheme_name="partnerToken",
        bearerFormat="JWT",
        description="A JWT signed with RS256, ES256 or EdDSA. It needs the scope `partner` and names the partner"
        f" organisation in the claim `{settings.partner_claim}`.",
    )
    stubs = APIRouter(
        prefix="/partner/checkout",
        tags=["checkout"],
        dependencies=[Security(token, scopes=["partner"])],
        responses=RESPONSES_REPLACED,
        generate_unique_id_function=lambda route: route.name,
    )
    stubs.post("/initiate", summary="Create a basket, or change one to match the request")(initiate)
    stubs.put("/update", summary="Apply actions to the basket of the landing state, all or none")(update)
    stubs.post("/validate/{id}", summary="Validate the basket as it is now")(validate)
    stubs.post("/cancel/{id}", summary="Give the basket up")(cancel)
    stubs.get("", summary="List the organisation's own baskets")(baskets)
    stubs.get("/{id}", summary="Get the order, to resume it")(order)
    return [*(route for route in stubs.routes if isinstance(route, APIRoute)), *public_stub_routes()]


async def initiate(
    body: InitiateRequest,
    landing_state: LandingState = None,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    key: IdempotencyKey = None,
    prefer: Prefer = None,
    include: Include = None,
) -> InitiateAnswer:
    """The request means the basket of `order.checkoutId`, else that of the landing state, else the organisation's open
    basket with this `external_id`, else a new one. An open basket gets the items and details of the request. If the
    basket is finished: 409 if `checkoutId` named it, else a new basket. With `If-None-Match: *`, an existing basket is
    a 412."""
    raise NotImplementedError


async def update(
    body: UpdateRequest,
    landing_state: RequiredLandingState,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    key: IdempotencyKey = None,
    prefer: Prefer = None,
    include: Include = None,
) -> UpdateAnswer:
    """Applies the actions in their order. One bad action refuses the request, and nothing changes. An item that is not
    available is accepted; validation reports it."""
    raise NotImplementedError


async def validate(
    id: BasketId,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> ValidateAnswer:
    """200 with every verdict; `ready` says whether an order may be placed. The response has all findings, and covers
    every change that was acknowledged before the call. `remedy` has the actions that mend what the caller can mend:
    sent to update as they stand, with its `ifMatch`, they lead to what its `leadsTo` says. A request body is not read.
    An id of another form is a 422."""
    raise NotImplementedError


async def cancel(
    id: BasketId,
    body: CancelRequest,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> CancelAnswer:
    """No order can be placed from a cancelled basket, and its external id is free again. `reason` is a code with an
    optional text, or the code alone. A second cancel gets the same response, whatever version its
    preconditions name. A completed or expired basket is a 409."""
    raise NotImplementedError


async def order(
    id: BasketId,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    prefer: Prefer = None,
    include: Include = None,
) -> OrderAnswer:
    """With `If-None-Match` and the `ETag` of an earlier response, an unchanged basket is a 304 without a body. An id of
    another form is a 422."""
    raise NotImplementedError
