"""New codes must be in the standards. Stored codes that left them stay readable."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.shared.iso_codes import COUNTRIES, CURRENCIES, IsoCountry, IsoCurrency
from domain.shared.values import Market

COUNTRY: TypeAdapter[str | None] = TypeAdapter(IsoCountry)
CURRENCY: TypeAdapter[str] = TypeAdapter(IsoCurrency)


def refusal(adapter: TypeAdapter[Any], value: str) -> tuple[str, str]:
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(value)
    (error,) = refused.value.errors()
    return error["type"], error["msg"]


@pytest.mark.parametrize(("said", "kept"), [("GB", "GB"), ("gb", "GB"), ("Gb", "GB"), ("gr", "GR")])
def test_a_country_is_accepted_in_either_case_and_kept_in_upper_case(said: str, kept: str) -> None:
    assert COUNTRY.validate_python(said) == kept


@pytest.mark.parametrize("code", ["ZZ", "AA", "XX", "XK", "EU", "SU", "YU", "CS", "AN", "DD", "TP", "zz"])
def test_a_country_that_the_standard_does_not_list_is_refused_by_name(code: str) -> None:
    kind, message = refusal(COUNTRY, code)
    assert kind == "unknown_country"
    assert message.startswith(f"{code} is no country")


@pytest.mark.parametrize(("said", "meant"), [("UK", "GB"), ("uk", "GB"), ("EL", "GR")])
def test_a_code_of_another_list_gets_a_hint(said: str, meant: str) -> None:
    assert f"{meant} is meant" in refusal(COUNTRY, said)[1]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("G", "G"),
        ("GBR", "GBR"),
        ("G1", "G1"),
        ("ＧＢ", "ＧＢ"),
        ("gß", "gß"),
        (" GB", " GB"),
        ("United Kingdom", "United K"),
        ("GB\n", "this"),
        ("\x1b[31mGB", "this"),
        ("\u202eGB", "this"),
        ("\ud800", "this"),
        ("       \t  GB", "this"),
    ],
)
@pytest.mark.parametrize(("adapter", "kind"), [(COUNTRY, "unknown_country"), (CURRENCY, "unknown_currency")])
def test_another_form_is_refused_by_name_and_nothing_that_controls_a_terminal_is_quoted(
    adapter: TypeAdapter[Any], kind: str, text: str, named: str
) -> None:
    found, message = refusal(adapter, text)
    assert found == kind
    assert message.startswith(f"{named} is no ")


@pytest.mark.parametrize("text", ["", " ", "\t\n", None])
def test_blank_text_names_no_country(text: str | None) -> None:
    assert COUNTRY.validate_python(text) is None


def test_blank_text_is_no_currency() -> None:
    assert refusal(CURRENCY, " ")[1].startswith("this is no currency")


@pytest.mark.parametrize("code", ["GBP", "EUR", "JPY", "KWD", "CHF", "XOF", "XAF", "XCD", "XPF"])
def test_a_currency_in_use_is_accepted(code: str) -> None:
    assert CURRENCY.validate_python(code) == code


@pytest.mark.parametrize(
    "code", ["ABC", "ZZZ", "XXX", "XTS", "XAU", "XDR", "DEM", "FRF", "HRK", "BGN", "VEB", "BTC", "gbx"]
)
def test_a_currency_that_nobody_pays_in_is_refused_by_name(code: str) -> None:
    kind, message = refusal(CURRENCY, code)
    assert kind == "unknown_currency"
    assert code in message


def test_a_currency_in_lower_case_is_refused_with_a_hint() -> None:
    assert refusal(CURRENCY, "gbp") == (
        "unknown_currency",
        "gbp is no currency of ISO 4217 that is paid in; GBP is meant",
    )


def test_the_lists_have_what_the_standards_have() -> None:
    assert len(COUNTRIES) == 249
    assert 150 < len(CURRENCIES) < 180


def test_stored_events_with_unknown_codes_are_readable() -> None:
    stored = Market.model_validate({"partner": "acme", "country": "ZZ", "currency": "DEM"})
    assert (stored.country, stored.currency) == ("ZZ", "DEM")


def test_reading_stored_events_does_not_load_the_lists() -> None:
    loaded = "import sys, domain.basket.events, domain.catalogue.facts; print('iso4217' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
