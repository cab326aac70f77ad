"""Where personal data stands in stored documents: in the `details` of some events and of every snapshot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json, to_json

from domain.basket.events import BasketDetailsChanged, BasketInitiated

Document = dict[str, Any]

EVENT_TYPES_WITH_DETAILS = frozenset({BasketInitiated.TOPIC, BasketDetailsChanged.TOPIC})
"""The types of events that have details."""

EMPTY_FIELDS: dict[str, Any] = {"tracking": {}, "customFields": {}, "dataSubject": None}
"""The fields of details that may hold personal data, and what they say without it."""

SUBJECT_FIELD = "dataSubject"


_FIRST = b'"tracking":{'
_NOTHING = (
    b'"tracking":{},"customFields":{},"dataSubject":null',
    b'"tracking":{},"customFields":{}}',  # as it was before there was a dataSubject
)

_SEALED_MAP = rb'\{(?:"\$sealed":"[A-Za-z0-9+/=]+","key":"(?!0{8}-)[0-9a-f\-]{36}")?\}'
_SEALED_TEXT = rb'(?:null|"\$sealed:(?!0{8}-)[0-9a-f\-]{36}:[A-Za-z0-9+/=]+")'
_NOTHING_UNSEALED = re.compile(
    rb'"tracking":%b,"customFields":%b(?:\}|,"dataSubject":%b)' % (_SEALED_MAP, _SEALED_MAP, _SEALED_TEXT)
)


def may_hold_personal_data(document: bytes) -> bool:
    """Whether any details in a document, or in an array of them, hold personal data: one look at the bytes.

    Details are always written whole and in one order, so all that begin like them must go on as empty ones do.
    What a caller's own map has inside may look like details too; then there is one more that does not go on so.
    """
    at = document.find(_FIRST)
    while at >= 0:
        if not document.startswith(_NOTHING, at):
            return True
        at = document.find(_FIRST, at + len(_FIRST))
    return False


def may_hold_unsealed_data(document: bytes) -> bool:
    """Whether any details in a document, or in an array of them, hold personal data in another form than that of
    sealed data. Whether what has this form is sealed its key says."""
    at = document.find(_FIRST)
    while at >= 0:
        if _NOTHING_UNSEALED.match(document, at) is None:
            return True
        at = document.find(_FIRST, at + len(_FIRST))
    return False


def without_personal_data(document: bytes) -> bytes:
    """An event or a snapshot as it would be had its basket forgotten: the same of an open, a sealed and an emptied
    one, for those who compare them."""
    if not may_hold_personal_data(document):
        return document
    found = parse_document(document)
    details = details_of(found)
    if details is None:
        return document
    details.update({field: empty for field, empty in EMPTY_FIELDS.items() if field in details})
    return to_json(found)


def parse_document(document: bytes) -> Any:
    """None for what is no JSON: whoever reads it further will say so."""
    try:
        return from_json(document)
    except ValueError:
        return None


def details_of(document: object) -> Document | None:
    """The details of an event or a snapshot, to be changed in place."""
    if (
        not isinstance(document, dict)
        or document.get("type", BasketInitiated.TOPIC) not in EVENT_TYPES_WITH_DETAILS
    ):
        return None
    details = document.get("details")
    return details if isinstance(details, dict) else None


def filled_fields(details: Document) -> Iterator[tuple[str, Any]]:
    """The fields that are not empty."""
    for field, empty in EMPTY_FIELDS.items():
        value = details.get(field)
        if value != empty and isinstance(value, dict | str):
            yield field, value
