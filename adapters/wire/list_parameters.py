"""From the query string of a list of baskets to its filter, or to everything that is wrong with it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from adapters.wire.query_parameters import query_pairs, refuse
from domain.basket.events import BasketStatus
from domain.basket.lister import MAX_LISTED
from domain.ports.basket_list import BasketFilter
from domain.shared.errors import Violation
from domain.shared.values import NOT_A_TIMESTAMP, Identifier, Timestamp

DEFAULT_LIMIT = 25


def _decimal_digits(text: object) -> object:
    # int() alone accepts blanks, underscores and digits of other scripts.
    if isinstance(text, str) and (not text.isascii() or not text.isdecimal() or len(text) > 6):
        raise ValueError("not a whole number")
    return text


class ListParameters(BaseModel):
    """The query of a list of baskets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: BasketStatus | None = None
    external_id: Identifier | None = None
    created_after: Timestamp | None = None
    modified_after: Timestamp | None = None
    abandoned: Literal["true", "false"] = "false"
    cursor: str | None = None
    limit: Annotated[int, BeforeValidator(_decimal_digits), Field(ge=1, le=MAX_LISTED)] = DEFAULT_LIMIT

    def filter_for(self, partner: str) -> BasketFilter:
        """The filter over an organisation's baskets."""
        return BasketFilter(
            partner=partner,
            status=self.status,
            external_id=self.external_id,
            created_after=self.created_after,
            modified_after=self.modified_after,
            abandoned=self.abandoned == "true",
        )


def parse_list(query_string: bytes) -> ListParameters:
    """Raises InvalidParameters with everything that is wrong. The order of parameters does not matter."""
    values: dict[str, str] = {}
    repeated: dict[str, None] = {}
    for name, value in query_pairs(query_string):
        if name in values:
            repeated[name] = None
        values[name] = value
    violations = [Violation((name,), "repeated_parameter", "this parameter stands twice") for name in repeated]
    try:
        parameters = ListParameters.model_validate(values)
    except ValidationError as error:
        violations += map(_violation, error.errors(include_url=False, include_input=False))
    refuse(violations)
    return parameters


def _violation(detail: ErrorDetails) -> Violation:
    name = detail["loc"][0]
    match detail["type"], name:
        case "extra_forbidden", _:
            return Violation((name,), "unknown_parameter", "this call knows no such parameter")
        case _, "limit":
            return Violation((name,), "out_of_range", f"this must be a whole number from 1 to {MAX_LISTED}")
        case _, "created_after" | "modified_after":
            return Violation((name,), "wrong_format", f"{NOT_A_TIMESTAMP}; write + as %2B")
        case "literal_error", _:
            return Violation((name,), "not_one_of", detail["msg"])
        case _:
            return Violation((name,), "wrong_format", detail["msg"])
