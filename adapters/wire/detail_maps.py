"""The open maps of an order that may name a country: `tracking`, and the details of customer, billing and delivery.

A country in them must be one of ISO 3166-1 alpha-2, in either case. Blank text and null name none. In details it is
kept in upper case; tracking is kept as it came.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from domain.shared.iso_codes import country_code
from domain.shared.values import OpenMap

PERSON_MEMBERS = {
    "firstName": ("The given name.", "Grace"),
    "lastName": ("The family name.", "Hopper"),
    "email": ("The mail address.", "grace@example.org"),
    "phone": ("The phone number.", "+44 20 7946 0000"),
    "company": ("The company.", "Example Ltd"),
    "address1": ("The first line of the address.", "1 Example Street"),
    "address2": ("The second line of the address.", "Flat 2"),
    "city": ("The city.", "London"),
    "state": ("The state, county or province.", "London"),
    "postalCode": ("The postal code.", "EC1A 1BB"),
    "country": ("ISO 3166-1 alpha-2. Lower case is accepted, and kept in upper case.", "GB"),
}
"""The members that details of persons usually have: what each is, and an example. All are optional, and any other
member is kept too."""

MEMBER = "member"
"""In an error's context: the member of the map that is wrong."""


def _country_in(member: str, value: dict[str, Any]) -> str | None:
    """The country that a member names, None if it names none. Raises PydanticCustomError, with the member."""
    named = value.get(member)
    if not isinstance(named, str) or not named.strip():
        return None
    try:
        return country_code(named)
    except PydanticCustomError as error:
        # Anything may stand here, also somebody's address: only what looks like a code is quoted.
        is_code = len(named) == 2 and named.isascii() and named.isalpha()
        message = error.message_template if is_code else "a country is a code of ISO 3166-1 alpha-2, such as GB"
        raise PydanticCustomError("unknown_country", message, {**(error.context or {}), MEMBER: member}) from None


def _check_purchase_country(value: dict[str, Any]) -> dict[str, Any]:
    _country_in("purchaseCountryCode", value)
    return value


def _normalize_country(value: dict[str, Any]) -> dict[str, Any]:
    country = _country_in("country", value)
    return value if country is None else {**value, "country": country}


TrackingMap = Annotated[OpenMap, AfterValidator(_check_purchase_country)]
PersonMap = Annotated[
    OpenMap,
    AfterValidator(_normalize_country),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                name: {"description": description, "examples": [example]}
                for name, (description, example) in PERSON_MEMBERS.items()
            },
            "additionalProperties": True,
        }
    ),
]
