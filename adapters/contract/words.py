"""What pydantic found, for people who read dead letters and refused lines."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from adapters.contract.strict_json import pointer

MOST_REASONS = 5

A_NAME = "[key]"
"""pydantic says so behind a member whose name is wrong."""

_MESSAGES = {
    "extra_forbidden": "the contract knows no such member",
    "missing": "this member is required",
}

Reason = tuple[str, str]
"""Where something is wrong (a JSON pointer; empty: everywhere), and what."""


def in_words(error: ValidationError, *, within_union: bool = False) -> str:
    """What is wrong and where, in one line. `within_union`: a union of models was read, of which pydantic names the
    member that it took; the document does not hold that name."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return told([reason(detail, within_union=within_union) for detail in details])


def told(reasons: Sequence[Reason]) -> str:
    """The first of these in one line, and how many more there are."""
    first = [f"{pointer}: {message}" if pointer else message for pointer, message in reasons[:MOST_REASONS]]
    more = len(reasons) - len(first)
    return "; ".join(first) + (f"; and {more} more" if more else "")


def reason(detail: ErrorDetails, *, within_union: bool = False) -> Reason:
    """Where something is wrong, and what."""
    location = tuple(part for part in detail["loc"][within_union:] if part != A_NAME)
    message = _MESSAGES.get(detail["type"], detail["msg"].removeprefix("Value error, "))
    return pointer(location), message
