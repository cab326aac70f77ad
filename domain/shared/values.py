"""Value objects of the whole domain: ids, codes, numbers, times, open maps. Money is in `money.py`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    StringConstraints,
)
from pydantic_core import core_schema

from domain.shared.eventsourcing import Value

Clock = Callable[[], datetime]
"""The present as an aware datetime in UTC."""

NewId = Callable[[], str]
"""A new UUID, version 7, in its usual 36-character form."""

BASKET_ID_PATTERN = r"^basket-[A-Za-z0-9\-_]{32,36}$"
"""From the published Partner Checkout API."""

PRINTABLE = r"^[^\x00-\x1f\x7f]*$"

_UUID = re.compile(r"(basket-)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def normalize_id(id: str) -> str:
    """A UUID, or a basket's id made of one, in lower case; RFC 9562 accepts either case. Any other id as it is."""
    return id.lower() if _UUID.fullmatch(id) else id


BasketId = Annotated[str, StringConstraints(pattern=BASKET_ID_PATTERN)]
Text = Annotated[str, StringConstraints(max_length=512, pattern=PRINTABLE)]
"""A short text without control characters, at most 512 characters."""

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=PRINTABLE)]
"""Somebody's identifier: 1 to 128 characters, none of them a control character."""

_UNSTORABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f"  # control characters, C0 and C1: terminals obey them
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # they turn the direction of what stands around them
    r"\u2028\u2029"  # ends of lines
    r"\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"  # no characters, or half of one
)


def is_storable_text(text: str, longest: int) -> bool:
    """Whether a text of one line can be stored in PostgreSQL and shown on any terminal: at most `longest` characters,
    and none that controls a terminal or turns the direction of writing. New text must pass; stored text need not."""
    if text.isascii() and text.isprintable():
        return len(text) <= longest
    return len(text) <= longest and _UNSTORABLE.search(text) is None


def _require_storable(text: str) -> str:
    if not is_storable_text(text, len(text)):
        raise ValueError("control characters, and those that turn the direction of writing, cannot be kept")
    return text


NewText = Annotated[Text, AfterValidator(_require_storable)]
NewIdentifier = Annotated[Identifier, AfterValidator(_require_storable)]
"""New text from outside. Stored text may contain more."""

DATA_SUBJECT_PATTERN = r"^[A-Za-z0-9._:\-]{1,128}$"
DataSubject = Annotated[str, StringConstraints(pattern=DATA_SUBJECT_PATTERN)]
"""A pseudonymous id of a person. Blanks and `@` are refused, so that it is neither a name nor a mail address."""

PartnerOrganisation = Identifier
MAX_ORGANISATION_LENGTH = 128
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217 alphabetic code."""

OrderItemType = Literal["offer", "add_on"]

MAX_EXACT_FLOAT = 2**53


def _whole_number(value: object) -> object:
    # In JSON, 2, 2.0 and 2e0 are the same number. A float beyond 2**53 may stand for several.
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_EXACT_FLOAT:
        return int(value)
    return value


WHOLE_NUMBER = BeforeValidator(_whole_number)
"""Lets an integer type accept any JSON number without a fraction, such as 2.0."""


@dataclass(frozen=True, slots=True)
class StrictConversion:
    """Converts a value before it is validated, in strict mode only: what is stored is read in the other mode, and needs
    no conversion."""

    convert: Callable[[object], object]

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        schema = handler(source)
        strict = core_schema.no_info_before_validator_function(self.convert, schema)
        return core_schema.lax_or_strict_schema(lax_schema=schema, strict_schema=strict)


@dataclass(frozen=True, slots=True)
class NullIsEmpty:
    """Reads null as an empty list or map, in strict mode only, as for `StrictConversion`. `make_empty` makes one."""

    make_empty: Callable[[], object]

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        schema = handler(source)
        strict = core_schema.no_info_after_validator_function(self._filled, core_schema.nullable_schema(schema))
        return core_schema.lax_or_strict_schema(lax_schema=schema, strict_schema=strict)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"type": "null"}]}

    def _filled(self, value: object) -> object:
        return self.make_empty() if value is None else value


NO_ENTRIES = NullIsEmpty(tuple)

ARRIVING_WHOLE_NUMBER = StrictConversion(_whole_number)
"""`WHOLE_NUMBER` for facts, which are read in strict mode when they arrive."""

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
NOT_A_TIMESTAMP = "a time is RFC 3339 text with an offset, such as 2026-01-31T09:00:00Z"


def parse_timestamp(text: str) -> datetime:
    """An RFC 3339 time in UTC, to the microsecond. Raises ValueError, also for a blank instead of the `T` and for a
    leap second, which RFC 3339 leaves to agreement."""
    if not _RFC_3339.fullmatch(text):
        raise ValueError(NOT_A_TIMESTAMP)
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time must lie in the years 1 to 9999 in UTC") from error
    except ValueError as error:
        raise ValueError(f"{NOT_A_TIMESTAMP}: {error}") from error


def _timestamp(value: object) -> datetime:
    # pydantic alone accepts numbers, digits, days and ordinal dates too, even in strict mode.
    if isinstance(value, str):
        return parse_timestamp(value)
    if isinstance(value, datetime):
        try:
            return value.astimezone(UTC) if value.tzinfo else value
        except OverflowError as error:
            raise ValueError("a time must lie in the years 1 to 9999 in UTC") from error
    raise ValueError(NOT_A_TIMESTAMP)


Timestamp = Annotated[AwareDatetime, BeforeValidator(_timestamp)]
"""A time in UTC: equal times are equal, however they were written. As text it must be RFC 3339."""

MAX_DEPTH = 32
_SURROGATES = re.compile("[\ud800-\udfff]")


def _storable(value: object, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    match value:
        case str() if "\x00" in value:
            raise ValueError("the character U+0000 cannot be stored")
        case str() if not value.isascii() and _SURROGATES.search(value):
            raise ValueError("half of a surrogate pair cannot be stored")
        case float() if not math.isfinite(value):
            raise ValueError("a number is too large")
        case dict():
            for key, entry in value.items():
                _storable(key, depth + 1)
                _storable(entry, depth + 1)
        case list():
            for entry in value:
                _storable(entry, depth + 1)
        case _:
            pass


def _storable_map(value: dict[str, Any]) -> dict[str, Any]:
    _storable(value)
    return value


OpenMap = Annotated[dict[str, JsonValue], AfterValidator(_storable_map)]
"""A JSON object of the caller's own, kept as it came."""


def json_equal(one: object, other: object) -> bool:
    """Whether two JSON values are the same. In Python alone, `true` equals 1 and 1 equals 1.0."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(json_equal(one[key], other[key]) for key in one)
        case list(), list():
            return len(one) == len(other) and all(map(json_equal, one, other))
        case _:
            return one == other


class OfferRef(Value):
    """One version of an offer, as callers name it."""

    id: Identifier
    """The offer's id."""
    version: Identifier
    """The offer's version."""

    def __str__(self) -> str:
        return f"{self.id}@{self.version}"


MAX_PRODUCT_QUANTITY = 2**31 - 1


def _product_quantity(value: object) -> object:
    return 1 if value is None else _whole_number(value)


ProductQuantity = Annotated[int, Field(ge=1, le=MAX_PRODUCT_QUANTITY), StrictConversion(_product_quantity)]
"""How many of a product one offer needs; null is 1."""


class Product(Value):
    """A product that an offer is made of."""

    product_code: Identifier
    """The product's code."""
    path: Text | None = None
    """Where the product is shown."""
    quantity: ProductQuantity = 1
    """How many of the product one offer needs."""


class LineOffer(OfferRef):
    """An offer on a line: name and products as they were known when it was added."""

    name: str | None = None
    """The offer's name when it was added; null if the catalogue did not know it."""
    path: str | None = None
    """Where the offer was shown when it was added."""
    products: tuple[Product, ...] = ()
    """The offer's products when it was added; one that is listed twice counts twice."""


class Market(Value):
    """Where a basket is sold: it decides which price and which availability hold."""

    partner: PartnerOrganisation
    country: Country | None = None
    currency: Currency | None = None


class MessageSource(msgspec.Struct, frozen=True):
    """The place of a message in a Kafka topic."""

    topic: str
    partition: int
    offset: int
