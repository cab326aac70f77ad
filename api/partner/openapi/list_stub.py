"""The typed stub of the list of baskets (see `stubs.py`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from adapters.wire.list_parameters import DEFAULT_LIMIT
from adapters.wire.response_schemas import BasketListAnswer
from api.partner.openapi.examples import CURSOR
from domain.basket.events import BasketStatus
from domain.basket.lister import MAX_LISTED
from domain.shared.values import PRINTABLE

_Absent = SkipJsonSchema[None]
_Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
_TIME: dict[str, Any] = {"openapi_examples": {"time": {"value": "2026-11-23T12:00:00Z"}}}

# A title is the name of the parameter among the document's components.
StatusFilter = Annotated[
    BasketStatus | _Absent,
    Query(
        title="StatusFilter",
        description="The status as of now: an open basket whose `expiresAt` has passed is expired.",
    ),
]
ExternalIdFilter = Annotated[
    str | _Absent,
    Query(
        title="ExternalIdFilter",
        min_length=1,
        max_length=128,
        pattern=PRINTABLE,
        description="The organisation's own id of the order, exactly.",
        openapi_examples={"order": {"value": "EXT-ORD-12345"}},
    ),
]
CreatedAfter = Annotated[
    _Time | _Absent,
    Query(title="CreatedAfter", description="RFC 3339 with an offset, exclusive. A `+` is written `%2B`.", **_TIME),
]
ModifiedAfter = Annotated[
    _Time | _Absent,
    Query(
        title="ModifiedAfter",
        description="RFC 3339 with an offset, exclusive. A `+` is written `%2B`. The order is by the last change then.",
        **_TIME,
    ),
]
Abandoned = Annotated[
    Literal["true", "false"] | _Absent,
    Query(
        title="Abandoned",
        description="`true`: only open baskets to which nothing has happened for a while, an hour unless it was set"
        " otherwise. A verdict counts too.",
    ),
]
PageCursor = Annotated[
    str | _Absent,
    Query(
        title="PageCursor",
        description="The `next` of the page before, with the same filters. `limit` may change.",
        openapi_examples={"next": {"value": CURSOR}},
    ),
]
PageLimit = Annotated[int, Query(title="PageLimit", ge=1, le=MAX_LISTED, description="The most baskets of a page.")]


async def baskets(
    status: StatusFilter = None,
    external_id: ExternalIdFilter = None,
    created_after: CreatedAfter = None,
    modified_after: ModifiedAfter = None,
    abandoned: Abandoned = None,
    cursor: PageCursor = None,
    limit: PageLimit = DEFAULT_LIMIT,
) -> BasketListAnswer:
    """The organisation's own baskets for which every given condition holds, as summaries without personal data. Ours,
    not Limio's.

    The newest created come first. With `modified_after` or `abandoned`, and without `external_id`, the order is by the
    last change, the earliest first: so whoever follows changes finds a basket that changes meanwhile again later. While
    others change, every basket that does not is listed exactly once.

    An entry is as of now, so its `version` serves as `If-Match`. Which baskets are found comes from views, which follow
    a change a moment later: a basket that began just now, or just now came to match, may be missing. Whoever polls with
    `modified_after` begins a minute before the last change that was seen. An unknown or repeated parameter is a 422."""
    raise NotImplementedError
