"""Where personal data stands in stored documents: in the `details` of some events and of every snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

from domain.basket.events import BasketDetailsChanged, BasketInitiated

Document = dict[str, Any]

HOLDERS = frozenset({BasketInitiated.TOPIC, BasketDetailsChanged.TOPIC})
"""The types of events that have details."""

EMPTY: dict[str, Any] = {"tracking": {}, "customFields": {}, "dataSubject": None}
"""The fields of details that may hold personal data, and what they say without it."""

SUBJECT = "dataSubject"


def may_hold_personal_data(document: bytes) -> bool:
    """Whether any field of a document, or of an array of them, is not empty: a look at bytes that costs next to
    nothing. It counts, for the maps are the callers' and may have fields of the same names inside."""
    return (
        document.count(b'"tracking":{') != document.count(b'"tracking":{}')
        or document.count(b'"customFields":{') != document.count(b'"customFields":{}')
        or b'"dataSubject":"' in document
    )


def parsed(document: bytes) -> Any:
    """None for what is no JSON: whoever reads it further will say so."""
    try:
        return from_json(document)
    except ValueError:
        return None


def details_of(document: object) -> Document | None:
    """The details of an event or a snapshot, to be changed in place."""
    if not isinstance(document, dict) or document.get("type", BasketInitiated.TOPIC) not in HOLDERS:
        return None
    details = document.get("details")
    return details if isinstance(details, dict) else None


def personal(details: Document) -> Iterator[tuple[str, Any]]:
    """The fields that are not empty."""
    for field, empty in EMPTY.items():
        value = details.get(field)
        if value != empty and isinstance(value, dict | str):
            yield field, value
