"""Where personal data stands in stored documents: in the `details` of some events and of every snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json, to_json

from domain.basket.events import BasketDetailsChanged, BasketInitiated

Document = dict[str, Any]

EVENT_TYPES_WITH_DETAILS = frozenset({BasketInitiated.TOPIC, BasketDetailsChanged.TOPIC})

EMPTY_FIELDS: Document = {
    "tracking": {},
    "customFields": {},
    "dataSubject": None,
    "customerDetails": {},
    "billingDetails": {},
    "deliveryDetails": {},
}
"""The fields of details that may hold personal data, and their values without it, in the order of documents."""

SUBJECT_FIELD = "dataSubject"

FIRST_FIELD = b'"tracking":{'
"""How personal fields begin in a document. They are always written whole and in one order."""

_EMPTY = (
    to_json(EMPTY_FIELDS)[1:-1],
    b'"tracking":{},"customFields":{},"dataSubject":null}',  # from before there were details of persons
    b'"tracking":{},"customFields":{},"dataSubject":null,"orderItems":',  # the same in a stored response
    b'"tracking":{},"customFields":{}}',  # from before there was a dataSubject
)


def may_hold_personal_data(document: bytes) -> bool:
    """Whether any details in a document, or in an array of documents, hold personal data.

    This only searches the bytes, because it runs for every event that is read. A caller's own map can contain
    text that looks like filled details; then the answer is True, which costs a parse.
    """
    at = document.find(FIRST_FIELD)
    while at >= 0:
        if not document.startswith(_EMPTY, at):
            return True
        at = document.find(FIRST_FIELD, at + len(FIRST_FIELD))
    return False


def without_personal_data(document: bytes) -> bytes:
    """An event or a snapshot as it is after its basket's erasure. Plain, encrypted and erased forms of one document
    give the same bytes, so that they can be compared."""
    if not may_hold_personal_data(document):
        return document
    parsed = parse_document(document)
    details = details_of(parsed)
    if details is None:
        return document
    clear_personal_fields(details)
    return to_json(parsed)


def clear_personal_fields(details: Document) -> None:
    """Empties the personal fields that are present."""
    details.update({field: empty for field, empty in EMPTY_FIELDS.items() if field in details})


def parse_document(document: bytes) -> Any:
    """The parsed JSON, None where it is not JSON. The decoder of events reports that later."""
    try:
        return from_json(document)
    except ValueError:
        return None


def details_of(document: object) -> Document | None:
    """The details of a parsed event or snapshot; changing them changes the document."""
    if not isinstance(document, dict):
        return None
    if document.get("type", BasketInitiated.TOPIC) not in EVENT_TYPES_WITH_DETAILS:
        return None
    details = document.get("details")
    return details if isinstance(details, dict) else None


def filled_fields(details: Document) -> Iterator[tuple[str, Any]]:
    """The personal fields that are not empty, with their values."""
    for field, empty in EMPTY_FIELDS.items():
        value = details.get(field)
        if value != empty and isinstance(value, dict | str):
            yield field, value
