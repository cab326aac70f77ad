"""pydantic's errors as text, for people who read dead letters and refused lines."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from adapters.wire.strict_json import pointer

MAX_REASONS = 5

KEY_MARKER = "[key]"
"""pydantic appends this to a member with a wrong name."""

_MESSAGES = {
    "extra_forbidden": "the contract knows no such member",
    "missing": "this member is required",
}

ValidationReason = tuple[str, str]
"""A JSON pointer (empty: the whole document), and what is wrong there."""


def describe_validation_error(error: ValidationError, *, within_union: bool = False) -> str:
    """What is wrong and where, in one line. `within_union`: pydantic's locations begin with a member of a union, which
    is no part of the document."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return join_reasons([validation_reason(detail, within_union=within_union) for detail in details])


def join_reasons(reasons: Sequence[ValidationReason]) -> str:
    """The first reasons in one line, and how many more there are."""
    first = [f"{pointer}: {message}" if pointer else message for pointer, message in reasons[:MAX_REASONS]]
    more = len(reasons) - len(first)
    return "; ".join(first) + (f"; and {more} more" if more else "")


def validation_reason(detail: ErrorDetails, *, within_union: bool = False) -> ValidationReason:
    location = tuple(part for part in detail["loc"][within_union:] if part != KEY_MARKER)
    message = _MESSAGES.get(detail["type"], detail["msg"].removeprefix("Value error, "))
    return pointer(location), message
