"""The country and currency codes in force, for input from outside.

Stored events and facts are not checked: a code that leaves the standard stays readable. The lists come from two small
libraries, `iso3166` (25 KB, loads in 1 ms) and `iso4217` (60 KB, 10 ms, with minor units). `pycountry` and `babel`
have both lists in 8 and 11 MB, load in 30 ms, and lack minor units or have other ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, LiteralString

from iso3166 import countries_by_alpha2
from iso4217 import Currency as Iso4217
from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

USER_ASSIGNED = "XK"
"""Many lists use this code for Kosovo. The standard leaves it to users, so it may mean something else."""

COUNTRIES = frozenset(countries_by_alpha2) - {USER_ASSIGNED}
"""ISO 3166-1 alpha-2."""

MINOR_UNITS: Mapping[str, int] = {
    currency.code: currency.exponent for currency in Iso4217 if currency.exponent is not None
}
"""How many decimals the minor unit of each currency has, by ISO 4217: 2 for GBP, 0 for JPY, 3 for KWD."""

CURRENCIES = frozenset(MINOR_UNITS)
"""ISO 4217, without the codes that nobody pays in: metals, units of account, tests (`XAU`, `XDR`, `XTS`)."""

_MEANT = {"UK": "GB", "EL": "GR"}
"""Codes of other lists for a country of the standard."""


def country_code(text: str) -> str:
    """The code in upper case. Raises PydanticCustomError, a ValueError, with the code `unknown_country`."""
    code = text.upper() if text.isascii() else text
    if code in COUNTRIES:
        return code
    raise _unknown("unknown_country", text, "no country of ISO 3166-1 alpha-2", _MEANT.get(code))


def currency_code(text: str) -> str:
    """The code itself; lower case is refused. Raises PydanticCustomError, a ValueError, with the code
    `unknown_currency`."""
    if text in CURRENCIES:
        return text
    upper = text[:4].upper()
    raise _unknown(
        "unknown_currency", text, "no currency of ISO 4217 that is paid in", upper if upper in CURRENCIES else None
    )


def _unknown(
    kind: Literal["unknown_country", "unknown_currency"], text: str, what: LiteralString, meant: str | None
) -> PydanticCustomError:
    """Quotes the beginning of the text, unless it is blank or holds what a terminal obeys."""
    code = text[:8]
    return PydanticCustomError(
        kind,
        "{code} is " + what + "{meant}",
        {
            "code": code if code.isprintable() and code.strip() else "this",
            "meant": "" if meant is None else f"; {meant} is meant",
        },
    )


def _named_country(text: str | None) -> str | None:
    return None if text is None or not text.strip() else country_code(text)


IsoCountry = Annotated[
    str | None,
    AfterValidator(_named_country),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^[A-Za-z]{2}$", "examples": ["GB"]},
                {"type": "string", "pattern": r"^\s*$"},
                {"type": "null"},
            ]
        }
    ),
]
"""ISO 3166-1 alpha-2. Lower case is accepted, and kept in upper case. Blank text and None name no country: None."""

IsoCurrency = Annotated[
    str,
    AfterValidator(currency_code),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["GBP"]}),
]
"""ISO 4217, in upper case."""
